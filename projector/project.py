"""One batch of the table's stream, from Lambda's event to Lambda's answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from projector.errors import Unpublishable
from projector.outgoing import Outgoing, outgoing
from projector.parse import Insert, Unreadable, parse
from projector.waves import HeldBack

BatchResponse = dict[str, list[dict[str, str]]]

BEHIND = "waits behind an event that cannot be published"


class Publisher(Protocol):
    def publish(self, events: Iterable[Outgoing], deadline_s: float) -> Sequence[HeldBack]:
        """As `KinesisPublisher.publish`."""


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A stream record whose event is not, or not known to be, on Kinesis.

    Attributes:
        account_id: None where not even that can be read.
        sequence: the event's; None where it cannot be read.
        reason: for the log; never an amount.
    """

    sequence_number: str
    account_id: str | None
    sequence: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        records: how many there were, of whatever kind.
        published: how many events Kinesis accepted.
        unsafe: the records to be delivered again, in stream order.
    """

    records: int
    published: int
    unsafe: Sequence[Unsafe]

    @property
    def response(self) -> BatchResponse:
        """Lambda's: the lowest unsafe record is the checkpoint, and it and all after it are delivered again.

        docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
        """
        return {"batchItemFailures": [{"itemIdentifier": unsafe.sequence_number} for unsafe in self.unsafe[:1]]}


def project(
    event: Mapping[str, Any], publisher: Publisher, deadline_s: float, report: Callable[[Outcome], None]
) -> BatchResponse:
    """Publishes a batch's events; answers from where on Lambda must deliver again.

    An event that cannot be published holds back the later events of its account; the other accounts go on, so what
    lies behind the checkpoint may be published a second time.

    Args:
        event: Lambda's, as `parse` describes it.
        publisher: a `KinesisPublisher`.
        deadline_s: no put begins at or after it, on the publisher's clock.
        report: is told the outcome once, before this returns.

    Raises:
        NotATableStream: nothing was published; the whole batch fails.
    """
    records = parse(event)
    events, unsafe = prepare(records)
    held = publisher.publish(events, deadline_s)
    by_number = {one.sequence_number: one for one in (*unsafe, *map(_unsafe, held))}
    outcome = Outcome(
        records=len(event["Records"]),
        published=len(events) - len(held),
        unsafe=[by_number[record.sequence_number] for record in records if record.sequence_number in by_number],
    )
    report(outcome)
    return outcome.response


def prepare(records: Iterable[Insert | Unreadable]) -> tuple[list[Outgoing], list[Unsafe]]:
    """The events that may be published now, and what may not, both in stream order.

    Behind a record whose account cannot be read every account waits: it may be anyone's.
    """
    events: list[Outgoing] = []
    unsafe: list[Unsafe] = []
    blocked: set[str | None] = set()
    for record in records:
        made = _make(record, blocked)
        if isinstance(made, Outgoing):
            events.append(made)
        else:
            unsafe.append(made)
            blocked.add(made.account_id)
    return events, unsafe


def _make(record: Insert | Unreadable, blocked: set[str | None]) -> Outgoing | Unsafe:
    if isinstance(record, Unreadable):
        return Unsafe(record.sequence_number, record.account_id, None, record.reason)
    row = record.row
    if not blocked.isdisjoint((None, row.account_id)):
        return Unsafe(record.sequence_number, row.account_id, row.sequence, BEHIND)
    try:
        return outgoing(record)
    except Unpublishable as error:
        return Unsafe(record.sequence_number, row.account_id, row.sequence, str(error))


def _unsafe(held: HeldBack) -> Unsafe:
    event = held.event
    return Unsafe(event.sequence_number, event.account_id, event.sequence, held.reason)
