"""From the table's stream to Kinesis: the event source mapping, the projector's environments, and the operators."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Discard, Invoke, Wait
from projector.lanes import aggregated, plain
from projector.publish import KinesisPublisher
from tests.simulation.projector.callers import Operator
from tests.simulation.projector.fault_plan import FaultPlan, Killed
from tests.simulation.projector.fixtures import Event, events_by_data
from tests.simulation.projector.function import Environment
from tests.simulation.projector.kinesis import Client, Kinesis
from tests.simulation.projector.on_call import OnCall
from tests.simulation.projector.oracle import Oracle, PromiseBroken
from tests.simulation.projector.table_stream import TableShard, TableStream
from tests.simulation.projector.tables import CheckedParking

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

ENVIRONMENTS_MAX = 3
DAY_S = 21 * 3600.0, 25 * 3600.0
"""Longer than the mapping's maximum record age (20 h), and possibly than the stream's retention (24 h)."""
ROUNDS_MAX = 12
POLLS_PER_RECORD_MAX = 4


class Pipeline:
    """Delivers a table's stream to the projector.

    Args:
        events: returns the events that may be published, by their bytes.

    Attributes:
        kinesis: where the events arrive.
        on_call: the operators.
        is_aggregated: whether the projector packs events into aggregated records.
    """

    def __init__(
        self,
        fault_plan: FaultPlan,
        oracle: Oracle,
        table: TableStream,
        events: Callable[[], Mapping[bytes, Event]] = events_by_data,
    ) -> None:
        self._fault_plan = fault_plan
        self._random = random = fault_plan.random
        self._oracle = oracle
        self._table = table
        self._parking = CheckedParking(oracle)
        self.kinesis = Kinesis(fault_plan, oracle, self._parking.parked, events)
        self.is_aggregated, buckets = random.choice((True, False)), random.choice((1, 2, 32))
        # Lower limits than those of Kinesis, so that small scenarios need several calls and records too.
        self._call_records_max, record_bytes_max = random.choice((500, 2)), random.choice((1024 * 1024, 600))
        self._pack = aggregated(buckets, record_bytes_max) if self.is_aggregated else plain(buckets)
        self._environments: list[Environment] = []
        operator = Operator(fault_plan)
        client = cast("KinesisClient", Client(self.kinesis, fault_plan, operator))
        publisher = KinesisPublisher(
            client,
            "events",
            self._pack,
            clock=operator.clock,
            sleep=operator.spend,
            jitter=random.random,
            call_records_max=self._call_records_max,
        )
        self.on_call = OnCall(
            fault_plan, oracle, table=table, parked=self._parking, operator=operator, publisher=publisher
        )
        fault_plan.meanwhile = self._meanwhile

    def check_nothing_is_lost(self) -> None:
        self._oracle.check_nothing_is_lost(self._parking.parked)

    def disturb(self) -> None:
        fault_plan = self._fault_plan
        if fault_plan.strikes("shard split"):
            self._table.split()
        if fault_plan.strikes("rewound"):
            self._table.rewind()
        if fault_plan.strikes("a day passed"):
            fault_plan.clock.now_s += self._random.uniform(*DAY_S)
        if fault_plan.strikes("kinesis resharded"):
            self.kinesis.reshard()

    def _meanwhile(self) -> None:
        """Called at every request of the function."""
        while self._fault_plan.strikes("operator acted meanwhile"):
            self.on_call.act()

    def poll(self) -> None:
        readable = self._table.readable()
        if readable:
            shard = self._random.choice(readable)
            self._table.feed(shard, self._random.choice((1, 5, 1000)))
            self._act(shard)

    def _act(self, shard: TableShard) -> bool:
        """Perform the mapping's next action on a shard. False: there was none."""
        match shard.state.next_action(self._fault_plan.clock()):
            case Invoke(records):
                self._deliver(shard, records)
            case Discard(records, condition):
                self._table.give_up(records, f"given up: {condition}")
                shard.state.discarded()
            case Wait(until_s):
                self._fault_plan.clock.now_s = until_s
            case _:
                return False
        return True

    def _deliver(self, shard: TableShard, records: Sequence[StreamRecord]) -> None:
        fault_plan = self._fault_plan
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
        if self._environments and self._fault_plan.strikes("restarted"):
            self._environments.pop(self._random.randrange(len(self._environments)))
        index = self._random.randrange(ENVIRONMENTS_MAX)
        if index >= len(self._environments):
            self._environments.append(
                Environment(
                    self._fault_plan,
                    self._oracle,
                    kinesis=self.kinesis,
                    parking=self._parking,
                    ledger=self._table.ledger,
                    pack=self._pack,
                    call_records_max=self._call_records_max,
                    order_window_s=self._table.order_window_s,
                )
            )
        return self._environments[min(index, len(self._environments) - 1)]

    def finish(self) -> None:
        """Without further faults, everything is delivered, released and repaired within a bounded number of rounds."""
        self._fault_plan.calm()
        self.kinesis.calm()
        self._table.settle()
        for _ in range(ROUNDS_MAX):
            self._drain()
            self.check_nothing_is_lost()
            self.on_call.finish()
            if self._table.is_done() and not self.on_call.work():
                self._oracle.check_nothing_is_missing(self._table.written, self._parking.parked, self.on_call.abandoned)
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
