"""One scenario per seed: accounts change, records are delivered, faults occur, and in the end every promise holds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Discard, Invoke, Wait
from projector.lanes import aggregated, plain
from projector.publish import KinesisPublisher
from tests.simulation.projector.callers import Operator
from tests.simulation.projector.consumer import applied
from tests.simulation.projector.fault_plan import FaultPlan, Killed
from tests.simulation.projector.fixtures import ACCOUNTS
from tests.simulation.projector.function import Environment
from tests.simulation.projector.kinesis import Client, Kinesis
from tests.simulation.projector.on_call import OnCall
from tests.simulation.projector.oracle import Oracle, PromiseBroken
from tests.simulation.projector.table_stream import TableShard, TableStream
from tests.simulation.projector.tables import CheckedParking

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

STEPS_MAX = 60
ENVIRONMENTS_MAX = 3
DAY_S = 21 * 3600.0, 25 * 3600.0
"""Longer than the mapping's maximum record age (20 h), and possibly than the stream's retention (24 h)."""
ROUNDS_MAX = 12
POLLS_PER_RECORD_MAX = 4


class Scenario:
    """A scenario. `fault_plan.happened` and `fault_plan.log` record its course."""

    def __init__(self, seed: int) -> None:
        self.fault_plan = fault_plan = FaultPlan(seed)
        self._random = random = fault_plan.random
        self._oracle = Oracle()
        self._parking = CheckedParking(self._oracle)
        accounts = ACCOUNTS[: random.randint(1, len(ACCOUNTS))]
        self._accounts = accounts
        self._table = TableStream(fault_plan, self._oracle, accounts)
        self._kinesis = Kinesis(fault_plan, self._oracle, self._parking.parked)
        is_aggregated, buckets = random.choice((True, False)), random.choice((1, 2, 32))
        # Lower limits than those of Kinesis, so that small scenarios need several calls and records too.
        self._call_records_max, record_bytes_max = random.choice((500, 2)), random.choice((1024 * 1024, 600))
        self._pack = aggregated(buckets, record_bytes_max) if is_aggregated else plain(buckets)
        self._environments: list[Environment] = []
        operator = Operator(fault_plan)
        client = cast("KinesisClient", Client(self._kinesis, fault_plan, operator))
        publisher = KinesisPublisher(
            client,
            "events",
            self._pack,
            clock=operator.clock,
            sleep=operator.spend,
            jitter=random.random,
            call_records_max=self._call_records_max,
        )
        self._on_call = OnCall(
            fault_plan, self._oracle, table=self._table, parked=self._parking, operator=operator, publisher=publisher
        )
        self._on_call.abandoned.update(account_id for account_id in accounts if fault_plan.strikes("account abandoned"))
        fault_plan.meanwhile = self._meanwhile

    def run(self) -> None:
        """Raises PromiseBroken, or any other error that a bug causes."""
        try:
            self._run_with_faults()
            self._finish_without_faults()
        finally:
            self._on_call.abandon()

    def _run_with_faults(self) -> None:
        steps: Sequence[Callable[[], object]] = (self._write, self._poll, self._on_call.act, self._disturb)
        for step in self._random.choices(steps, (30, 45, 15, 10), k=self._random.randint(10, STEPS_MAX)):
            step()
            self.fault_plan.catch_up()
            self._oracle.check_nothing_is_lost(self._parking.parked)

    def _write(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            self._table.write(self._random.choice(self._accounts), self._random.choice((1, 1, 2, 5)))

    def _disturb(self) -> None:
        fault_plan = self.fault_plan
        if fault_plan.strikes("shard split"):
            self._table.split()
        if fault_plan.strikes("rewound"):
            self._table.rewind()
        if fault_plan.strikes("a day passed"):
            fault_plan.clock.now_s += self._random.uniform(*DAY_S)
        if fault_plan.strikes("kinesis resharded"):
            self._kinesis.reshard()
        if fault_plan.strikes("row spoilt"):
            self._table.spoil(vanishes=False)
        if fault_plan.strikes("row vanished"):
            self._table.spoil(vanishes=True)

    def _meanwhile(self) -> None:
        """Called at every request of the function."""
        while self.fault_plan.strikes("operator acted meanwhile"):
            self._on_call.act()

    def _poll(self) -> None:
        readable = self._table.readable()
        if readable:
            shard = self._random.choice(readable)
            self._table.feed(shard, self._random.choice((1, 5, 1000)))
            self._act(shard)

    def _act(self, shard: TableShard) -> bool:
        """Perform the mapping's next action on a shard. False: there was none."""
        match shard.state.next_action(self.fault_plan.clock()):
            case Invoke(records):
                self._deliver(shard, records)
            case Discard(records, condition):
                self._table.give_up(records, f"given up: {condition}")
                shard.state.discarded()
            case Wait(until_s):
                self.fault_plan.clock.now_s = until_s
            case _:
                return False
        return True

    def _deliver(self, shard: TableShard, records: Sequence[StreamRecord]) -> None:
        fault_plan = self.fault_plan
        if fault_plan.strikes("not invoked"):
            shard.state.invoked(NotInvoked("TooManyRequestsException"), fault_plan.clock())
            return
        environment, troubles = self._environment(), fault_plan.troubles
        fault_plan.note("delivered", shard.shard_id, *self._table.events_of(records))
        try:
            outcome = environment.invoke(records, self._table.events_of(records))
        except Killed:
            self._environments.remove(environment)
            outcome = Invoked(function_error="Unhandled")
        if fault_plan.troubles == troubles and outcome != _DONE:
            raise PromiseBroken(f"a delivery without faults is not done: {outcome}")
        shard.state.invoked(outcome, fault_plan.clock())
        checkpoint = int(shard.state.checkpoint or 0)
        self._oracle.acknowledged(
            self._table.events_of(record for record in records if int(record.sequence_number) <= checkpoint)
        )

    def _environment(self) -> Environment:
        """A warm environment or a new one."""
        if self._environments and self.fault_plan.strikes("restarted"):
            self._environments.pop(self._random.randrange(len(self._environments)))
        index = self._random.randrange(ENVIRONMENTS_MAX)
        if index >= len(self._environments):
            self._environments.append(
                Environment(
                    self.fault_plan,
                    self._oracle,
                    kinesis=self._kinesis,
                    parking=self._parking,
                    ledger=self._table.ledger,
                    pack=self._pack,
                    call_records_max=self._call_records_max,
                    order_window_s=self._table.order_window_s,
                )
            )
        return self._environments[min(index, len(self._environments) - 1)]

    def _finish_without_faults(self) -> None:
        """Without further faults, everything is delivered, released and repaired within a bounded number of rounds."""
        self.fault_plan.calm()
        self._kinesis.calm()
        self._table.settle()
        for _ in range(ROUNDS_MAX):
            self._drain()
            self._oracle.check_nothing_is_lost(self._parking.parked)
            self._on_call.finish()
            if self._table.is_done() and not self._on_call.work():
                self._oracle.check_nothing_is_missing(
                    self._table.written, self._parking.parked, self._on_call.abandoned
                )
                self._oracle.check_consumer(applied(self._kinesis.records, self._random))
                return
        raise PromiseBroken(f"work remains after {ROUNDS_MAX} rounds without faults")

    def _drain(self) -> None:
        for _ in range(20 + POLLS_PER_RECORD_MAX * self._table.records):
            is_busy = False
            for shard in self._table.readable():
                self._table.feed(shard, 1000)
                is_busy |= self._act(shard)
            if not is_busy:
                return
        raise PromiseBroken("the same records are delivered over and over")


_DONE = Invoked({"batchItemFailures": []})


def play(seed: int) -> Scenario:
    """Run a scenario. An error carries a note with the seed and the command that repeats it."""
    scenario = Scenario(seed)
    try:
        scenario.run()
    except Exception as error:
        error.add_note(f"seed {seed}: python -m tests.simulation.projector --log --first {seed}")
        raise
    return scenario
