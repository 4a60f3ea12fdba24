"""Receives a batch's accounts, several at a time. Pure: `Workers` carries out the calls of the store.

Accounts are independent, and one account's calls follow one another, so its events stay in order. Accounts begin in the
order in which they occur in the batch. So if the time ends, the first records are the most likely to be done. But
accounts for which the store did not answer in an earlier delivery come last. Otherwise, accounts whose items are
throttled would stop the others at each delivery.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from account_events.consumer.errors import NotAttempted, Refused, Unavailable
from account_events.consumer.inbox import Inbox, Received, Steps
from account_events.consumer.position import Arrival, Position
from account_events.consumer.store import POSITIONS_MAX
from account_events.consumer.workers import CallingThread, Started, Workers

Effect = TypeVar("Effect")

UNANSWERED_MAX = 10
"""After so many calls without an answer, one at a time and without a completed account, the batch is not continued.

An account has at most one such call in a batch, so these are as many accounts.
"""
LATE_MAX = 10_000
"""How many accounts for which the store did not answer are remembered."""


class Unanswered:
    """The accounts for which the store did not answer at their last attempt, in the order of these attempts."""

    def __init__(self) -> None:
        self._late: dict[str, None] = {}

    def ordered(self, account_ids: Iterable[str]) -> list[str]:
        """The accounts in the order in which they are to be attempted: those that are late come last."""
        turns = {account_id: number for number, account_id in enumerate(self._late)}
        return sorted(account_ids, key=lambda account_id: turns.get(account_id, -1))

    def note(self, received: Iterable[tuple[str, Received]]) -> None:
        """Note a batch's results. An account that was not attempted keeps its turn."""
        for account_id, each in received:
            if isinstance(each.error, NotAttempted):
                continue
            self._late.pop(account_id, None)
            if isinstance(each.error, Unavailable):
                self._late[account_id] = None
        while len(self._late) > LATE_MAX:
            del self._late[next(iter(self._late))]


class Pace:
    """How many calls may run at a time: half as many if the store does not answer, one more for each completed account.

    An answer to a read shows nothing, because DynamoDB may throttle only the writes. A throttled store gets few calls
    from a batch: twice as many as there are threads, and UNANSWERED_MAX. The rest of the batch is not attempted.
    """

    def __init__(self, most: int) -> None:
        self._most = self.calls = most
        self.round = 0
        """Counts the reductions. A call that began before the last one shows nothing about the current pace."""
        self._unanswered = 0

    @property
    def is_stopped(self) -> bool:
        return self._unanswered >= UNANSWERED_MAX

    def completed(self) -> None:
        self._unanswered = 0
        self.calls = min(self._most, self.calls + 1)

    def unanswered(self, began_in: int) -> None:
        if began_in != self.round:
            return
        self.round += 1
        if self.calls > 1:
            self.calls //= 2
        else:
            self._unanswered += 1


class _Call(NamedTuple):
    steps: Steps[None]
    round: int


class Receiving(Generic[Effect]):
    """One batch. `received` has the result of each account that was attempted.

    Args:
        inbox: applies the events.
        arrivals: each account's arrivals, in the order of the stream.
        account_ids: the accounts in the order in which they begin.
        now_s: seconds since 1970.
        buffer_failures: see `Inbox.receive`; for all accounts, or the accounts for which it is set.
        workers: carry out the calls of the store.
        time_left_s: no call begins once it returns 0 or less.
        grace_s: how many seconds after that the calls in progress are awaited. The result of a call that takes longer
            is unknown. It may still be carried out later: its condition is the position that was read.
    """

    def __init__(
        self,
        inbox: Inbox[Effect],
        arrivals: Mapping[str, Sequence[Arrival]],
        account_ids: Iterable[str],
        now_s: float,
        *,
        buffer_failures: bool | Collection[str],
        workers: Workers,
        time_left_s: Callable[[], float] | None,
        grace_s: float,
    ) -> None:
        self.received: dict[str, Received] = {}
        self._inbox, self._arrivals, self._now_s, self._buffer_failures = inbox, arrivals, now_s, buffer_failures
        self._workers, self._time_left_s, self._grace_s = workers, time_left_s, grace_s
        self._pace = Pace(workers.count)
        self._new = deque(account_ids)
        self._ready: deque[Steps[None]] = deque()
        self._due: deque[tuple[Steps[None], Callable[[], Any]]] = deque()
        self._calls: dict[Started, _Call] = {}
        # In one thread, reads in advance would save time too, but consumers of earlier releases lack the permission.
        self._reads = None if isinstance(workers, CallingThread) else inbox.batched_reads
        self._is_reading = False

    @property
    def is_out_of_time(self) -> bool:
        return self._time_left_s is not None and self._time_left_s() <= 0

    def run(self) -> None:
        """Receive all accounts; stop if the time ends or the store does not answer."""
        try:
            self._continue()
        finally:
            for started in self._calls:
                started.cancel()  # it may still wait for a thread that an earlier batch's call occupies
        for steps in (*(call.steps for call in self._calls.values()), *(steps for steps, _ in self._due)):
            _end(steps, self.not_attempted())

    def _continue(self) -> None:
        while True:
            self._start()
            if not self._calls or not (done := self._workers.wait(self._calls, self._wait_s())):
                return
            for future in done:
                self._resume(future, self._calls.pop(future))

    def not_attempted(self, accounts: int = 1) -> NotAttempted:
        """The error of accounts that were not received, or not completely."""
        why = "the store did not answer for others" if self._pace.is_stopped else "there was no time left"
        what = "1 account" if accounts == 1 else f"{accounts} accounts"
        return NotAttempted(f"{what} of the batch could not be completed, because {why}: receive the records again.")

    def _wait_s(self) -> float | None:
        return None if self._time_left_s is None else max(0.0, self._time_left_s() + self._grace_s)

    def _start(self) -> None:
        """Start calls: of accounts in progress first, then of the next ones."""
        while len(self._calls) < self._pace.calls and not self._pace.is_stopped and not self.is_out_of_time:
            if self._due:
                self._call(*self._due.popleft())
            elif self._new and not self._is_reading and len(self._ready) < self._pace.calls:
                self._prepare()
            elif self._ready:
                self._advance(partial(next, steps := self._ready.popleft()), steps)
            else:
                return

    def _prepare(self) -> None:
        """Start reading the next positions; without batched reads, the accounts read their own."""
        account_ids = list(islice(self._new, POSITIONS_MAX if self._reads else 1))
        for _ in account_ids:
            self._new.popleft()
        if self._reads is None:
            self._ready += (self._account(account_id) for account_id in account_ids)
        else:
            self._is_reading = True
            steps = self._read(partial(self._reads.positions, account_ids), account_ids)
            self._advance(partial(next, steps), steps)

    def _read(self, call: Callable[[], Mapping[str, Position]], account_ids: Sequence[str]) -> Steps[None]:
        try:
            positions = yield call
        except NotAttempted:
            return
        except Refused:
            self._ready += (self._account(account_id) for account_id in account_ids)
        except Exception as error:  # noqa: BLE001 -- each account reports it
            self._ready += (self._account(account_id, partial(_raised, error)) for account_id in account_ids)
        else:
            for account_id in account_ids:
                found = positions.get(account_id)
                self._ready.append(self._account(account_id, None if found is None else partial(_same, found)))
        self._is_reading = False

    def _account(self, account_id: str, position: Callable[[], Position] | None = None) -> Steps[None]:
        given = self._buffer_failures
        received = self.received[account_id] = yield from self._inbox.steps(
            account_id,
            self._arrivals[account_id],
            self._now_s,
            buffer_failures=given if isinstance(given, bool) else account_id in given,
            position=position,
        )
        if not isinstance(received.error, Unavailable):
            self._pace.completed()

    def _resume(self, done: Started, call: _Call) -> None:
        try:
            resume = partial(call.steps.send, done.result())
        except BaseException as error:  # noqa: BLE001 -- the steps raise it again if they do not handle it
            if isinstance(error, Unavailable):
                self._pace.unanswered(call.round)
            resume = partial(call.steps.throw, error)
        self._advance(resume, call.steps)

    def _advance(self, resume: Callable[[], Callable[[], Any]], steps: Steps[None]) -> None:
        """Resume the steps, and note the call that they yield; nothing if they have ended."""
        with suppress(StopIteration):
            self._due.append((steps, resume()))

    def _call(self, steps: Steps[None], call: Callable[[], Any]) -> None:
        self._calls[self._workers.start(call)] = _Call(steps, self._pace.round)


def _end(steps: Steps[None], error: NotAttempted) -> None:
    with suppress(StopIteration):
        while True:
            steps.throw(error)


def _same(position: Position) -> Position:
    return position


def _raised(error: Exception) -> Position:
    raise error


def in_order(receiving: Receiving[Any], arrivals: Mapping[str, Sequence[Arrival]]) -> Iterator[tuple[str, Received]]:
    """The accounts and their results, in the order of the batch."""
    for account_id, of_account in arrivals.items():
        received = receiving.received.get(account_id)
        yield account_id, received or Received(unsafe=of_account[0].record, error=receiving.not_attempted())
