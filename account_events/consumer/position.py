"""An account's position in an inbox, and how arriving events change it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from account_events.consumer.events import Event

BUFFERED_BYTES_MAX = 64 * 1024
"""The default limit per account: about four hundred events. Every change of the position rewrites the whole buffer."""
BUFFERED_BYTES_LIMIT = 256 * 1024
"""The highest limit you can set. Including the map keys of the events, the item stays below DynamoDB's 400 KB.

With DynamoDBItemInbox, your attributes are in the same item and count toward the 400 KB, too.
"""
GAPS_MAX = 100
"""The number of gaps in one report; the oldest come first."""


class Arrival(NamedTuple):
    """An event as it arrived.

    Attributes:
        data: its bytes on the stream, in either framing.
        record: the index, within the batch, of the Kinesis record that contained it.
    """

    event: Event
    data: bytes
    record: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far an account has been processed.

    Attributes:
        last: the sequence of the last event applied; 0 before the first.
        buffered: the out-of-order events that wait for an earlier one: their bytes on the stream, by sequence.
        seen: the highest sequence that has arrived. If it is above `last`, the account waits.
        since_s: when the account began to wait for the event after `last`, in seconds since 1970; None if it does not
            wait.
        revision: the number of changes, for the store's optimistic locking.
    """

    last: int = 0
    buffered: Mapping[int, bytes] = field(default_factory=dict)
    seen: int = 0
    since_s: float | None = None
    revision: int = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the next event is buffered, which means that it could not be applied."""
        return self.last + 1 in self.buffered

    @property
    def missing_through(self) -> int:
        """The last missing event before the first buffered one; without buffered events, the highest that arrived."""
        return min(self.buffered) - 1 if self.buffered else self.seen


@dataclass(frozen=True, slots=True)
class Gap:
    """The events that an account waits for.

    Attributes:
        first: the sequence of the next event to apply.
        last: the sequence of the last missing event. It is `first` - 1 if no event is missing: event `first` is
            buffered, but the consumer refused it.
        since_s: when the account began to wait, in seconds since 1970.
    """

    account_id: str
    first: int
    last: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Sorted:
    """What to do with an account's arrivals.

    Attributes:
        ready: the events to apply now, in sequence from `Position.last` + 1; buffered ones still as bytes.
        out_of_order: the events to buffer, by sequence.
        duplicates: how many arrivals were applied or buffered before.
        overflow: the sequences that no longer fit into the buffer, ascending.
    """

    ready: list[Event | bytes]
    out_of_order: dict[int, bytes]
    duplicates: int
    overflow: list[int]


def sort(position: Position, arrivals: Iterable[Arrival], buffered_bytes_max: int, *, is_stuck: bool = False) -> Sorted:
    """Separate duplicates, events that are ready, and events that are out of order.

    Args:
        position: the account's.
        arrivals: in any order.
        buffered_bytes_max: the limit of the buffer, in bytes of event data.
        is_stuck: the next event could not be applied, so no event is ready.
    """
    waiting: dict[int, Event | bytes] = dict(position.buffered)
    out_of_order: dict[int, bytes] = {}
    duplicates = 0
    for event, data, _ in arrivals:
        if event.sequence <= position.last or event.sequence in waiting:
            duplicates += 1
        else:
            waiting[event.sequence], out_of_order[event.sequence] = event, data
    ready: list[Event | bytes] = []
    following = position.last + 1
    while following in waiting and not is_stuck:
        ready.append(waiting.pop(following))
        out_of_order.pop(following, None)
        following += 1
    overflow = []
    size = sum(len(data) for sequence, data in position.buffered.items() if sequence >= following)
    for sequence in sorted(out_of_order):
        size += len(out_of_order[sequence])
        if size > buffered_bytes_max:
            overflow.append(sequence)
    fitting = {sequence: data for sequence, data in out_of_order.items() if sequence not in overflow}
    return Sorted(ready, fitting, duplicates, overflow)


def moved(position: Position, last: int, out_of_order: Mapping[int, bytes], seen: int, now_s: float) -> Position:
    """The position after all events up to `last` are applied, `out_of_order` is buffered and `seen` has arrived."""
    buffered = {sequence: data for sequence, data in {**position.buffered, **out_of_order}.items() if sequence > last}
    seen = max(position.seen, last, seen)
    began_s = position.since_s if position.since_s is not None and last == position.last else now_s
    return Position(last, buffered, seen, began_s if seen > last else None, position.revision + 1)


def gap(account_id: str, position: Position) -> Gap | None:
    """The events that the account waits for; None if it does not wait."""
    if position.since_s is None:
        return None
    return Gap(account_id, position.last + 1, position.missing_through, position.since_s)
