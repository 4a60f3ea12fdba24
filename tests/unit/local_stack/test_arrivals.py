"""The records that arrive on a stream are counted once."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local_stack.arrivals import ArrivalCounter


class FakeKinesis:
    """Shards with a number of records each; it returns two records at a time."""

    def __init__(self, **shards: int) -> None:
        self.shards = shards

    def get_paginator(self, _operation: str) -> "FakeKinesis":
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, Any]]:
        yield {"Shards": [{"ShardId": name} for name in self.shards]}

    def get_shard_iterator(self, ShardId: str, ShardIteratorType: str, **_: object) -> dict[str, str]:  # noqa: N803 -- boto3's
        return {"ShardIterator": f"{ShardId} {self.shards[ShardId] if ShardIteratorType == 'LATEST' else 0}"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
        name, position = ShardIterator.split()
        if name not in self.shards:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetRecords")
        found = min(2, self.shards[name] - int(position))
        after = int(position) + found
        behind = int(after < self.shards[name])
        return {"Records": [{}] * found, "NextShardIterator": f"{name} {after}", "MillisBehindLatest": behind}


def counter(kinesis: Any) -> ArrivalCounter:  # noqa: ANN401 -- it replaces a client
    return ArrivalCounter(kinesis, "events")


def test_every_record_of_every_shard_is_counted_once() -> None:
    kinesis = FakeKinesis(a=5, b=1)
    arrivals = counter(kinesis)
    assert [arrivals.count(), arrivals.count()] == [6, 0]
    kinesis.shards["b"] += 3
    assert arrivals.count() == 3


def test_a_shard_that_appears_later_is_counted_from_its_start() -> None:
    kinesis = FakeKinesis(a=1)
    arrivals = counter(kinesis)
    arrivals.count()
    kinesis.shards["c"] = 4
    assert arrivals.count() == 4


def test_after_a_deleted_shard_only_new_records_are_counted() -> None:
    kinesis = FakeKinesis(a=1, b=2)
    arrivals = counter(kinesis)
    arrivals.count()
    arrivals._iterators["b"] = "gone 0"  # noqa: SLF001 -- as after a split between two calls
    assert arrivals.count() == 0
    kinesis.shards["a"] += 2
    assert arrivals.count() == 0, "it begins again behind the newest records"
    kinesis.shards["a"] += 1
    assert arrivals.count() == 1
