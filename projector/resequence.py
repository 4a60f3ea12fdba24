"""Orders an account's arrivals by sequence and fills gaps from the table, which is the source of truth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from projector.errors import Unavailable
from projector.last_published import Span
from projector.outgoing import Arrival, Outgoing, Poison, is_stray

Missing = Callable[[str, int, int, int], Iterable[Arrival]]
"""Reads events from the table, in sequence, as events or Poison. Arguments: account, first, last, position."""

_BY_SEQUENCE = attrgetter("sequence", "position")


@dataclass(slots=True)
class Resequenced:
    """An account's arrivals, divided into what can be published and what must wait.

    Attributes:
        events: the events to publish, in sequence.
        poison: follows the events and can never be published.
        failure: why the arrivals after the events could not be checked now.
        behind: the arrivals that must wait, including the poison.
        filled: how many of the events the batch lacked.
    """

    events: Sequence[Outgoing] = ()
    poison: Poison | None = None
    failure: str = ""
    behind: list[Arrival] = field(default_factory=list)
    filled: int = 0


def is_in_sequence(arrivals: Sequence[Arrival], published: int | None) -> bool:
    """Whether the arrivals are exactly the account's next events in sequence.

    Args:
        arrivals: arrivals of one account.
        published: the last sequence known to be published; None if none is known: the next event is then the first.
    """
    due = 1 if published is None else published + 1
    for arrival in arrivals:
        if arrival.sequence != due or isinstance(arrival, Poison):
            return False
        due += 1
    return True


def resequence(arrivals: Sequence[Arrival], published: Span | None, missing: Missing) -> Resequenced:
    """Sort an account's arrivals, drop published ones, and fill gaps.

    Args:
        arrivals: at least one arrival, all of one account, in any order. Arrivals may be repeated.
        published: the events known to be on the stream. They are not published again, and a gap after them is filled
            first. If the first arrival precedes these events, publishing starts again with that arrival. The projector
            could not know that this event was missing. It publishes the event out of order instead of losing it. If
            `published` is None, nothing is known, and publishing starts with the first arrival.
        missing: reads events from the table; may raise Unavailable.
    """
    waiting = sorted(arrivals, key=_BY_SEQUENCE)
    first = waiting[0].sequence
    due = first if published is None or first < published.first else published.last + 1
    events: list[Outgoing] = []
    resequenced = Resequenced(events)
    for number, arrival in enumerate(waiting):
        if arrival.sequence < due and not is_stray(arrival):
            continue
        try:
            found = _with_missing(arrival, due, missing)
        except Unavailable as error:
            resequenced.failure, resequenced.behind = str(error), waiting[number:]
            break
        poison = next((one for one in found if isinstance(one, Poison)), None)
        good = [
            one for one in found if isinstance(one, Outgoing) and (poison is None or one.sequence < poison.sequence)
        ]
        events += good
        resequenced.filled += len([one for one in good if one is not arrival])
        if poison is not None:
            resequenced.poison, resequenced.behind = poison, waiting[number:]
            break
        due = arrival.sequence + 1
    return resequenced


def _with_missing(arrival: Arrival, due: int, missing: Missing) -> list[Arrival]:
    if arrival.sequence <= due:  # lower only for a stray row, which has no predecessor
        return [arrival]
    return [*missing(arrival.account_id, due, arrival.sequence - 1, arrival.position), arrival]
