"""Counts the records that arrive on the event stream, as Kinesis does for its metric IncomingRecords."""

from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class ArrivalCounter:
    """Counts by reading the stream; the emulator keeps no count.

    Args:
        client: a client of the emulator's Kinesis.
        stream_name: name of the stream.
    """

    def __init__(self, client: "KinesisClient", stream_name: str) -> None:
        self._client, self._stream_name = client, stream_name
        self._iterators: dict[str, str | None] = {}
        self._position: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON"

    def count(self) -> int:
        """The number of records that have arrived since the last call."""
        try:
            return sum(self._read(shard_id) for shard_id in self._shards())
        except ClientError:  # a shard was split, which deletes it in the emulator, or an iterator has expired
            self._iterators.clear()
            self._position = "LATEST"
            return 0

    def _shards(self) -> list[str]:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream_name)
        return [shard["ShardId"] for page in pages for shard in page["Shards"]]

    def _read(self, shard_id: str) -> int:
        if shard_id not in self._iterators:
            found = self._client.get_shard_iterator(
                StreamName=self._stream_name, ShardId=shard_id, ShardIteratorType=self._position
            )
            self._iterators[shard_id] = found["ShardIterator"]
        iterator, counted = self._iterators[shard_id], 0
        while iterator:
            answer = self._client.get_records(ShardIterator=iterator)
            counted += len(answer["Records"])
            iterator = self._iterators[shard_id] = answer.get("NextShardIterator")
            if not answer.get("MillisBehindLatest"):
                break
        return counted
