"""A Lambda function on the stream: its batches through a consumer, and the answer that its trigger understands.

The mapping has to have FunctionResponseTypes [ReportBatchItemFailures]: the lowest number reported is then the
checkpoint, and it and all after it come again
(docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html).
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from account_events.consumer.consumer import Consumer, KinesisRecord, Outcome

Kind = TypeVar("Kind")


class NotAKinesisEvent(Exception):
    """What the function was invoked with is no batch of a Kinesis trigger."""


class ItemFailure(TypedDict):
    """Attributes: `itemIdentifier` is a record's sequence number."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """What the trigger reads."""

    batchItemFailures: list[ItemFailure]


class LambdaHandler:
    """Call it as Lambda does.

    Args:
        consumer: takes the records.
        now: seconds since 1970.
        report: told of every batch's outcome, for logs, metrics and alarms: above all of its failures and gaps.
    """

    def __init__(self, consumer: Consumer[Any], *, now: Callable[[], float], report: Callable[[Outcome], None]) -> None:
        self._consumer, self._now, self._report = consumer, now, report

    def __call__(self, event: Mapping[str, Any], _context: object = None) -> BatchResponse:
        """For every account that failed, the first record that is unsafe for it, the batch's first one first.

        Raises:
            NotAKinesisEvent: nothing was done; the whole batch comes again.
        """
        outcome = self._consumer.receive(records_of(event), self._now())
        self._report(outcome)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in outcome.unsafe]}


def records_of(event: Mapping[str, Any]) -> list[KinesisRecord]:
    """The records that Lambda hands over.

    Raises:
        NotAKinesisEvent: they are not Kinesis'.
    """
    try:
        return [
            KinesisRecord(
                _a(str, record["kinesis"]["sequenceNumber"]), base64.b64decode(record["kinesis"]["data"], validate=True)
            )
            for record in _a(list, event["Records"])
        ]
    except (KeyError, TypeError, ValueError) as error:  # binascii's is a ValueError
        raise NotAKinesisEvent(f"not a batch of Kinesis records: {type(error).__name__}: {error}") from error


def _a(kind: type[Kind], value: object) -> Kind:
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} is due")
    return value
