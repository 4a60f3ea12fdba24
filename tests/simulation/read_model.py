"""Scenarios of the read model's function: a stream in buckets, delivered in lanes to invocations that run concurrently.

A scenario depends only on its seed. The projector's records have a bucket as their partition key, and events of many
accounts, or, without aggregation, an account as the key and one event. `readers` delivers them, with faults.
"""

import base64
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

from account_events.aggregation.packing import aggregate
from account_events.consumer import Outcome
from account_events.lambda_mapping.records import StreamRecord
from tests.simulation.consumers import NOW, Store, check_read_model
from tests.simulation.readers import Readers
from tests.unit.consumer.given import encoded

STEPS_MAX = 5_000
FAULTS_MAX = 15


class Scenario(Readers):
    """The scenario of a seed; `play` raises AssertionError if the read model is wrong."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)  # noqa: S311 -- seeded
        self.accounts = {f"account-{number}": random.randint(1, 6) for number in range(random.randint(1, 12))}
        self.buckets = random.choice([2, 5, 32])
        self.is_aggregated = random.random() < 0.7
        super().__init__(random, Store(), self._strikes)
        self.faults = random.randint(0, FAULTS_MAX)
        self._numbers = count(1)
        for shard in self._shards():
            self.add_shard(shard)

    def play(self) -> None:
        for _ in range(STEPS_MAX):
            if not self.step():
                break
        self.faults = 0
        self.finish_calls()
        assert not any(shard.buffered for shard in self.lanes), "the mapping makes no progress"
        check_read_model(self.store, self.accounts)
        assert self.store.gaps(NOW + 1_000_000) == []

    def _check(self, outcome: Outcome) -> None:
        """A key's records arrive in order, also after failures. So without a restart, the inbox buffers no event."""
        assert self.is_restarted or not outcome.buffered, "events arrived out of order"
        super()._check(outcome)

    def _strikes(self, _kind: str) -> bool:
        if not self.faults or self.random.random() > 0.04:
            return False
        self.faults -= 1
        return True

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
