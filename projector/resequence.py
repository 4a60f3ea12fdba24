"""An account's arrivals in sequence and without holes: what is missing is read from the table, which is the truth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from projector.errors import Unavailable
from projector.last_published import Span
from projector.outgoing import Arrival, Outgoing, Poison, is_stray

Missing = Callable[[str, int, int, int], Iterable[Arrival]]
"""Account, first and last sequence, position: those events from the table, in sequence, each there or a Poison."""

_BY_SEQUENCE = attrgetter("sequence", "position")


@dataclass(slots=True)
class Resequenced:
    """What may be done for one account with a batch.

    Attributes:
        events: to be published, in sequence.
        poison: what stands behind them and can never be published.
        failure: why what stands behind them could not be looked at just now.
        behind: what has to wait, the poison included.
        filled: how many of the events were missing in the batch.
    """

    events: Sequence[Outgoing] = ()
    poison: Poison | None = None
    failure: str = ""
    behind: list[Arrival] = field(default_factory=list)
    filled: int = 0


def is_in_sequence(arrivals: Sequence[Arrival], published: int | None) -> bool:
    """Whether the arrivals are nothing but the account's next events, in sequence, from its first if none is known."""
    due = 1 if published is None else published + 1
    for arrival in arrivals:
        if arrival.sequence != due or isinstance(arrival, Poison):
            return False
        due += 1
    return True


def resequence(arrivals: Sequence[Arrival], published: Span | None, missing: Missing) -> Resequenced:
    """The account's line.

    Args:
        arrivals: of one account, in any order, also twice; at least one.
        published: what is known to be on the stream. It does not go again, and what is missing behind it goes first. If
            the arrivals' first is from before that, everything goes from there on: out of its turn, because nobody
            knew, but it is not lost. None: nothing is known, and the line begins with the arrivals' first.
        missing: reads from the table; may raise Unavailable.
    """
    waiting = sorted(arrivals, key=_BY_SEQUENCE)
    first = waiting[0].sequence
    due = first if published is None or first < published.first else published.last + 1
    events: list[Outgoing] = []
    line = Resequenced(events)
    for number, arrival in enumerate(waiting):
        if arrival.sequence < due and not is_stray(arrival):
            continue
        try:
            found = _with_what_is_missing(arrival, due, missing)
        except Unavailable as error:
            line.failure, line.behind = str(error), waiting[number:]
            break
        poison = next((one for one in found if isinstance(one, Poison)), None)
        good = [
            one for one in found if isinstance(one, Outgoing) and (poison is None or one.sequence < poison.sequence)
        ]
        events += good
        line.filled += len([one for one in good if one is not arrival])
        if poison is not None:
            line.poison, line.behind = poison, waiting[number:]
            break
        due = arrival.sequence + 1
    return line


def _with_what_is_missing(arrival: Arrival, due: int, missing: Missing) -> list[Arrival]:
    if arrival.sequence <= due:  # less only for a stray row, in front of which nothing can be missing
        return [arrival]
    return [*missing(arrival.account_id, due, arrival.sequence - 1, arrival.position), arrival]
