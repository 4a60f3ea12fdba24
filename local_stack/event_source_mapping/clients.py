"""The AWS clients a mapping works with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

# A function runs for up to 15 minutes; we wait a little longer than Lambda itself would.
INVOKE_READ_TIMEOUT_S = 905.0


@dataclass(frozen=True)
class MappingClients:
    """Clients by their role.

    `functions` invokes: give it a read timeout of INVOKE_READ_TIMEOUT_S and a single attempt per call, because retries
    are the shard's business.
    """

    streams: "DynamoDBStreamsClient"
    kinesis: "KinesisClient"
    functions: "LambdaClient"
    s3: "S3Client"
    sqs: "SQSClient"
