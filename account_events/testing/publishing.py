"""Domain events in Kinesis records: packed like the projector's, in the formats of Lambda and GetRecords. Pure."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from account_events.aggregation.buckets import RING_BITS, bucket_of, hash_key
from account_events.aggregation.packing import aggregate
from account_events.consumer.events import Event
from account_events.lambda_mapping.records import kinesis_lambda_record
from account_events.testing.errors import BadReplay
from account_events.testing.record_stream import RecordStream, StreamShard
from account_events.testing.records import FIRST_CREATED_AT_S, StreamRecord, sequence_number
from account_events.testing.replayed import EVENTS_ARN
from account_events.testing.writing import EventWriter

BUCKETS = 32
EVENTS_PER_PUT = 10
ROLE_ARN = "arn:aws:iam::000000000000:role/consumer"


@dataclass(frozen=True, slots=True)
class EventStream(RecordStream):
    """A Kinesis stream of domain events: shards with their records. `replay` delivers them to a handler."""

    def lambda_event(self) -> dict[str, Any]:
        """All records in one Lambda event.

        Raises:
            BadReplay: several shards have records, which never arrive in one event.
        """
        return {"Records": self._of_one_shard()}

    def get_records(self) -> list[dict[str, Any]]:
        """All records in the format of GetRecords: data as bytes, times as datetimes.

        Raises:
            BadReplay: several shards have records, which are never in one response.
        """
        return [
            {
                "SequenceNumber": record["kinesis"]["sequenceNumber"],
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(
                    record["kinesis"]["approximateArrivalTimestamp"], UTC
                ),
                "Data": base64.b64decode(record["kinesis"]["data"]),
                "PartitionKey": record["kinesis"]["partitionKey"],
            }
            for record in self._of_one_shard()
        ]

    def _of_one_shard(self) -> list[StreamRecord]:
        if sum(bool(shard.records) for shard in self.shards) > 1:
            raise BadReplay("several shards have records: use replay, which delivers shard by shard, or shards=1")
        return list(self.records)


class Put(NamedTuple):
    """One record as the projector puts it on the stream."""

    partition_key: str
    explicit_hash_key: str
    data: bytes


def published(
    events: Iterable[Event],
    writer: EventWriter | None = None,
    *,
    aggregated: bool = True,
    events_per_put: int = EVENTS_PER_PUT,
    buckets: int = BUCKETS,
    shards: int = 1,
) -> EventStream:
    """The stream after the projector has published these events in this order.

    Args:
        events: the events of any accounts; see `history` and `mixed`.
        writer: encodes the events; by default in single-object encoding with this release's schemas.
        aggregated: whether the events of a bucket share a record in the format of the Kinesis Producer Library;
            otherwise each event has a separate record.
        events_per_put: how many events the projector receives and publishes at a time.
        buckets: the number of buckets: the stack's parameter `Buckets`.
        shards: the stream's number of shards.

    Raises:
        BadReplay: there are no events, or a number is not positive.
    """
    if min(events_per_put, buckets, shards) < 1:
        raise BadReplay("events_per_put, buckets and shards must be positive")
    puts = list(puts_of(events, writer or EventWriter(), buckets, events_per_put if aggregated else None))
    if not puts:
        raise BadReplay("there is no event to publish")
    records: dict[int, list[StreamRecord]] = {shard: [] for shard in range(shards)}
    for number, put in enumerate(puts):
        shard = int(put.explicit_hash_key) * shards >> RING_BITS
        records[shard].append(_record(put, number, _shard_id(shard)))
    return EventStream(tuple(StreamShard(_shard_id(shard), tuple(found)) for shard, found in records.items()))


def puts_of(events: Iterable[Event], writer: EventWriter, buckets: int, per_put: int | None) -> Iterator[Put]:
    """The records in the projector's order, `per_put` events at a time; None: one event per record, not aggregated."""
    waiting = list(events)
    if per_put is None:
        for event in waiting:
            bucket = bucket_of(event.account_id, buckets)
            yield Put(event.account_id, hash_key(bucket, buckets), writer.encode(event))
        return
    for start in range(0, len(waiting), per_put):
        by_bucket: dict[int, list[bytes]] = {}
        for event in waiting[start : start + per_put]:
            by_bucket.setdefault(bucket_of(event.account_id, buckets), []).append(writer.encode(event))
        for bucket, datas in by_bucket.items():
            keys = str(bucket), hash_key(bucket, buckets)
            yield Put(*keys, aggregate(*keys, datas))


def _shard_id(shard: int) -> str:
    return f"shardId-{shard:012}"


def _record(put: Put, number: int, shard_id: str) -> StreamRecord:
    api_record = {
        "SequenceNumber": sequence_number(number),
        "PartitionKey": put.partition_key,
        "Data": put.data,
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(FIRST_CREATED_AT_S + number, UTC),
    }
    return kinesis_lambda_record(api_record, shard_id, EVENTS_ARN, ROLE_ARN)
