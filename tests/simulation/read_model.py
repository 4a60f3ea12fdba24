"""Scenarios of the read model's function: a stream in buckets, delivered in lanes to invocations that run concurrently.

A scenario depends only on its seed. The projector's records have a bucket as their partition key, and events of many
accounts, or, without aggregation, an account as the key and one event. Each shard is delivered by Lambda's rules with a
ParallelizationFactor of up to ten. At any call of its store, an invocation is interrupted by invocations of other lanes
and shards, which run to their end meanwhile. The function has several calls in progress at a time. Its environment dies
before or after any call, its responses are lost, its store does not answer, or its time ends. Calls that were in
progress at the end of an invocation are carried out later or never. The mapping starts again at its checkpoint.
"""

import base64
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

from account_events.aggregation.packing import aggregate
from account_events.consumer import Consumer, Inbox, LambdaHandler, Outcome
from account_events.consumer.errors import Unavailable
from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.lanes import ShardLanes
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord, lambda_event
from account_events.lambda_mapping.shard import Invoke, ShardState, Wait
from consumers.owners.rows import changes
from tests.simulation.consumers import NOW, Killed, Store, check_read_model
from tests.simulation.seeded_workers import SeededWorkers
from tests.unit.consumer.given import encoded
from tests.unit.event_source_mapping.given import FUNCTION_ARN, KINESIS_ARN

STEPS_MAX = 5_000
DEPTH_MAX = 3
FAULTS_MAX = 15


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


class Scenario:
    """The scenario of a seed; `play` raises AssertionError if the read model is wrong."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- seeded
        self.accounts = {f"account-{number}": self.random.randint(1, 6) for number in range(self.random.randint(1, 12))}
        self.buckets = self.random.choice([2, 5, 32])
        self.is_aggregated = self.random.random() < 0.7
        self.config = MappingConfig(
            uuid="simulated",
            stream_arn=KINESIS_ARN,
            function_arn=FUNCTION_ARN,
            batch_size=self.random.choice([1, 3, 100]),
            parallelization_factor=self.random.choice([1, 2, 10, 10]),
            reports_item_failures=True,
            bisects_on_error=True,
        )
        self.store = Store(before=self._before, after=self._after)
        self.idle: list[Environment] = []
        self.faults = self.random.randint(0, FAULTS_MAX)
        self.now_s = NOW
        self.depth = self.seen_concurrent = self.seen_not_applied = self.seen_restarts = 0
        self.is_restarted = False
        self._numbers = count(1)
        self.shards = self._shards()
        self.lanes = [self._fed(shard, None) for shard in self.shards]

    def play(self) -> None:
        for _ in range(STEPS_MAX):
            if not any(shard.buffered for shard in self.lanes):
                break
            if self._is_fault("restart"):
                self._restart()
            lane = self.random.choice([lane for shard in self.lanes for lane in shard.lanes if lane.buffered])
            self._act(lane)
        self.faults = 0
        self._finish_calls()
        assert not any(shard.buffered for shard in self.lanes), "the mapping makes no progress"
        check_read_model(self.store, self.accounts)
        assert self.store.gaps(NOW + 1_000_000) == []

    def _environment(self) -> Environment:
        """An execution environment: Lambda runs one invocation in it at a time."""
        if self.idle:
            return self.idle.pop()
        inbox = Inbox(self.store, changes, run_max=self.random.choice([1, 2, 500]))
        threads = SeededWorkers(self.random, self.random.choice([2, 3, 32]), times_out=True)
        return Environment(
            LambdaHandler(Consumer(inbox, workers=threads), now=lambda: NOW, report=self._check), threads
        )

    def _finish_calls(self) -> None:
        """Carry out what threads had begun when their invocation ended."""
        for environment in self.idle:
            environment.threads.finish()

    def _check(self, outcome: Outcome) -> None:
        """A key's records arrive in order, also after failures. So without a restart, the inbox buffers no event."""
        assert self.is_restarted or not outcome.buffered, "events arrived out of order"
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
            self._finish_calls()

    def _is_fault(self, _kind: str) -> bool:
        if not self.faults or self.random.random() > 0.04:
            return False
        self.faults -= 1
        return True

    def _fed(self, records: Sequence[StreamRecord], checkpoint: str | None) -> ShardLanes:
        lanes = ShardLanes(self.config, checkpoint=checkpoint)
        lanes.feed(records, self.now_s)
        return lanes

    def _shards(self) -> list[list[StreamRecord]]:
        """Each account's events in order, in the records of its bucket. A bucket is in one shard."""
        bucket_of = {account_id: self.random.randrange(self.buckets) for account_id in self.accounts}
        left = {account_id: encoded(account_id, events) for account_id, events in self.accounts.items()}
        shards: list[list[StreamRecord]] = [[], []]
        while left:
            bucket = bucket_of[self.random.choice(sorted(left))]
            members = [account_id for account_id in left if bucket_of[account_id] == bucket]
            datas = []
            for _ in range(self.random.randint(1, 4) if self.is_aggregated else 1):
                if remaining := [account_id for account_id in members if account_id in left]:
                    account_id = self.random.choice(remaining)
                    datas.append(left[account_id].pop(0))
                    if not left[account_id]:
                        del left[account_id]
            key = str(bucket) if self.is_aggregated else account_id
            shards[bucket % 2].append(self._record(key, datas))
        return shards

    def _record(self, key: str, datas: Sequence[bytes]) -> StreamRecord:
        data = aggregate(key, "0", datas) if self.is_aggregated else datas[0]
        kinesis: dict[str, Any] = {
            "partitionKey": key,
            "sequenceNumber": str(next(self._numbers)),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": NOW,
        }
        return StreamRecord.of({"kinesis": kinesis})
