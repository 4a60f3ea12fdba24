"""Reads a whole stream with GetRecords in one process: for a service that uses neither Lambda nor the KCL.

Each shard is read in order. After a reshard, a child shard is read when its parents are finished
(docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html). You pass in the client, so this
module imports no AWS library.

`poll` raises the errors of Kinesis, except for two that every further poll would meet again
(docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html, .../API_GetShardIterator.html). If an iterator has
expired, a new one is requested. If a shard no longer exists because all its records are past the stream's retention, it
counts as finished, and the inbox reports lost events as gaps.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from account_events.consumer.consumer import Consumer, KinesisRecord, Outcome
from account_events.consumer.refusals import Refusals

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

RECORDS_MAX = 1_000
ATTEMPTS_MAX = 10
"""After so many refusals of an account's events, the inbox buffers them."""
CLOCKS_DIFFER_S = 60.0
"""The tolerated difference between this clock and that of Kinesis. Records may be read twice, but none is missed."""
StartingPosition = Literal["TRIM_HORIZON", "LATEST"]


class StreamReader:
    """Reads a stream into a consumer.

    Its checkpoints are in memory only. After a restart it reads from `position` again, and the inbox drops duplicates.

    Args:
        client: a boto3 or botocore Kinesis client.
        stream_name: the Kinesis stream.
        consumer: receives the records.
        position: where to begin in the shards that exist when the reader opens the stream. With LATEST, call `open`
            first, then replay the older events (docs/consuming.md).
    """

    def __init__(
        self,
        client: "KinesisClient",
        stream_name: str,
        consumer: Consumer[Any],
        position: StartingPosition = "TRIM_HORIZON",
    ) -> None:
        self._client, self._stream_name, self._consumer, self._position = client, stream_name, consumer, position
        self._iterators: dict[str, str | None] = {}
        self._first: dict[str, str] = {}
        self._refusals: dict[str, Refusals] = {}
        self._starts: dict[str, dict[str, Any]] = {}
        self._checkpoints: dict[str, str] = {}
        self._finished: set[str] = set()
        self._is_open = False

    def open(self, now_s: float) -> None:
        """Open the shards that can be read now. Records put after this call are not missed.

        Args:
            now_s: seconds since 1970.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: call it again.
        """
        shards = self._shards()
        blocking = {shard["ShardId"] for shard in shards} - self._finished
        for shard in shards:
            shard_id = shard["ShardId"]
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")}
            if shard_id in self._iterators or shard_id in self._finished or parents & blocking:
                continue
            position = "TRIM_HORIZON" if self._is_open else self._position
            self._iterators[shard_id] = self._iterator(shard_id, ShardIteratorType=position)
            # If the iterator expires before the first read, a new LATEST iterator would skip records.
            is_latest = position == "LATEST"
            self._starts[shard_id] = (
                {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": now_s - CLOCKS_DIFFER_S}
                if is_latest
                else {"ShardIteratorType": position}
            )
        self._is_open = True

    def poll(self, now_s: float) -> Iterator[Outcome]:
        """Call GetRecords once per shard and yield the outcome of each shard that had records.

        If no shard had records but accounts have gaps, or the gaps cannot be queried, one outcome is yielded. If an
        outcome has unsafe records, the next poll reads that shard again, starting after its checkpoint; wait a little
        before that poll. After ATTEMPTS_MAX refusals of an account's events, the inbox buffers them, and the account
        waits there. Poll at most five times a second: all readers of a shard share this limit.

        Args:
            now_s: seconds since 1970.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: nothing is lost; poll again.
        """
        self.open(now_s)
        is_quiet = True
        for shard_id in list(self._iterators):
            records = self._read(shard_id)
            if records:
                is_quiet = False
                refusals = self._refusals.setdefault(shard_id, Refusals(ATTEMPTS_MAX))
                outcome = self._consumer.receive(records, now_s, buffer_failures=refusals.accounts)
                refusals.count(outcome)
                if outcome.checkpoint:
                    self._checkpoints[shard_id] = outcome.checkpoint
                if outcome.unsafe:
                    self._first[shard_id] = records[0].sequence_number
                    self._iterators[shard_id] = None  # the next poll requests one at the checkpoint
                    self._finished.discard(shard_id)
                yield outcome
        if is_quiet:
            outcome = self._consumer.receive([], now_s)
            if outcome.gaps or outcome.failures:
                yield outcome

    def _read(self, shard_id: str) -> list[KinesisRecord]:
        """The shard's next records. Marks the shard as finished if it has no more."""
        try:
            iterator = self._iterators[shard_id] or self._resumed(shard_id)
            self._iterators[shard_id] = iterator
            response = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_MAX)
        except self._client.exceptions.ExpiredIteratorException:
            self._iterators[shard_id] = None
            return []
        except self._client.exceptions.ResourceNotFoundException:
            if shard_id in {shard["ShardId"] for shard in self._shards()}:  # also raises if the stream does not exist
                raise
            del self._iterators[shard_id]
            self._finished.add(shard_id)
            return []
        if following := response.get("NextShardIterator"):
            self._iterators[shard_id] = following
        else:
            del self._iterators[shard_id]
            self._finished.add(shard_id)
        return [KinesisRecord(record["SequenceNumber"], record["Data"]) for record in response["Records"]]

    def _resumed(self, shard_id: str) -> str:
        """An iterator after the last safe record; else at the first record read; else where the shard was opened."""
        if shard_id in self._checkpoints:
            number, kind = self._checkpoints[shard_id], "AFTER_SEQUENCE_NUMBER"
        elif shard_id in self._first:
            number, kind = self._first[shard_id], "AT_SEQUENCE_NUMBER"
        else:
            return self._iterator(shard_id, **self._starts[shard_id])
        return self._iterator(shard_id, ShardIteratorType=kind, StartingSequenceNumber=number)

    def _iterator(self, shard_id: str, **start: Any) -> str:  # noqa: ANN401 -- GetShardIterator's parameters
        response = self._client.get_shard_iterator(StreamName=self._stream_name, ShardId=shard_id, **start)
        return response["ShardIterator"]

    def _shards(self) -> list[Any]:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream_name)
        return [shard for page in pages for shard in page["Shards"]]
