"""Reading domain events from a Kinesis stream with plain GetRecords: for the operator's eyes, not for consumers."""

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
    """A domain event where it stands on the stream."""

    event: DomainEvent
    shard_id: str
    sequence_number: str
    arrived_at: datetime


@dataclass
class EventStreamReader:
    """Follows every shard of a stream, those that a reshard adds as well.

    Args:
        position: where to begin on the shards that are there now; shards that appear later are read whole.
    """

    client: "KinesisClient"
    stream_name: str
    position: StartingPosition = "TRIM_HORIZON"
    _iterators: dict[str, str | None] = field(default_factory=dict)

    def open(self) -> None:
        """Take the shards' iterators now, so that nothing that is put from here on is missed."""
        position = self.position if not self._iterators else "TRIM_HORIZON"
        for shard in self._shards():
            if shard["ShardId"] not in self._iterators:
                answer = self.client.get_shard_iterator(
                    StreamName=self.stream_name, ShardId=shard["ShardId"], ShardIteratorType=position
                )
                self._iterators[shard["ShardId"]] = answer["ShardIterator"]

    def poll(self) -> Iterator[PublishedEvent]:
        """One GetRecords on every open shard; an account's events come in the order of their shard.

        Raises:
            CorruptAggregate: a record says that it is an aggregate, and is none.
            account_events.avro.errors.Undecodable: a record is not a domain event this project's schemas know.
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
