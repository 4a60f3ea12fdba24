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

RESERVE_S = 10.0
"""The default time, in seconds, in which no call of the store begins any more before the function's timeout."""


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

    It returns before the function's timeout, which would lose the results of the whole invocation: records that are not
    processed by then are among those to redeliver. If the consumer has threads, calls of the store in progress are
    awaited for the first half of the reserve. Without threads, a call of the store must end within it.

    Args:
        consumer: receives the records.
        now: returns seconds since 1970.
        report: called with the outcome of every batch. Log its failures and raise an alarm for its gaps.
        reserve_s: how many seconds before the function's timeout no call of the store begins any more. If fewer than
            twice as many are left at the start, it is half of those.
    """

    def __init__(
        self,
        consumer: Consumer[Any],
        *,
        now: Callable[[], float],
        report: Callable[[Outcome], None],
        reserve_s: float = RESERVE_S,
    ) -> None:
        self._consumer, self._now, self._report, self._reserve_s = consumer, now, report, reserve_s

    def __call__(self, event: Mapping[str, Any], context: Any = None) -> BatchResponse:  # noqa: ANN401 -- Lambda's, untyped
        """Process a batch and return, for each failed account, the first record to redeliver, in the batch's order.

        Without a context, or with a mock that returns no number of milliseconds, as in a test of your own, there is no
        limit of time.

        Raises:
            NotAKinesisEvent: nothing was processed; Lambda delivers the whole batch again.
        """
        remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
        if remaining_ms is None or not isinstance(left_ms := remaining_ms(), int | float):
            outcome = self._consumer.receive(records_of(event), self._now())
        else:
            reserve_s = min(self._reserve_s, left_ms / 2_000)
            outcome = self._consumer.receive(
                records_of(event),
                self._now(),
                time_left_s=lambda: remaining_ms() / 1_000 - reserve_s,
                grace_s=reserve_s / 2,
            )
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
