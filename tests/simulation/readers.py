"""The read model's function, which reads the shards of a stream in lanes, and its faults.

Each shard is delivered by Lambda's rules with a ParallelizationFactor of up to ten. At any call of its store, an
invocation is interrupted by invocations of other lanes and shards, which run to their end meanwhile. The function has
several calls in progress at a time. Its environment dies before or after any call, its responses are lost, its store
does not answer, or its time ends. Calls that were in progress at the end of an invocation are carried out later or
never. The mapping starts again at its checkpoint.
"""

from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import NamedTuple

from account_events.consumer import Consumer, Inbox, LambdaHandler, Outcome
from account_events.consumer.errors import Unavailable
from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.lanes import ShardLanes
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord, lambda_event
from account_events.lambda_mapping.shard import Invoke, ShardState, Wait
from tests.simulation.consumers import NOW, Killed, Store
from tests.simulation.seeded_workers import SeededWorkers
from tests.unit.event_source_mapping.given import FUNCTION_ARN, KINESIS_ARN

DEPTH_MAX = 3


class Context:
    """Lambda's context. Each look at the time takes a tenth of a second."""

    def __init__(self, calls: int) -> None:
        self._left_ms = calls * 100

    def get_remaining_time_in_millis(self) -> int:
        self._left_ms -= 100
        return max(0, self._left_ms)


class Environment(NamedTuple):
    """An execution environment of the function."""

    handler: LambdaHandler
    threads: SeededWorkers


class Readers:
    """The event source mapping and the function's environments.

    Args:
        random: decides everything but the faults.
        store: what the function writes to.
        strikes: whether a kind of fault occurs now.

    Attributes:
        shards: the records of each shard so far.
        lanes: the mapping's state of each shard.
        is_restarted: whether the mapping has started again at a checkpoint.
    """

    def __init__(self, random: Random, store: Store, strikes: Callable[[str], bool]) -> None:
        self.random = random
        self.config = MappingConfig(
            uuid="simulated",
            stream_arn=KINESIS_ARN,
            function_arn=FUNCTION_ARN,
            batch_size=self.random.choice([1, 3, 100]),
            parallelization_factor=self.random.choice([1, 2, 10, 10]),
            reports_item_failures=True,
            bisects_on_error=True,
            retention_s=inf,  # no record expires unread
        )
        self.store = store
        self.store.before, self.store.after = self._before, self._after
        self._is_fault = strikes
        self.idle: list[Environment] = []
        self.now_s = NOW
        self.depth = self.seen_concurrent = self.seen_not_applied = self.seen_restarts = 0
        self.is_restarted = False
        self.shards: list[list[StreamRecord]] = []
        self.lanes: list[ShardLanes] = []

    def add_shard(self, records: Sequence[StreamRecord] = ()) -> None:
        """Begin to read another shard."""
        self.shards.append(list(records))
        self.lanes.append(self._fed(records, None))

    def step(self) -> bool:
        """Restart the mapping, or perform its next action on a lane. False: no record is left."""
        if not any(shard.buffered for shard in self.lanes):
            return False
        if self._is_fault("restart"):
            self._restart()
        lane = self.random.choice([lane for shard in self.lanes for lane in shard.lanes if lane.buffered])
        self._act(lane)
        return True

    def _environment(self) -> Environment:
        """An execution environment: Lambda runs one invocation in it at a time."""
        if self.idle:
            return self.idle.pop()
        inbox = Inbox(self.store, self.store.effect, run_max=self.random.choice([1, 2, 500]))
        threads = SeededWorkers(self.random, self.random.choice([2, 3, 32]), times_out=True)
        return Environment(
            LambdaHandler(Consumer(inbox, workers=threads), now=lambda: self.now_s, report=self._check), threads
        )

    def finish_calls(self) -> None:
        """Carry out what threads had begun when their invocation ended."""
        for environment in self.idle:
            environment.threads.finish()

    def _check(self, outcome: Outcome) -> None:
        """Check an invocation's outcome; called for each of them."""
        assert all(isinstance(failure.error, Unavailable) for failure in outcome.failures), outcome.failures
        self.seen_not_applied += bool(outcome.unsafe)

    def _act(self, lane: ShardState) -> None:
        match lane.next_action(self.now_s):
            case Wait(until_s):
                self.now_s = until_s
            case Invoke(records):
                lane.invoked(self._invoke(records), self.now_s)

    def _invoke(self, records: Sequence[StreamRecord]) -> Invoked | NotInvoked:
        if self._is_fault("throttled"):
            return NotInvoked("throttled")
        environment = self._environment()
        self.depth += 1
        try:
            calls = self.random.randint(2, 20) if self._is_fault("short") else 10_000
            result = environment.handler(lambda_event(records), Context(calls))
        except Killed:
            return Invoked(function_error="Unhandled")
        finally:
            self.depth -= 1
        self.idle.append(environment)
        if self._is_fault("lost response"):
            return Invoked(function_error="Unhandled")
        return Invoked(result)

    def _restart(self) -> None:
        """The mapping is created again at its checkpoints. Lanes that were further ahead receive records again."""
        if not any(isinstance(lane.next_action(self.now_s), Invoke) for shard in self.lanes for lane in shard.lanes):
            return
        self.is_restarted = True
        self.seen_restarts += 1
        pairs = zip(self.shards, self.lanes, strict=True)
        self.lanes = [self._fed(records, lanes.checkpoint) for records, lanes in pairs]

    def _before(self) -> None:
        if self.depth and self.depth < DEPTH_MAX and self.random.random() < 0.3:
            free = [lane for shard in self.lanes for lane in shard.lanes if lane.buffered]
            self.seen_concurrent += bool(free)
            if free:
                self._act(self.random.choice(free))  # does nothing if that lane's own invocation is in progress
        if self._is_fault("killed before"):
            raise Killed
        if self._is_fault("throttled"):
            raise Unavailable("throttled")

    def _after(self) -> None:
        if self._is_fault("killed after"):
            raise Killed
        if self._is_fault("lost"):
            raise Unavailable("lost")
        if self.depth == 1 and self.random.random() < 0.05:
            self.finish_calls()

    def _fed(self, records: Sequence[StreamRecord], checkpoint: str | None) -> ShardLanes:
        lanes = ShardLanes(self.config, checkpoint=checkpoint)
        lanes.feed(records, self.now_s)
        return lanes
