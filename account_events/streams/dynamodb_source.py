"""The stream of a DynamoDB table as a `StreamSource`."""

from typing import TYPE_CHECKING

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.records import StreamRecord, lambda_record
from account_events.streams.lineage import Shard
from account_events.streams.source import Page, Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

RECORDS_PER_READ_MAX = 1_000  # the limit in the API reference of GetRecords
LIST_PAGES_MAX = 1_000


class DynamoDBSource:
    """A `StreamSource` for the DynamoDB stream of a mapping."""

    knows_times = False

    def __init__(self, client: "DynamoDBStreamsClient", config: MappingConfig) -> None:
        self._client = client
        self._stream_arn = config.stream_arn

    def shards(self) -> tuple[Shard, ...]:
        """The complete list of shards.

        Raises:
            botocore.exceptions.ClientError: for example, the stream does not exist.
            RuntimeError: the list has more than LIST_PAGES_MAX pages.
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
        raise RuntimeError(f"DescribeStream returned more than {LIST_PAGES_MAX} pages")

    def iterator(self, shard_id: str, position: Position) -> str:
        match position.kind:
            case "AFTER_SEQUENCE_NUMBER":
                response = self._client.get_shard_iterator(
                    StreamArn=self._stream_arn,
                    ShardId=shard_id,
                    ShardIteratorType=position.kind,
                    SequenceNumber=position.sequence_number,
                )
            case "TRIM_HORIZON" | "LATEST":
                response = self._client.get_shard_iterator(
                    StreamArn=self._stream_arn, ShardId=shard_id, ShardIteratorType=position.kind
                )
            case "AT_TIMESTAMP":
                raise ValueError("a DynamoDB stream cannot be read from a timestamp")
        return response["ShardIterator"]

    def records(self, shard_id: str, iterator: str) -> Page:  # noqa: ARG002 -- Kinesis needs the shard
        response = self._client.get_records(ShardIterator=iterator, Limit=RECORDS_PER_READ_MAX)
        records = tuple(
            StreamRecord.of(lambda_record(record, self._stream_arn)) for record in response.get("Records", [])
        )
        return Page(records, response.get("NextShardIterator"))
