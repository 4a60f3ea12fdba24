"""A Kinesis data stream, read as a consumer with shared throughput (GetRecords).

Source: Amazon Kinesis Data Streams API reference, GetRecords (no NextShardIterator at the end of a closed shard; after
an empty response, it "might take multiple calls to get to a portion of the shard that contains records"; at most 10,000
records), GetShardIterator, ListShards.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from account_events.lambda_mapping.records import StreamRecord, kinesis_lambda_record
from account_events.streams.lineage import Shard
from account_events.streams.source import Page, Position

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import GetShardIteratorInputTypeDef

RECORDS_PER_READ_MAX = 10_000


class KinesisSource:
    """A `StreamSource` for a Kinesis stream.

    Args:
        client: a boto3 Kinesis client.
        stream_arn: the stream.
        invoke_identity_arn: the execution role of the function that receives the records; empty without a function.
        records_max: how many records a page has at most.
    """

    knows_times = True

    def __init__(
        self,
        client: "KinesisClient",
        stream_arn: str,
        invoke_identity_arn: str = "",
        records_max: int = RECORDS_PER_READ_MAX,
    ) -> None:
        self._client = client
        self._records_max = records_max
        self._stream_arn = stream_arn
        self._invoke_identity_arn = invoke_identity_arn

    def shards(self) -> tuple[Shard, ...]:
        """The complete list of shards, including closed ones.

        Raises:
            botocore.exceptions.ClientError: for example, the stream does not exist.
        """
        pages = self._client.get_paginator("list_shards").paginate(StreamARN=self._stream_arn)
        return tuple(
            Shard(
                shard["ShardId"],
                shard.get("ParentShardId"),
                closed="EndingSequenceNumber" in shard["SequenceNumberRange"],
                adjacent_parent_id=shard.get("AdjacentParentShardId"),
            )
            for page in pages
            for shard in page["Shards"]
        )

    def iterator(self, shard_id: str, position: Position) -> str:
        request: GetShardIteratorInputTypeDef = {
            "StreamARN": self._stream_arn,
            "ShardId": shard_id,
            "ShardIteratorType": position.kind,
        }
        if position.kind == "AFTER_SEQUENCE_NUMBER":
            request["StartingSequenceNumber"] = position.sequence_number
        elif position.kind == "AT_TIMESTAMP":
            request["Timestamp"] = datetime.fromtimestamp(position.time_s, UTC)
        return self._client.get_shard_iterator(**request)["ShardIterator"]

    def records(self, shard_id: str, iterator: str) -> Page:
        response = self._client.get_records(ShardIterator=iterator, Limit=self._records_max)
        records = tuple(
            StreamRecord.of(kinesis_lambda_record(record, shard_id, self._stream_arn, self._invoke_identity_arn))
            for record in response["Records"]
        )
        return Page(records, response.get("NextShardIterator"), response.get("MillisBehindLatest") or 0)
