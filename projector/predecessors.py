"""Finds the late events of accounts that are unknown to this execution environment.

AWS promises the order of a table's stream per item only (docs.aws.amazon.com/amazondynamodb/latest/developerguide/
Streams.html), and each event of an account is a separate item. If an environment has already published events of an
account, it notices a missing or late record as a gap. If not, it would start with the first record that arrives.
Therefore it reads the previous event from the table. If that event occurred within the order window, its record may not
have arrived yet: the event is published now, together with all earlier events within the window. If one of them was
already published, it is then on the stream twice, which consumers expect. An event before the window counts as
delivered.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, wait
from typing import NamedTuple, Protocol, TypeVar

from projector.errors import Unavailable
from projector.lanes import NOT_ATTEMPTED
from projector.outgoing import Arrival, Outgoing

KEYS_MAX = 100
"""Per request: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""

NO_ANSWER = "DynamoDB left the key unprocessed"

Item = TypeVar("Item")
Result = TypeVar("Result")


class Key(NamedTuple):
    """The key of an event."""

    account_id: str
    sequence: int


class FirstSeen(NamedTuple):
    """The first event in a batch of an account that this environment does not know.

    Attributes:
        sequence: the event's sequence, at least 2.
        occurred_us: microseconds since 1970; None for a row that is not an event.
        position: the position of its record in the batch.
    """

    account_id: str
    sequence: int
    occurred_us: int | None
    position: int

    @property
    def predecessor(self) -> Key:
        return Key(self.account_id, self.sequence - 1)


class Predecessors(Protocol):
    """The accounts' table. Both methods read with strong consistency and may raise Unavailable."""

    def times(self, keys: Sequence[Key]) -> Mapping[str, int | None]:
        """Read the times at which events occurred, in one request.

        Args:
            keys: at most KEYS_MAX, each of a different account.

        Returns:
            Microseconds since 1970, by account; None if the row does not exist or has no valid time. Accounts whose
            keys DynamoDB left unprocessed are missing.
        """

    def recent(self, last: Key, before_us: int | None, window_us: int, position: int) -> Sequence[Arrival]:
        """Read the account's events up to `last` that occurred less than `window_us` before `before_us`, in sequence.

        The result ends with the first event that can never be published. One request is nearly always enough.

        Args:
            last: always returned: even if it occurred earlier, is unreadable or is missing.
            before_us: microseconds since 1970. If it is None, the newest valid time among these events is used.
            window_us: microseconds.
            position: the position in the batch of the record that required the read.
        """


def first_seen(account_id: str, arrivals: Sequence[Arrival]) -> FirstSeen | None:
    """Return the batch's first event of an unknown account, or None if that event has sequence 1 and no predecessor.

    Args:
        account_id: an account that this environment does not know.
        arrivals: everything in the batch for that account.
    """
    first = min(arrivals, key=lambda arrival: arrival.sequence)
    if first.sequence == 1:
        return None
    occurred_us = first.occurred_us if isinstance(first, Outgoing) else None
    return FirstSeen(account_id, first.sequence, occurred_us, first.position)


class PredecessorCheck:
    """Reads the events whose records may not have arrived yet.

    Args:
        table: the accounts' table.
        window_us: the order window, microseconds.
        executor: runs several requests at a time.
    """

    def __init__(self, table: Predecessors, window_us: int, executor: Executor) -> None:
        self._table = table
        self._window_us = window_us
        self._executor = executor

    def __call__(
        self, firsts: Sequence[FirstSeen], is_time_left: Callable[[], bool]
    ) -> Mapping[str, Sequence[Arrival] | Unavailable]:
        """Return, by account, the events to publish before `firsts`, or the error that prevented reading them.

        Args:
            firsts: each of a different account.
            is_time_left: no request begins once it returns False.
        """
        times = self._times(firsts, is_time_left)
        unanswered = {account_id: time for account_id, time in times.items() if isinstance(time, Unavailable)}
        in_window = [first for first in firsts if self._may_be_late(first, times[first.account_id])]

        def recent(first: FirstSeen) -> Sequence[Arrival] | Unavailable:
            where = first.predecessor, first.occurred_us, self._window_us, first.position
            return _attempt(lambda: self._table.recent(*where), is_time_left)

        found = self._call_each(recent, in_window)
        return {**unanswered, **{first.account_id: events for first, events in zip(in_window, found, strict=True)}}

    def _times(
        self, firsts: Sequence[FirstSeen], is_time_left: Callable[[], bool]
    ) -> dict[str, int | Unavailable | None]:
        """The times of the predecessors by account, as `Predecessors.times` returns them, or why one is unknown."""

        def times(keys: Sequence[Key]) -> Mapping[str, int | None] | Unavailable:
            return _attempt(lambda: self._table.times(keys), is_time_left)

        keys = [first.predecessor for first in firsts]
        chunks = [keys[start : start + KEYS_MAX] for start in range(0, len(keys), KEYS_MAX)]
        answers: dict[str, int | Unavailable | None] = {}
        for chunk, answer in zip(chunks, self._call_each(times, chunks), strict=True):
            unanswered = answer if isinstance(answer, Unavailable) else Unavailable(NO_ANSWER)
            known: Mapping[str, int | None] = {} if isinstance(answer, Unavailable) else answer
            answers |= {key.account_id: known.get(key.account_id, unanswered) for key in chunk}
        return answers

    def _may_be_late(self, first: FirstSeen, predecessor_us: int | Unavailable | None) -> bool:
        """Whether the predecessor's record may still arrive; True if either of the two events has no time."""
        if isinstance(predecessor_us, Unavailable):
            return False
        if first.occurred_us is None or predecessor_us is None:
            return True
        return first.occurred_us - predecessor_us < self._window_us

    def _call_each(self, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Call concurrently, and return the results in the order of the items once all calls have ended."""
        calls = [self._executor.submit(call, item) for item in items]
        wait(calls)
        return [each.result() for each in calls]


def _attempt(read: Callable[[], Result], is_time_left: Callable[[], bool]) -> Result | Unavailable:
    if not is_time_left():
        return Unavailable(NOT_ATTEMPTED)
    try:
        return read()
    except Unavailable as error:
        return error
