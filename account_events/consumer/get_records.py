"""A whole stream by plain GetRecords, in one process: for a service without Lambda and without KCL.

Every shard is read in its order, and one that came of a reshard only when its parents are read to their end
(docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html). The client is given, so nothing
of AWS is imported here.

What Kinesis refuses is raised by `poll`, but for two errors that would come again with every poll
(docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html, .../API_GetShardIterator.html): an iterator that
has expired is asked for again, and a shard that is no longer there, since all its records are older than the stream
keeps, is read to its end. What was lost with it, the inbox reports as gaps.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from account_events.consumer.consumer import Consumer, KinesisRecord, Outcome

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

RECORDS_MAX = 1_000
ATTEMPTS_MAX = 10
"""So often a record comes again for what the handler refuses in it; then the inbox holds that."""
CLOCKS_DIFFER_S = 60.0
"""At most, ours and Kinesis': so much is read twice rather than missed."""
StartingPosition = Literal["TRIM_HORIZON", "LATEST"]


class StreamReader:
    """Reads a stream through a consumer. It keeps how far it is in memory: what is safe, the inbox keeps.

    Args:
        client: boto3's or botocore's.
        stream_name: Kinesis'.
        consumer: takes the records.
        position: where to begin on the shards that are there at first. LATEST is for a consumer that gets everything
            before by a replay: `open` first, then replay (docs/consuming.md).
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
        self._tried: dict[str, tuple[str, int]] = {}
        self._starts: dict[str, dict[str, Any]] = {}
        self._checkpoints: dict[str, str] = {}
        self._finished: set[str] = set()
        self._is_open = False

    def open(self, now_s: float) -> None:
        """Take up the shards that are there and may be read; nothing that is put from here on will be missed."""
        shards = self._shards()
        blocking = {shard["ShardId"] for shard in shards} - self._finished
        for shard in shards:
            shard_id = shard["ShardId"]
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")}
            if shard_id in self._iterators or shard_id in self._finished or parents & blocking:
                continue
            position = "TRIM_HORIZON" if self._is_open else self._position
            self._iterators[shard_id] = self._iterator(shard_id, ShardIteratorType=position)
            # Should that expire before anything is read, LATEST would be later.
            is_latest = position == "LATEST"
            self._starts[shard_id] = (
                {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": now_s - CLOCKS_DIFFER_S}
                if is_latest
                else {"ShardIteratorType": position}
            )
        self._is_open = True

    def poll(self, now_s: float) -> Iterator[Outcome]:
        """One GetRecords on every shard; the outcome of each that had something, and of none if there are gaps to tell.

        Where an outcome has unsafe records, the shard is taken up again behind its checkpoint with the next poll: wait
        a little before. What the handler refuses ten times is held in the inbox, and its account waits there. Poll at
        most five times a second, which is what a shard allows all its readers together.

        Args:
            now_s: seconds since 1970.

        Raises:
            What the client raises; nothing is lost, poll again.
        """
        self.open(now_s)
        is_quiet = True
        for shard_id in list(self._iterators):
            records = self._read(shard_id)
            if records:
                is_quiet = False
                number, times = self._tried.get(shard_id, ("", 0))
                outcome = self._consumer.receive(records, now_s, buffer_failures=times >= ATTEMPTS_MAX)
                if outcome.checkpoint:
                    self._checkpoints[shard_id] = outcome.checkpoint
                if outcome.unsafe:
                    self._first[shard_id] = records[0].sequence_number
                    first = outcome.unsafe[0]
                    self._tried[shard_id] = (first, times + 1 if first == number else 1)
                    self._iterators[shard_id] = None  # taken up again with the next poll
                    self._finished.discard(shard_id)
                else:
                    self._tried.pop(shard_id, None)
                yield outcome
        if is_quiet:
            outcome = self._consumer.receive([], now_s)
            if outcome.gaps or outcome.failures:
                yield outcome

    def _read(self, shard_id: str) -> list[KinesisRecord]:
        """The shard's next records; it is finished where none can follow."""
        try:
            iterator = self._iterators[shard_id] or self._again(shard_id)
            self._iterators[shard_id] = iterator
            answer = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_MAX)
        except self._client.exceptions.ExpiredIteratorException:
            self._iterators[shard_id] = None
            return []
        except self._client.exceptions.ResourceNotFoundException:
            if shard_id in {shard["ShardId"] for shard in self._shards()}:  # raises as well where the stream is gone
                raise
            del self._iterators[shard_id]
            self._finished.add(shard_id)
            return []
        following = answer.get("NextShardIterator")
        if following:
            self._iterators[shard_id] = following
        else:
            del self._iterators[shard_id]
            self._finished.add(shard_id)
        return [KinesisRecord(record["SequenceNumber"], record["Data"]) for record in answer["Records"]]

    def _again(self, shard_id: str) -> str:
        """Behind the last safe record; where there is none, at the first, or where the shard was begun."""
        if shard_id in self._checkpoints:
            number, kind = self._checkpoints[shard_id], "AFTER_SEQUENCE_NUMBER"
        elif shard_id in self._first:
            number, kind = self._first[shard_id], "AT_SEQUENCE_NUMBER"
        else:
            return self._iterator(shard_id, **self._starts[shard_id])
        return self._iterator(shard_id, ShardIteratorType=kind, StartingSequenceNumber=number)

    def _iterator(self, shard_id: str, **place: Any) -> str:  # noqa: ANN401 -- GetShardIterator's own
        answer = self._client.get_shard_iterator(StreamName=self._stream_name, ShardId=shard_id, **place)
        return answer["ShardIterator"]

    def _shards(self) -> list[Any]:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream_name)
        return [shard for page in pages for shard in page["Shards"]]
