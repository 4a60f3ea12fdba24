"""A Lambda function on the stream: passes batches to a consumer and reports the records to redeliver.

The event source mapping needs FunctionResponseTypes [ReportBatchItemFailures]. Lambda then delivers the lowest reported
record, and all records after it, again
(docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html).
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from account_events.consumer.consumer import Consumer, KinesisRecord, Outcome

Kind = TypeVar("Kind")


class NotAKinesisEvent(Exception):
    """The function was invoked with something other than Kinesis records. Check the function's event source."""


class ItemFailure(TypedDict):
    """A record to redeliver: `itemIdentifier` is its sequence number."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """The response that the event source mapping reads."""

    batchItemFailures: list[ItemFailure]


class LambdaHandler:
    """A Lambda handler: call it with the event and the context.

    Args:
        consumer: receives the records.
        now: returns seconds since 1970.
        report: called with the outcome of every batch. Log its failures and raise an alarm for its gaps.
    """

    def __init__(self, consumer: Consumer[Any], *, now: Callable[[], float], report: Callable[[Outcome], None]) -> None:
        self._consumer, self._now, self._report = consumer, now, report

    def __call__(self, event: Mapping[str, Any], _context: object = None) -> BatchResponse:
        """Process a batch and return, for each failed account, the first record to redeliver, in the batch's order.

        Raises:
            NotAKinesisEvent: nothing was processed; Lambda delivers the whole batch again.
        """
        outcome = self._consumer.receive(records_of(event), self._now())
        self._report(outcome)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in outcome.unsafe]}


def records_of(event: Mapping[str, Any]) -> list[KinesisRecord]:
    """The Kinesis records in a Lambda event.

    Raises:
        NotAKinesisEvent: the event has another shape.
    """
    try:
        return [
            KinesisRecord(
                _of_type(str, record["kinesis"]["sequenceNumber"]),
                base64.b64decode(record["kinesis"]["data"], validate=True),
            )
            for record in _of_type(list, event["Records"])
        ]
    except (KeyError, TypeError, ValueError) as error:  # binascii.Error is a ValueError
        raise NotAKinesisEvent(
            f"The event is not a batch of Kinesis records ({type(error).__name__}: {error}). Check the "
            "function's event source."
        ) from error


def _of_type(kind: type[Kind], value: object) -> Kind:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
