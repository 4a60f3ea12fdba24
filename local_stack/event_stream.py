"""Read domain events from a Kinesis stream with GetRecords, to show them to an operator. Not for consumers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import DomainEvent, decode

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

RECORDS_MAX = 1_000
StartingPosition = Literal["TRIM_HORIZON", "LATEST"]


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """A domain event and its position on the stream."""

    event: DomainEvent
    shard_id: str
    sequence_number: str
    arrived_at: datetime


@dataclass
class EventStreamReader:
    """Reads every shard of a stream, including shards that a reshard adds.

    Args:
        position: where to begin on the shards that exist at first. Shards that appear later are read from their start.
    """

    client: "KinesisClient"
    stream_name: str
    position: StartingPosition = "TRIM_HORIZON"
    _iterators: dict[str, str | None] = field(default_factory=dict)

    def open(self) -> None:
        """Get iterators for all new shards. With LATEST, records put after the first call are read."""
        position = self.position if not self._iterators else "TRIM_HORIZON"
        for shard in self._shards():
            if shard["ShardId"] not in self._iterators:
                answer = self.client.get_shard_iterator(
                    StreamName=self.stream_name, ShardId=shard["ShardId"], ShardIteratorType=position
                )
                self._iterators[shard["ShardId"]] = answer["ShardIterator"]

    def poll(self) -> Iterator[PublishedEvent]:
        """Call GetRecords once on every open shard and yield the events, in each shard's order.

        Raises:
            CorruptAggregate: a record has the header of an aggregate, but its content is not valid.
            account_events.avro.errors.Undecodable: a record is not a domain event of this project's schemas.
        """
        self.open()
        for shard_id, iterator in list(self._iterators.items()):
            if iterator is None:
                continue
            answer = self.client.get_records(ShardIterator=iterator, Limit=RECORDS_MAX)
            self._iterators[shard_id] = answer.get("NextShardIterator")
            for record in answer["Records"]:
                for data in unpack(record["Data"]):
                    yield PublishedEvent(
                        decode(data), shard_id, record["SequenceNumber"], record["ApproximateArrivalTimestamp"]
                    )

    def _shards(self) -> list[Any]:
        pages = self.client.get_paginator("list_shards").paginate(StreamName=self.stream_name)
        return [shard for page in pages for shard in page["Shards"]]
