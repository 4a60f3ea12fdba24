"""The way in: listing a stream's shards and reading their records."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from ops.mapping.config import MappingConfig
from ops.mapping.lineage import Shard
from ops.mapping.records import StreamRecord, lambda_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

logger = logging.getLogger(__name__)

RECORDS_PER_READ_MAX = 1_000  # API reference of GetRecords: the most it gives
LIST_PAGES_MAX = 1_000


@dataclass(frozen=True)
class Read:
    """What one GetRecords gave; `ended` when the shard is closed and read to its end."""

    records: tuple[StreamRecord, ...]
    ended: bool = False


class ShardReader:
    """Reads the shards of one stream, keeping an iterator for each."""

    def __init__(self, client: "DynamoDBStreamsClient", config: MappingConfig) -> None:
        self._client = client
        self._stream_arn = config.stream_arn
        self._iterators: dict[str, str] = {}

    def shards(self) -> tuple[Shard, ...]:
        """The complete list of shards, every page of it.

        Raises:
            botocore.exceptions.ClientError: for example the stream does not exist.
            RuntimeError: the list does not end within LIST_PAGES_MAX pages.
        """
        found: list[Shard] = []
        page = self._client.describe_stream(StreamArn=self._stream_arn)
        for _ in range(LIST_PAGES_MAX):
            description = page["StreamDescription"]
            for shard in description.get("Shards", []):
                closed = "EndingSequenceNumber" in shard.get("SequenceNumberRange", {})
                found.append(Shard(shard["ShardId"], shard.get("ParentShardId"), closed))
            start = description.get("LastEvaluatedShardId")
            if not start:
                return tuple(found)
            page = self._client.describe_stream(StreamArn=self._stream_arn, ExclusiveStartShardId=start)
        raise RuntimeError(f"DescribeStream did not end within {LIST_PAGES_MAX} pages")

    def read(self, shard_id: str, checkpoint: str | None, start: Literal["TRIM_HORIZON", "LATEST"]) -> Read:
        """The next records of a shard.

        Without a live iterator the shard is (re-)opened after the checkpoint, or at `start` when there is none yet;
        records given before may then come again.

        Raises:
            botocore.exceptions.ClientError: anything but an expired iterator or trimmed records.
        """
        iterator = self._iterators.get(shard_id) or self._open(shard_id, checkpoint, start)
        self._iterators[shard_id] = (
            iterator  # kept through a fault that passes: anew at LATEST, records would be missed
        )
        try:
            response = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_PER_READ_MAX)
        except ClientError as error:
            if _code(error) not in {"ExpiredIteratorException", "TrimmedDataAccessException"}:
                raise
            logger.info("Iterator of %s is of no more use (%s): opening it again", shard_id, _code(error))
            iterator = self._open(shard_id, checkpoint, start)
            response = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_PER_READ_MAX)
        following = response.get("NextShardIterator")
        if following:
            self._iterators[shard_id] = following
        else:
            del self._iterators[shard_id]
        records = tuple(self._record(record) for record in response.get("Records", []))
        return Read(records, ended=not following)

    def _open(self, shard_id: str, checkpoint: str | None, start: Literal["TRIM_HORIZON", "LATEST"]) -> str:
        if checkpoint is None:
            return self._iterator(shard_id, start)
        try:
            response = self._client.get_shard_iterator(
                StreamArn=self._stream_arn,
                ShardId=shard_id,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                SequenceNumber=checkpoint,
            )
        except ClientError as error:
            if _code(error) != "TrimmedDataAccessException":
                raise
            logger.warning("Records after %s of %s were trimmed: going on with the oldest left", checkpoint, shard_id)
            return self._iterator(shard_id, "TRIM_HORIZON")
        return response["ShardIterator"]

    def _iterator(self, shard_id: str, kind: Literal["TRIM_HORIZON", "LATEST"]) -> str:
        response = self._client.get_shard_iterator(StreamArn=self._stream_arn, ShardId=shard_id, ShardIteratorType=kind)
        return response["ShardIterator"]

    def _record(self, api_record: Mapping[str, object]) -> StreamRecord:
        return StreamRecord.of(lambda_record(api_record, self._stream_arn))


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
