"""The AWS clients that a mapping uses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

# A function runs for up to 15 minutes. We wait a little longer than Lambda does.
INVOKE_READ_TIMEOUT_S = 905.0


@dataclass(frozen=True)
class MappingClients:
    """The clients, by role.

    Attributes:
        functions: invokes the function. Give it a read timeout of INVOKE_READ_TIMEOUT_S and one attempt per call,
            because the mapping retries by itself.
    """

    streams: "DynamoDBStreamsClient"
    kinesis: "KinesisClient"
    functions: "LambdaClient"
    s3: "S3Client"
    sqs: "SQSClient"
