"""A consumer with threads: several accounts of a batch advance at a time, each in its own order."""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from account_events.consumer import Consumer, Event, Inbox, KinesisRecord, MemoryInbox, Outcome, Threads
from account_events.consumer.errors import NotAttempted, Refused, Unavailable
from account_events.consumer.inbox import Received
from account_events.consumer.position import Position
from account_events.consumer.receiving import LATE_MAX, UNANSWERED_MAX, Pace, Unanswered
from account_events.consumer.workers import THREADS_MAX
from tests.unit.consumer.given import encoded, records
from tests.unit.consumer.timed_workers import TimedWorkers

NOW = 1_000.0
THREADS = 8


def accounts(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def batch_of(account_ids: Sequence[str], events: int = 1) -> list[KinesisRecord]:
    """A record for each event: the first of every account, then the second ones, and so on."""
    datas = [encoded(account_id, events) for account_id in account_ids]
    return records(*(of_account[number] for number in range(events) for of_account in datas))


class Recording(MemoryInbox):
    """Records its calls. Attributes: `faults` is called by `advance`, and may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Sequence[str]] = []
        self.single: list[str] = []
        self.advanced: list[str] = []
        self.attempts = 0
        self.faults: Callable[[str], None] = lambda _: None

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        self.batches.append(account_ids)
        return {account_id: MemoryInbox.position(self, account_id) for account_id in account_ids}

    def position(self, account_id: str) -> Position:
        self.single.append(account_id)
        return super().position(account_id)

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.attempts += 1
        self.faults(account_id)
        super().advance(account_id, before, after, effect)
        self.single.pop()  # MemoryInbox compares the position that it reads
        self.advanced.append(account_id)


class Applied:
    """A handler. Attributes: `sequences` of each account; `threads` that called it."""

    def __init__(self) -> None:
        self.sequences: dict[str, list[int]] = {}
        self.threads: set[int] = set()

    def __call__(self, events: Sequence[Event]) -> None:
        self.threads.add(threading.get_ident())
        for event in events:
            self.sequences.setdefault(event.account_id, []).append(event.sequence)


@pytest.fixture
def store() -> Recording:
    return Recording()


@pytest.fixture
def applied() -> Applied:
    return Applied()


def test_accounts_of_a_batch_advance_at_the_same_time(store: Recording, applied: Applied) -> None:
    workers = TimedWorkers(THREADS)
    outcome = Consumer(Inbox(store, applied), workers=workers).receive(batch_of(accounts(80), 3), NOW)
    assert (outcome.applied, outcome.checkpoint, outcome.failures) == (240, "240", [])
    assert applied.sequences == {each: [1, 2, 3] for each in accounts(80)}
    assert workers.most == THREADS
    assert workers.now_s == pytest.approx(0.005 * (1 + 240 / THREADS))


def test_threads_apply_each_account_in_order(store: Recording, applied: Applied) -> None:
    consumer = Consumer(Inbox(store, applied), workers=Threads(THREADS))
    outcome = consumer.receive(batch_of(accounts(50), 4), NOW)
    assert (outcome.applied, outcome.failures) == (200, [])
    assert applied.sequences == {each: [1, 2, 3, 4] for each in accounts(50)}


def test_the_handler_is_called_in_the_calling_thread_only(applied: Applied) -> None:
    store, of_the_store = Recording(), set[int]()
    store.faults = lambda _: of_the_store.add(threading.get_ident())
    Consumer(Inbox(store, applied), workers=Threads(THREADS)).receive(batch_of(accounts(50)), NOW)
    assert applied.threads == {threading.get_ident()}
    assert of_the_store.isdisjoint(applied.threads)


def test_without_threads_the_store_is_called_in_the_calling_thread(store: Recording, applied: Applied) -> None:
    """As in earlier releases: one account after the other, without the permission for batched reads."""
    Consumer(Inbox(store, applied)).receive(batch_of(accounts(3), 2), NOW)
    assert store.advanced == [account_id for account_id in accounts(3) for _ in range(2)]
    assert store.batches == []


def test_positions_are_read_a_hundred_at_a_time(store: Recording, applied: Applied) -> None:
    Consumer(Inbox(store, applied), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(250)), NOW)
    assert [len(batch) for batch in store.batches] == [100, 100, 50]
    assert store.single == []


def test_a_position_that_is_out_of_date_is_read_again(applied: Applied) -> None:
    """Another worker applies every account's first event between the batched read and the write."""

    class Contended(Recording):
        def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
            read = super().positions(account_ids)
            for account_id in account_ids:
                self._positions[account_id] = Position(1, seen=1, revision=1)
            return read

    store = Contended()
    outcome = Consumer(Inbox(store, applied), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(20), 2), NOW)
    assert (outcome.applied, outcome.duplicates, outcome.failures) == (20, 20, [])
    assert store.advanced == accounts(20)


class WithoutBatchedReads:
    """A store of a consumer's own, with the three methods of InboxStore."""

    def __init__(self) -> None:
        memory = MemoryInbox()
        self.position, self.advance, self.gaps = memory.position, memory.advance, memory.gaps


def test_a_store_without_batched_reads_works_with_threads(applied: Applied) -> None:
    outcome = Consumer(Inbox(WithoutBatchedReads(), applied), workers=TimedWorkers(4)).receive(
        batch_of(accounts(20)), NOW
    )
    assert (outcome.applied, outcome.failures) == (20, [])


def test_positions_that_a_batched_read_left_out_are_read_alone(applied: Applied) -> None:
    class Throttled(Recording):
        def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
            return dict(list(super().positions(account_ids).items())[:-2])

    store = Throttled()
    outcome = Consumer(Inbox(store, applied), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(9)), NOW)
    assert (outcome.applied, store.single) == (9, accounts(9)[-2:])


class Failing(Recording):
    """Its batched reads raise `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        del account_ids
        raise self.error


def test_a_refused_batched_read_costs_only_time(applied: Applied) -> None:
    """One key that no table can store must not stop the other accounts of its batch."""
    store = Failing(Refused("an empty key"))
    outcome = Consumer(Inbox(store, applied), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(9)), NOW)
    assert (outcome.applied, sorted(store.single)) == (9, accounts(9))


@pytest.mark.parametrize("error", [Unavailable("no"), RuntimeError("no permission")], ids=repr)
def test_a_failed_batched_read_is_reported_for_its_accounts(applied: Applied, error: Exception) -> None:
    outcome = Consumer(Inbox(Failing(error), applied), workers=TimedWorkers(THREADS)).receive(
        batch_of(accounts(3)), NOW
    )
    assert [(each.account_id, each.error) for each in outcome.failures] == [(each, error) for each in accounts(3)]
    assert (outcome.checkpoint, applied.sequences) == (None, {})


def test_failures_are_in_the_order_of_their_records(store: Recording, applied: Applied) -> None:
    """The last account's call ends first, and every third account fails."""
    takes = count(100, -1)

    def fault(account_id: str) -> None:
        if int(account_id[-3:]) % 3 == 0:
            raise RuntimeError(account_id)

    store.faults = fault
    workers = TimedWorkers(50, takes_s=lambda: float(next(takes)))
    outcome = Consumer(Inbox(store, applied), workers=workers).receive(batch_of(accounts(10), 2), NOW)
    failed = [each for index, each in enumerate(accounts(10)) if index % 3 == 0]
    assert [failure.account_id for failure in outcome.failures] == failed
    assert outcome.unsafe == ["1", "4", "7", "10"]
    assert sorted(set(store.advanced)) == [each for each in accounts(10) if each not in failed]
    assert outcome.applied == 12


def test_a_handler_that_refuses_an_account_stops_no_other(store: Recording) -> None:
    def handle(events: Sequence[Event]) -> None:
        if events[0].account_id == "account-003":
            raise RuntimeError("refused")

    outcome = Consumer(Inbox(store, handle), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(9), 2), NOW)
    assert (outcome.applied, outcome.unsafe) == (16, ["4"])


@pytest.mark.parametrize("make", [lambda: TimedWorkers(THREADS), lambda: Threads(THREADS)], ids=["fake", "threads"])
def test_the_end_of_the_process_is_not_swallowed(
    store: Recording, applied: Applied, make: Callable[[], TimedWorkers | Threads]
) -> None:
    """As SystemExit is raised by a signal's handler. What was written is applied once when the batch is read again."""

    def fault(account_id: str) -> None:
        if account_id == "account-004":
            raise SystemExit

    store.faults = fault
    with pytest.raises(SystemExit):
        Consumer(Inbox(store, applied), workers=make()).receive(batch_of(accounts(30)), NOW)
    store.faults = lambda _: None
    again = Consumer(Inbox(store, applied), workers=TimedWorkers(THREADS)).receive(batch_of(accounts(30)), NOW)
    assert again.failures == []
    assert {store.position(account_id).last for account_id in accounts(30)} == {1}
    assert len(store.advanced) == len(set(store.advanced)) == 30


@pytest.mark.parametrize(("threads", "attempts_max"), [(32, 2 * 32 + UNANSWERED_MAX), (1, UNANSWERED_MAX)])
def test_a_store_that_does_not_answer_gets_few_calls(
    store: Recording, applied: Applied, threads: int, attempts_max: int
) -> None:
    def fault(_: str) -> None:
        raise Unavailable("throttled")

    store.faults = fault
    workers = TimedWorkers(threads) if threads > 1 else None
    outcome = Consumer(Inbox(store, applied), workers=workers).receive(batch_of(accounts(500)), NOW)
    assert threads <= store.attempts <= attempts_max
    [rest] = [failure for failure in outcome.failures if isinstance(failure.error, NotAttempted)]
    assert rest.account_id is None
    assert str(rest.error).startswith(f"{500 - store.attempts} accounts of the batch could not be completed")
    assert "because the store did not answer" in str(rest.error)
    assert (outcome.applied, outcome.checkpoint) == (0, None)


def delivered(consumer: Consumer[Any], batch: Sequence[KinesisRecord], times: int) -> list[Outcome]:
    """Deliver the batch, and then the records from the first one to redeliver on, as Lambda does."""
    outcomes = []
    for _ in range(times):
        outcomes.append(outcome := consumer.receive(batch, NOW))
        first = min(map(int, outcome.unsafe), default=len(batch) + 1)
        batch = [record for record in batch if int(record.sequence_number) >= first]
    return outcomes


def throttled(store: Recording, hot: Sequence[str]) -> None:
    def fault(account_id: str) -> None:
        if account_id in hot:
            raise Unavailable("throttled")

    store.faults = fault


@pytest.mark.parametrize("threads", [1, THREADS])
@pytest.mark.parametrize("hot", [1, 2 * UNANSWERED_MAX, 4 * UNANSWERED_MAX])
def test_throttled_accounts_do_not_stop_the_others(store: Recording, applied: Applied, threads: int, hot: int) -> None:
    """The items of the batch's first accounts are throttled, at each delivery."""
    throttled(store, accounts(hot))
    workers = TimedWorkers(threads) if threads > 1 else None
    consumer = Consumer(Inbox(store, applied), workers=workers)
    outcomes = delivered(consumer, batch_of(accounts(hot + 200), 2), 2 + hot // UNANSWERED_MAX)
    assert {each: applied.sequences[each] for each in accounts(hot + 200)[hot:]} == {
        each: [1, 2] for each in accounts(hot + 200)[hot:]
    }
    assert outcomes[-1].unsafe[0] == "1", "the throttled accounts are delivered again"


def test_one_throttled_account_costs_one_call_of_a_delivery(store: Recording, applied: Applied) -> None:
    throttled(store, accounts(1))
    consumer = Consumer(Inbox(store, applied))
    [first, second] = delivered(consumer, batch_of(accounts(5), 3), 2)
    assert store.attempts == 2 + 3 * 4
    assert (first.applied, first.unsafe, second.applied, second.unsafe) == (12, ["1"], 0, ["1"])


def test_every_throttled_account_gets_its_turn(store: Recording, applied: Applied) -> None:
    attempted = list[str]()

    def fault(account_id: str) -> None:
        attempted.append(account_id)
        raise Unavailable("throttled")

    store.faults = fault
    delivered(Consumer(Inbox(store, applied)), batch_of(accounts(50)), 15)
    assert attempted == 3 * accounts(50), "none is attempted again before all others"


def test_the_accounts_that_are_remembered_are_limited() -> None:
    late = Unanswered()
    failed = Received(error=Unavailable("throttled"))
    late.note((each, failed) for each in map(str, range(LATE_MAX + 2)))
    assert late.ordered(["1", "2", "new", "0"]) == ["1", "new", "0", "2"]
    late.note([("2", Received())])
    assert late.ordered(["3", "2"]) == ["2", "3"]


def test_a_store_that_conflicts_with_itself_still_advances_each_account(applied: Applied) -> None:
    """All effects write one item, so calls in progress at the same time conflict: then only one is in progress."""
    workers = TimedWorkers(32)

    class OneItem(Recording):
        def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
            if len(workers.calls) > 0:
                raise Unavailable("TransactionConflict")
            super().advance(account_id, before, after, effect)

    store = OneItem()
    consumer = Consumer(Inbox(store, applied), workers=workers)
    batch, deliveries = batch_of(accounts(60)), 0
    while batch:
        deliveries += 1
        outcome = consumer.receive(batch, NOW)
        assert outcome.applied
        batch = [record for record in batch if outcome.unsafe and int(record[0]) >= int(outcome.unsafe[0])]
    assert sorted(store.advanced) == accounts(60)


def test_the_pace_halves_once_for_calls_that_began_together() -> None:
    pace = Pace(32)
    began_in = pace.round
    for _ in range(32):
        pace.unanswered(began_in)
    assert pace.calls == 16
    pace.unanswered(pace.round)
    assert pace.calls == 8
    pace.completed()
    assert pace.calls == 9
    for _ in range(50):
        pace.completed()
    assert (pace.calls, pace.is_stopped) == (32, False)


def test_a_completed_account_ends_a_series_of_unanswered_calls() -> None:
    pace = Pace(1)
    for _ in range(UNANSWERED_MAX - 1):
        pace.unanswered(pace.round)
    pace.completed()
    pace.unanswered(pace.round)
    assert not pace.is_stopped


@pytest.mark.parametrize("number", [-1, 0, 1, THREADS_MAX + 1])
def test_an_impossible_number_of_threads_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"from 2 to {THREADS_MAX}, not {number}"):
        Threads(number)


def test_a_call_that_waits_for_a_thread_does_not_begin_after_the_end() -> None:
    """Calls of an earlier batch still occupy all threads, because the store hangs."""
    hangs, workers, calls = threading.Event(), Threads(2), list[str]()

    class Observed(MemoryInbox):
        def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
            calls.extend(account_ids)
            return super().positions(account_ids)

    for _ in range(workers.count):
        workers.start(hangs.wait)
    consumer = Consumer(Inbox(Observed(), lambda _: None), workers=workers)
    outcome = consumer.receive(records(*encoded("a", 1)), NOW, time_left_s=lambda: 0.01)
    hangs.set()
    both_threads = threading.Barrier(workers.count)
    for started in [workers.start(both_threads.wait) for _ in range(workers.count)]:
        started.result()
    assert (outcome.unsafe, calls) == (["1"], [])
