"""Accounts that this execution environment meets for the first time: is the event before theirs on the stream?

AWS promises the order of a table's stream per item only (docs.aws.amazon.com/amazondynamodb/latest/developerguide/
Streams.html), and each of an account's events is an item of its own. An environment that has published an account's
events before sees a record that is missing, or comes late, as a hole. One that has not would begin with whatever record
comes first. So it looks at the event before that one in the table. If it occurred within the order window, its record
may still be on its way: it is published now, and so is every earlier event within the window. An older one is trusted
to have been delivered. An event that had been published already is then on the stream twice, which consumers expect.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from projector.errors import Unavailable
from projector.lanes import NOT_ATTEMPTED
from projector.outgoing import Arrival, Outgoing

KEYS_MAX = 100
"""In one request: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""

NO_ANSWER = "DynamoDB left the key unprocessed"

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Concurrently(Protocol):
    def __call__(self, call: Callable[[Asked], Answered], items: Sequence[Asked], /) -> Sequence[Answered]:
        """`call` for each of the items, several at a time; the results are in the order of the items."""


class Key(NamedTuple):
    """An event."""

    account_id: str
    sequence: int


class FirstSight(NamedTuple):
    """The first event in a batch of an account that is not known here.

    Attributes:
        sequence: its; at least 2.
        occurred_us: microseconds since 1970; None for a row that is no event.
        position: in the batch, of its record.
    """

    account_id: str
    sequence: int
    occurred_us: int | None
    position: int

    @property
    def predecessor(self) -> Key:
        return Key(self.account_id, self.sequence - 1)


class Predecessors(Protocol):
    """The table. Both methods read with strong consistency and may raise Unavailable."""

    def times(self, keys: Sequence[Key]) -> Mapping[str, int | None]:
        """When events occurred, at most KEYS_MAX of them, each of another account. One request.

        Returns:
            Microseconds since 1970, by account; None where there is no such row, or no time can be read in it. An
            account whose key DynamoDB left unprocessed is missing.
        """

    def recent(self, last: Key, before_us: int | None, window_us: int, position: int) -> Sequence[Arrival]:
        """The account's events up to `last` that occurred less than `window_us` before `before_us`, in sequence.

        It ends with the first that can never be published. One request, nearly always.

        Args:
            last: is returned whatever its time: it may be unreadable, or missing.
            before_us: microseconds since 1970; None: the time of the newest of these events that has one.
            window_us: microseconds.
            position: in the batch, of the record for whose sake they are read.
        """


def first_sight(account_id: str, arrivals: Sequence[Arrival]) -> FirstSight | None:
    """Of an account that is not known here, given what the batch holds of it; None if nothing can be before that."""
    first = min(arrivals, key=lambda arrival: arrival.sequence)
    if first.sequence == 1:
        return None
    occurred_us = first.occurred_us if isinstance(first, Outgoing) else None
    return FirstSight(account_id, first.sequence, occurred_us, first.position)


class PredecessorCheck:
    """Reads what may still be on its way to the stream.

    Args:
        table: the accounts' table.
        window_us: the order window, microseconds.
        concurrently: makes several requests at a time.
    """

    def __init__(self, table: Predecessors, window_us: int, concurrently: Concurrently) -> None:
        self._table = table
        self._window_us = window_us
        self._concurrently = concurrently

    def __call__(
        self, firsts: Sequence[FirstSight], is_time_left: Callable[[], bool]
    ) -> Mapping[str, Sequence[Arrival] | Unavailable]:
        """By account, the events that have to be published before its first; or why that is not known just now.

        Args:
            firsts: each of another account.
            is_time_left: no request begins once it returns False.
        """
        times = self._times(firsts, is_time_left)
        unanswered = {account_id: time for account_id, time in times.items() if isinstance(time, Unavailable)}
        in_window = [first for first in firsts if self._may_be_on_its_way(first, times[first.account_id])]

        def recent(first: FirstSight) -> Sequence[Arrival] | Unavailable:
            where = first.predecessor, first.occurred_us, self._window_us, first.position
            return _attempt(lambda: self._table.recent(*where), is_time_left)

        found = self._concurrently(recent, in_window)
        return {**unanswered, **{first.account_id: events for first, events in zip(in_window, found, strict=True)}}

    def _times(
        self, firsts: Sequence[FirstSight], is_time_left: Callable[[], bool]
    ) -> dict[str, int | Unavailable | None]:
        """When the events before these occurred, by account, as `Predecessors.times`, or why that is not known."""

        def times(keys: Sequence[Key]) -> Mapping[str, int | None] | Unavailable:
            return _attempt(lambda: self._table.times(keys), is_time_left)

        keys = [first.predecessor for first in firsts]
        chunks = [keys[start : start + KEYS_MAX] for start in range(0, len(keys), KEYS_MAX)]
        answers: dict[str, int | Unavailable | None] = {}
        for chunk, answer in zip(chunks, self._concurrently(times, chunks), strict=True):
            unanswered = answer if isinstance(answer, Unavailable) else Unavailable(NO_ANSWER)
            known: Mapping[str, int | None] = {} if isinstance(answer, Unavailable) else answer
            answers |= {key.account_id: known.get(key.account_id, unanswered) for key in chunk}
        return answers

    def _may_be_on_its_way(self, first: FirstSight, predecessor_us: int | Unavailable | None) -> bool:
        """Also where one of the two has no time: nothing shows that the predecessor is old."""
        if isinstance(predecessor_us, Unavailable):
            return False
        if first.occurred_us is None or predecessor_us is None:
            return True
        return first.occurred_us - predecessor_us < self._window_us


def _attempt(read: Callable[[], Answered], is_time_left: Callable[[], bool]) -> Answered | Unavailable:
    if not is_time_left():
        return Unavailable(NOT_ATTEMPTED)
    try:
        return read()
    except Unavailable as error:
        return error
