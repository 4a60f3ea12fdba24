"""Where an account stands in an inbox, and what may be done with the events that arrive. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from account_events.consumer.events import Event

BUFFERED_BYTES_MAX = 64 * 1024
"""Of one account's early events, some four hundred. DynamoDB could hold 400 KB, and each change writes it all."""
BUFFERED_BYTES_LIMIT = 256 * 1024
"""The most that one may set: with an attribute's name for each event, the item stays below 400 KB."""
GAPS_MAX = 100
"""So many gaps are told at a time, the oldest."""


class Arrival(NamedTuple):
    """An event as it came.

    Attributes:
        data: as it stood on the stream, in either framing.
        record: the number, within its batch, of the Kinesis record that it came in.
    """

    event: Event
    data: bytes
    record: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far an account has come.

    Attributes:
        last: the sequence of the last event applied; 0 before the first.
        held: events that came before their turn, by sequence, as they stood on the stream.
        seen: the highest sequence that has come. Above `last`, the account waits.
        since_s: since when it waits for the event after `last`, seconds since 1970; None if it does not.
        revision: counts the changes; a store uses it for optimistic locking.
    """

    last: int = 0
    held: Mapping[int, bytes] = field(default_factory=dict)
    seen: int = 0
    since_s: float | None = None
    revision: int = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the next event is there and was not applied: the consumer refused it."""
        return self.last + 1 in self.held

    @property
    def missing_through(self) -> int:
        """The last event that is not here, of those that have to come first."""
        return min(self.held) - 1 if self.held else self.seen


@dataclass(frozen=True, slots=True)
class Gap:
    """What an account has been waiting for.

    Attributes:
        first: the sequence of the event waited for.
        last: of the last one that is known to be missing. `first` - 1 where nothing is missing: the consumer has
            refused the event `first`, which is held.
        since_s: seconds since 1970.
    """

    account_id: str
    first: int
    last: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Sorted:
    """What is to be done with an account's arrivals.

    Attributes:
        ready: in sequence from `Position.last` + 1 on; bytes are those of an event that was held.
        early: to be held, by sequence.
        duplicates: how many arrivals are applied or held already.
        refused: the sequences that there is no room to hold, ascending.
    """

    ready: list[Event | bytes]
    early: dict[int, bytes]
    duplicates: int
    refused: list[int]


def sort(position: Position, arrivals: Iterable[Arrival], buffered_bytes_max: int, *, is_stuck: bool = False) -> Sorted:
    """Which arrivals are duplicates, which are next, and which have come early.

    Args:
        position: the account's.
        arrivals: in any order.
        buffered_bytes_max: what may be held at most.
        is_stuck: nothing is next: what is held right behind the position could not be applied.
    """
    waiting: dict[int, Event | bytes] = dict(position.held)
    early: dict[int, bytes] = {}
    duplicates = 0
    for event, data, _ in arrivals:
        if event.sequence <= position.last or event.sequence in waiting:
            duplicates += 1
        else:
            waiting[event.sequence], early[event.sequence] = event, data
    ready: list[Event | bytes] = []
    following = position.last + 1
    while following in waiting and not is_stuck:
        ready.append(waiting.pop(following))
        early.pop(following, None)
        following += 1
    refused = []
    size = sum(len(data) for sequence, data in position.held.items() if sequence >= following)
    for sequence in sorted(early):
        size += len(early[sequence])
        if size > buffered_bytes_max:
            refused.append(sequence)
    return Sorted(ready, {number: data for number, data in early.items() if number not in refused}, duplicates, refused)


def moved(position: Position, last: int, early: Mapping[int, bytes], seen: int, now_s: float) -> Position:
    """The position once the events up to `last` are applied, `early` ones held, and some up to `seen` have come."""
    held = {sequence: data for sequence, data in {**position.held, **early}.items() if sequence > last}
    seen = max(position.seen, last, seen)
    began_s = position.since_s if position.since_s is not None and last == position.last else now_s
    return Position(last, held, seen, began_s if seen > last else None, position.revision + 1)


def gap(account_id: str, position: Position) -> Gap | None:
    """What is missing, if it waits."""
    if position.since_s is None:
        return None
    return Gap(account_id, position.last + 1, position.missing_through, position.since_s)
