"""Scenarios of a consumer: a stream within the delivery promise, workers that crash, and a read model to verify.

A scenario depends only on its seed. Its stream has every account's events in order without gaps, and repeats any
published events at any place. Records have any size, aggregated or not. Some workers read a shard of the stream; one
may read a replay from the ledger, after which the others start. Workers take batches of any size in any order, even
while another worker processes one. They are killed before, during or after any write of their store, forget their
position, or never receive the response to a write. Their handler refuses events for a while, and the trigger gives up
refused records. Records are damaged and go to the dead-letter callback, and an inbox may have a small buffer. Events
that are missing in the end are reported as gaps and replayed from the ledger.

A consumer may have threads, so that several accounts of a batch advance at a time, and the time of a batch may end at
any moment. Calls that were in progress then are carried out after the batch, before other batches or between them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from account_events.aggregation.packing import aggregate
from account_events.avro.errors import Undecodable
from account_events.consumer import Consumer, Event, Inbox, KinesisRecord, MemoryInbox
from account_events.consumer.dynamodb_item_inbox import ItemEffect
from account_events.consumer.errors import BufferFull, EffectRefused, NotAttempted, StaleRevision, Unavailable
from account_events.consumer.position import BUFFERED_BYTES_MAX, Position
from consumers.owners.rows import changes
from tests.simulation.seeded_workers import SeededWorkers
from tests.unit.consumer.given import DECODER, encoded, events_of, time_of

STEPS_MAX = 10_000
NOW = 1_000.0


class Refused(Exception):
    """The consumer's own code refused events."""


class Killed(BaseException):
    """The worker's process has ended."""


@dataclass
class Store(MemoryInbox):
    """Positions and rows that change atomically, as in DynamoDB's items.

    Attributes:
        rows: the read model.
        applied: per account, the sequences of its row over time.
        before: called before every write; raises the error of a fault.
        after: called after every write; raises the error of a fault.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    applied: dict[str, list[int]] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        super().__init__()

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.before()
        if self.position(account_id).revision != before.revision:
            raise StaleRevision(account_id)
        if effect:
            self._carry_out(account_id, effect)
        super().advance(account_id, before, after, None)
        self.after()

    def effect(self, events: Sequence[Event]) -> Any:  # noqa: ANN401 -- the store's
        """What the consumer's function returns for a run of events."""
        return changes(events)

    def _carry_out(self, account_id: str, effect: Any) -> None:  # noqa: ANN401 -- an ItemEffect
        assert isinstance(effect, ItemEffect)
        row = self.rows.get(account_id, {"AccountId": {"S": account_id}})
        if any(row.get(name) != value for name, value in effect.requires.items()):
            raise EffectRefused(account_id)
        self.rows[account_id] = {**row, **effect.values}
        self.applied.setdefault(account_id, []).append(int(self.rows[account_id]["Sequence"]["N"]))


@dataclass
class Worker:
    """Reads one sequence of records.

    Attributes:
        at: the position of the first record that is not known to be done.
    """

    records: Sequence[KinesisRecord]
    at: int = 0


class Scenario:
    """The scenario of a seed; `play` raises AssertionError if the read model is wrong."""

    def __init__(self, seed: int, store: Store | None = None) -> None:
        self.random = Random(seed)  # noqa: S311 -- seeded
        self.accounts = {f"account-{number}": self.random.randint(1, 14) for number in range(self.random.randint(1, 4))}
        self.store = store or Store()
        self.buffered_bytes_max = self.random.choice([0, 300, BUFFERED_BYTES_MAX, BUFFERED_BYTES_MAX])
        self.refused: set[str] = set()
        self.dead_letter: set[str] = set()
        self.excused: set[str] = set()  # accounts with refused or unbuffered events, which may need a repair
        self.is_faulty = self.is_timed = False
        self.seen_gaps = self.seen_full = self.seen_refusals = self.seen_not_attempted = self.seen_late_calls = 0
        threads = self.random.choice([None, 2, 3, 32])
        self.threads = SeededWorkers(self.random, threads, times_out=True) if threads else None
        self.consumer = self._consumer()
        self._numbers = count(1)
        self._events_in: dict[str, list[Event]] = {}
        self.workers = self._workers()

    def play(self) -> None:
        for _ in range(self.random.randint(0, 60)):
            self._step(self.random.choice(self.workers))
        self.store.before = self.store.after = _nothing
        self.is_faulty = self.is_timed = False
        self.refused = set()
        self._finish_calls()
        for worker in self.workers:  # without faults, everything is delivered in the end
            for _ in range(STEPS_MAX):
                if worker.at == len(worker.records):
                    break
                self._receive(worker, worker.records[worker.at : worker.at + 5])
        self._repair()
        self._check_read_model()

    def _consumer(self) -> Consumer[Any]:
        inbox: Inbox[Any] = Inbox(
            self.store,
            self._handle,
            run_max=self.random.choice([1, 2, 500]),
            buffered_bytes_max=self.buffered_bytes_max,
        )
        return Consumer(inbox, dead_letter=self._keep_dead_letter, workers=self.threads)

    def _handle(self, events: Sequence[Event]) -> Any:  # noqa: ANN401 -- the store's effect
        if events[0].account_id in self.refused:
            self.seen_refusals += 1
            raise Refused
        return self.store.effect(events)

    def _keep_dead_letter(self, record: KinesisRecord, _error: Undecodable) -> None:
        """The dead-letter callback: note the accounts whose events were in the record."""
        self.dead_letter |= {event.account_id for event in self._events_in[record.sequence_number]}

    def _repair(self) -> None:
        """Every incomplete account is reported or was in a dead-letter record; replay them from the ledger."""
        reported = {each.account_id for each in self.consumer.receive([], NOW + 1_000_000).gaps}
        self.seen_gaps += len(reported)
        behind = {name for name, events in self.accounts.items() if self.store.position(name).last < events}
        assert behind <= reported | self.dead_letter, behind
        assert behind <= self.excused | self.dead_letter, behind
        for account_id in sorted(behind):
            replayed = Worker(self._stream({account_id: self.accounts[account_id]}, repeats=False))
            self._receive(replayed, replayed.records)

    def _workers(self) -> list[Worker]:
        shards: list[dict[str, int]] = [{}, {}]
        for account_id, events in self.accounts.items():
            self.random.choice(shards)[account_id] = events
        workers = [Worker(self._stream(shard)) for shard in shards]
        return workers if self.random.random() < 0.5 else self._joined_late(workers)

    def _joined_late(self, workers: list[Worker]) -> list[Worker]:
        """A new consumer reads the live stream from a position, and replays the ledger at least up to there."""
        missed = dict.fromkeys(self.accounts, 0)
        for worker in workers:
            cut = self.random.randint(0, len(worker.records))
            for record in worker.records[:cut]:
                for event in self._events_in[record.sequence_number]:
                    missed[event.account_id] = max(missed[event.account_id], event.sequence)
            worker.records = worker.records[cut:]
        replayed = {
            account_id: self.random.randint(missed[account_id], events) for account_id, events in self.accounts.items()
        }
        return [*workers, Worker(self._stream(replayed, repeats=False))]

    def _stream(self, accounts: Mapping[str, int], *, repeats: bool = True) -> list[KinesisRecord]:
        """Every event in order, with repetitions of earlier events at any place."""
        encoded_events = {account_id: encoded(account_id, events) for account_id, events in accounts.items()}
        published = dict.fromkeys(accounts, 0)
        stream: list[bytes] = []
        while unfinished := [account_id for account_id in accounts if published[account_id] < accounts[account_id]]:
            account_id = self.random.choice(unfinished)
            if repeats and published[account_id] and self.random.random() < 0.25:
                start = self.random.randrange(published[account_id])
                stream += encoded_events[account_id][start : self.random.randint(start + 1, published[account_id])]
            else:
                stream.append(encoded_events[account_id][published[account_id]])
                published[account_id] += 1
        return self._records(stream, damages=repeats and self.random.random() < 0.2)

    def _records(self, stream: list[bytes], *, damages: bool) -> list[KinesisRecord]:
        records = []
        while stream:
            size = self.random.randint(1, 6)
            some, stream = stream[:size], stream[size:]
            data = some[0] if len(some) == 1 and self.random.random() < 0.5 else aggregate("0", "0", some)
            number = str(next(self._numbers))
            self._events_in[number] = [DECODER.decode(each) for each in some]
            records.append(KinesisRecord(number, data[:-1] if damages and self.random.random() < 0.2 else data))
        return records

    def _step(self, worker: Worker) -> None:
        """Process a batch, with a fault at one of its writes or another worker's batch in the middle."""
        fault = self.random.choice(["none", "none", "killed before", "killed after", "lost", "throttled", "overtaken"])
        if self.random.random() < 0.1:
            self.refused ^= {self.random.choice(sorted(self.accounts))}
        self.is_faulty = fault != "none"
        self.is_timed = self.random.random() < 0.3
        moment = count(self.random.randint(-3, 0))
        mine = worker

        def before() -> None:
            if fault in ("killed before", "throttled", "overtaken") and next(moment) == 0:
                self._fail(fault, mine)

        def after() -> None:
            if fault in ("killed after", "lost") and next(moment) == 0:
                self._fail(fault, mine)

        self.store.before, self.store.after = before, after
        batch = worker.records[worker.at : worker.at + self.random.randint(1, 5)]
        try:
            self._receive(worker, batch)
        except Killed:
            if self.threads:
                self.threads.forget()
            self.consumer = self._consumer()
            if self.random.random() < 0.2:
                worker.at = self.random.randint(0, worker.at)

    def _fail(self, fault: str, worker: Worker) -> None:
        if fault.startswith("killed"):
            raise Killed
        if fault in ("lost", "throttled"):
            raise Unavailable(fault)
        before, after, self.store.before, self.store.after = self.store.before, self.store.after, _nothing, _nothing
        other = self.random.choice(self.workers)
        again = Worker(worker.records, worker.at) if other is worker else other  # Lambda may deliver a batch twice
        self._receive(again, again.records[again.at : again.at + self.random.randint(1, 5)])
        self.store.before, self.store.after = before, after

    def _receive(self, worker: Worker, batch: Sequence[KinesisRecord]) -> None:
        buffer_failures = self.random.random() < 0.2  # as readers without a trigger do after many attempts
        if self.random.random() < 0.3:
            self._finish_calls()
        time_left_s = self._time_left_s() if self.is_timed else None
        outcome = self.consumer.receive(batch, NOW, buffer_failures=buffer_failures, time_left_s=time_left_s)
        self.seen_not_attempted += any(isinstance(failure.error, NotAttempted) for failure in outcome.failures)
        for failure in outcome.failures:
            assert isinstance(failure.error, Unavailable | Refused | BufferFull | Undecodable), repr(failure.error)
            self.seen_full += isinstance(failure.error, BufferFull)
            if not isinstance(failure.error, Unavailable) and failure.account_id:
                self.excused.add(failure.account_id)
        kinds = {type(failure.error) for failure in outcome.failures if failure.sequence_number}
        is_given_up = not self.is_faulty and kinds <= {Refused, BufferFull} and self.random.random() < 0.3
        if not outcome.unsafe or is_given_up:  # the trigger gives up after many attempts
            worker.at += len(batch)
        elif outcome.checkpoint is not None:
            worker.at += 1 + [record.sequence_number for record in batch].index(outcome.checkpoint)

    def _time_left_s(self) -> Callable[[], float]:
        """A batch's time, which may end after any number of calls."""
        left = count(self.random.randint(0, 30), -1)
        return lambda: float(next(left))

    def _finish_calls(self) -> None:
        """Carry out what threads had begun when the time of their batch ended."""
        if self.threads:
            self.seen_late_calls += self.threads.finish()

    def _check_read_model(self) -> None:
        check_read_model(self.store, self.accounts)
        assert self.consumer.receive([], NOW + 1_000_000).gaps == []


def check_read_model(store: Store, accounts: Mapping[str, int]) -> None:
    """Every row is the fold of its account's events, and its sequence has only ever increased."""
    for account_id, events in accounts.items():
        first, last = events_of(account_id, events)[0], events_of(account_id, events)[-1]
        assert store.rows[account_id] == {
            "AccountId": {"S": account_id},
            "Owner": {"S": "owner-1"},
            "Currency": {"S": "EUR"},
            "OpenedAt": {"S": time_of(first)},
            "Balance": {"N": str(last.balance)},
            "Sequence": {"N": str(last.sequence)},
            "UpdatedAt": {"S": time_of(last)},
        }
        steps = store.applied[account_id]
        assert steps == sorted(set(steps)), account_id
        assert store.position(account_id).last == events
    assert set(store.rows) == set(accounts)


def _nothing() -> None:
    pass
