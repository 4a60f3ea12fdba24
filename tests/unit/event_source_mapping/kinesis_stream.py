"""An in-memory Kinesis stream with the documented limits: iterators expire, reads are throttled or return nothing."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from tests.unit.event_source_mapping.given import KINESIS_ARN, NOW_S, client_error

SEQUENCE_BASE = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_000
ITERATOR_LIFE_S = 300.0
READS_PER_SECOND = 5
SECONDS_PER_HOUR = 3_600
PAGE_SIZE = 2


def number_in(record: dict[str, Any]) -> int:
    """The number that was put, from an element of a Lambda event's `Records`."""
    return int(base64.b64decode(record["kinesis"]["data"]))


def sequence_number(number: int) -> str:
    return str(SEQUENCE_BASE + number)


@dataclass
class KinesisShard:
    """`gap_reads` is the number of reads that return no records although more follow."""

    parents: tuple[str, ...] = ()
    closed: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)
    gap_reads: int = 0
    read_at_s: list[float] = field(default_factory=list)


@dataclass
class KinesisStream:
    """A client of one stream. Each of the next calls of GetRecords raises one of `faults`."""

    clock: Callable[[], float] = lambda: NOW_S
    shards: dict[str, KinesisShard] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    opened: list[tuple[str, str]] = field(default_factory=list)
    retention_hours: int = 24
    read_limit: int = 10_000
    throttles: int = 0

    def put(self, shard_id: str, *numbers: int) -> None:
        for number in numbers:
            self.shards[shard_id].records.append(
                {
                    "SequenceNumber": sequence_number(number),
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(self.clock(), UTC),
                    "Data": str(number).encode(),
                    "PartitionKey": f"key-{number}",
                    "EncryptionType": "NONE",
                }
            )

    def reshard(self, parents: tuple[str, ...], children: tuple[str, ...]) -> None:
        for parent in parents:
            self.shards[parent].closed = True
        for child in children:
            self.shards[child] = KinesisShard(parents)

    def get_paginator(self, operation: str) -> Self:
        assert operation == "list_shards"
        return self

    def paginate(self, *, StreamARN: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - the SDK's names
        assert StreamARN == KINESIS_ARN
        names = sorted(self.shards)
        for start in range(0, len(names), PAGE_SIZE):
            yield {"Shards": [self._described(name) for name in names[start : start + PAGE_SIZE]]}

    def describe_stream_summary(self, *, StreamARN: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        assert StreamARN == KINESIS_ARN
        return {"StreamDescriptionSummary": {"RetentionPeriodHours": self.retention_hours}}

    def get_shard_iterator(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's keywords
        assert request["StreamARN"] == KINESIS_ARN
        shard_id, kind = request["ShardId"], request["ShardIteratorType"]
        self.opened.append((shard_id, kind))
        records = self._shard(shard_id).records
        number, time = int(request.get("StartingSequenceNumber", 0)), request.get("Timestamp", datetime.now(UTC))
        position = {
            "TRIM_HORIZON": 0,
            "LATEST": len(records),
            "AFTER_SEQUENCE_NUMBER": sum(int(one["SequenceNumber"]) <= number for one in records),
            "AT_TIMESTAMP": sum(one["ApproximateArrivalTimestamp"] < time for one in records),
        }[kind]
        return {"ShardIterator": self._iterator(shard_id, position)}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        assert 1 <= Limit <= 10_000
        if self.faults:
            raise self.faults.pop(0)
        shard_id, position, issued_at = ShardIterator.split("|")
        shard, start = self._shard(shard_id), int(position)
        if self.clock() - float(issued_at) > ITERATOR_LIFE_S:
            raise client_error("ExpiredIteratorException")
        self._throttle(shard)
        if shard.gap_reads:
            shard.gap_reads -= 1
            return {"Records": [], "NextShardIterator": self._iterator(shard_id, start), "MillisBehindLatest": 5_000}
        end = min(start + min(Limit, self.read_limit), len(shard.records))
        is_read = end == len(shard.records)
        answer: dict[str, Any] = {"Records": shard.records[start:end], "MillisBehindLatest": 0 if is_read else 1_000}
        if is_read and shard.closed:
            return {**answer, "ChildShards": []}
        return {**answer, "NextShardIterator": self._iterator(shard_id, end)}

    def _shard(self, shard_id: str) -> KinesisShard:
        if shard_id not in self.shards:
            raise client_error("ResourceNotFoundException")
        return self.shards[shard_id]

    def _iterator(self, shard_id: str, position: int) -> str:
        return f"{shard_id}|{position}|{self.clock()!r}"

    def _throttle(self, shard: KinesisShard) -> None:
        now_s = self.clock()
        shard.read_at_s = [at_s for at_s in shard.read_at_s if at_s > now_s - 1]
        if len(shard.read_at_s) >= READS_PER_SECOND:
            self.throttles += 1
            raise client_error("ProvisionedThroughputExceededException")
        shard.read_at_s.append(now_s)

    def _described(self, name: str) -> dict[str, Any]:
        shard = self.shards[name]
        numbers = {"StartingSequenceNumber": sequence_number(0)}
        if shard.closed:
            numbers["EndingSequenceNumber"] = sequence_number(9)
        parents = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
        return {"ShardId": name, "SequenceNumberRange": numbers, **parents}
