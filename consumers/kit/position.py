"""Where an account stands in an inbox, and what may be done with the events that arrive. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from consumers.kit.events import Event

HELD_BYTES_MAX = 256 * 1024
"""Of one account's early events; an item of DynamoDB holds 400 KB."""


class Arrival(NamedTuple):
    """An event as it came.

    Attributes:
        data: its single-object encoding.
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
        held: events that came before their turn, by sequence, encoded.
        since_s: since when the event after `last` has been waited for, seconds since 1970; None if nothing is held.
        revision: counts the changes; a store uses it for optimistic locking.
    """

    last: int = 0
    held: Mapping[int, bytes] = field(default_factory=dict)
    since_s: float | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """What an account has been waiting for.

    Attributes:
        first: the sequence of the event waited for.
        last: of the last event that is known to be missing: the next one is held. `first` - 1 where nothing is missing:
            the held event `first` could not be applied.
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


def sort(position: Position, arrivals: Iterable[Arrival], held_bytes_max: int) -> Sorted:
    """Which arrivals are duplicates, which are next, and which have come early."""
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
    while following in waiting:
        ready.append(waiting.pop(following))
        early.pop(following, None)
        following += 1
    refused = []
    size = sum(len(data) for sequence, data in position.held.items() if sequence >= following)
    for sequence in sorted(early):
        size += len(early[sequence])
        if size > held_bytes_max:
            refused.append(sequence)
    return Sorted(ready, {number: data for number, data in early.items() if number not in refused}, duplicates, refused)


def moved(position: Position, last: int, early: Mapping[int, bytes], now_s: float) -> Position:
    """The position after the events up to `last` are applied and `early` ones have come; its revision is one more."""
    held = {sequence: data for sequence, data in {**position.held, **early}.items() if sequence > last}
    is_waiting_on = bool(position.held) and last == position.last
    since_s = (position.since_s if is_waiting_on else now_s) if held else None
    return replace(position, last=last, held=held, since_s=since_s, revision=position.revision + 1)


def gap(account_id: str, position: Position) -> Gap | None:
    """What is missing in front of what is held."""
    if position.since_s is None:
        return None
    return Gap(account_id, position.last + 1, min(position.held) - 1, position.since_s)
