"""The metrics that AWS documents, as far as our alarms and the dashboard read them.

CloudWatch accepts an alarm on a metric that does not exist, and the alarm never fires. Add a metric here only after you
have read its name, dimensions and statistics on the page that its entry names.
"""

from dataclasses import dataclass

SUM = frozenset({"Sum"})
LEVELS = frozenset({"Average", "Minimum", "Maximum"})


@dataclass(frozen=True)
class Documented:
    """A documented metric.

    Attributes:
        dimensions: the documented set of dimensions that the template uses.
        statistics: the statistics with a meaning; `pNN` stands for any percentile.
        page: the page of the documentation.
    """

    dimensions: frozenset[str]
    statistics: frozenset[str]
    page: str


def _metrics(
    namespace: str, page: str, dimensions: set[str], statistics: frozenset[str], *names: str
) -> dict[tuple[str, str, frozenset[str]], Documented]:
    described = Documented(frozenset(dimensions), statistics, page)
    return {(namespace, name, described.dimensions): described for name in names}


API = "API Gateway developer guide, Monitor CloudWatch metrics for HTTP APIs"
BACKUP = "AWS Backup developer guide, AWS Backup metrics with Amazon CloudWatch"
DYNAMODB = "DynamoDB developer guide, DynamoDB metrics and dimensions"
EVENTS = "EventBridge user guide, Monitoring Amazon EventBridge"
FIREHOSE = "Amazon Data Firehose developer guide, Monitor with CloudWatch metrics"
KINESIS = "Kinesis Data Streams developer guide, Monitor with Amazon CloudWatch"
LAMBDA = "AWS Lambda developer guide, Types of metrics for Lambda functions"
STATES = "Step Functions developer guide, Monitoring Step Functions metrics using Amazon CloudWatch"
SQS = "Amazon SQS developer guide, Available CloudWatch metrics for Amazon SQS"

DOCUMENTED = (
    _metrics("AWS/ApiGateway", API, {"ApiId"}, SUM, "4xx", "5xx", "Count")
    | _metrics("AWS/ApiGateway", API, {"ApiId"}, LEVELS | {"pNN"}, "IntegrationLatency", "Latency")
    | _metrics("AWS/Lambda", LAMBDA, {"FunctionName"}, SUM, "DestinationDeliveryFailures", "Errors", "Throttles")
    | _metrics("AWS/Lambda", LAMBDA, {"FunctionName"}, LEVELS | {"pNN"}, "IteratorAge")
    # With MetricsConfig EventCount. The mapping emits PolledEventCount 0 for an empty poll.
    | _metrics("AWS/Lambda", LAMBDA, {"EventSourceMappingUUID"}, SUM | {"SampleCount"}, "PolledEventCount")
    | _metrics(
        "AWS/Lambda",
        LAMBDA,
        {"EventSourceMappingUUID"},
        SUM,
        *("DroppedEventCount", "OnFailureDestinationDeliveredEventCount"),
    )
    | _metrics("AWS/Backup", BACKUP, {"BackupVaultName"}, SUM, "NumberOfBackupJobsCompleted")
    | _metrics("AWS/DynamoDB", DYNAMODB, {"TableName"}, SUM, "ReadThrottleEvents", "WriteThrottleEvents")
    | _metrics("AWS/DynamoDB", DYNAMODB, {"TableName"}, SUM, "ConsumedWriteCapacityUnits")
    # Without the index, the metrics of a table leave out its global secondary indexes.
    | _metrics(
        "AWS/DynamoDB",
        DYNAMODB,
        {"TableName", "GlobalSecondaryIndexName"},
        SUM,
        *("ReadThrottleEvents", "WriteThrottleEvents"),
    )
    | _metrics("AWS/DynamoDB", DYNAMODB, {"TableName", "Operation"}, SUM, "SystemErrors")
    | _metrics("AWS/Kinesis", KINESIS, {"StreamName"}, SUM, "IncomingBytes", "IncomingRecords")
    | _metrics("AWS/Kinesis", KINESIS, {"StreamName"}, SUM, "WriteProvisionedThroughputExceeded")
    | _metrics("AWS/Kinesis", KINESIS, {"StreamName"}, SUM, "ReadProvisionedThroughputExceeded")
    | _metrics("AWS/Kinesis", KINESIS, {"StreamName"}, LEVELS, "GetRecords.IteratorAgeMilliseconds")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, LEVELS, "DeliveryToS3.DataFreshness")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, LEVELS, "KinesisMillisBehindLatest")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, SUM, "DataReadFromKinesisStream.Records")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, SUM, "ThrottledGetRecords", "DeliveryToS3.Records")
    # The sum of successful puts divided by the sum of all puts is the average.
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, SUM | {"Average"}, "DeliveryToS3.Success")
    # The same of the invocations of the transform.
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, SUM | {"Average"}, "ExecuteProcessing.Success")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, SUM, "FailedConversion.Records")
    | _metrics("AWS/Firehose", FIREHOSE, {"DeliveryStreamName"}, LEVELS, "PartitionCountExceeded")
    | _metrics("AWS/Events", EVENTS, {"RuleName"}, SUM, "FailedInvocations")
    | _metrics(
        "AWS/States",
        STATES,
        {"StateMachineArn"},
        SUM,
        *("ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"),
    )
    | _metrics("AWS/SQS", SQS, {"QueueName"}, LEVELS, "ApproximateNumberOfMessagesVisible")
)
"""By namespace, name and names of the dimensions."""

IDENTIFIES = {
    "BackupVaultName": {"AWS::Backup::BackupVault"},
    "ApiId": {"AWS::ApiGatewayV2::Api"},
    "DeliveryStreamName": {"AWS::KinesisFirehose::DeliveryStream"},
    "EventSourceMappingUUID": {"AWS::Lambda::EventSourceMapping"},
    "FunctionName": {"AWS::Serverless::Function"},
    "QueueName": {"AWS::SQS::Queue"},
    "RuleName": {"AWS::Events::Rule"},
    "StateMachineArn": {"AWS::StepFunctions::StateMachine"},
    "StreamName": {"AWS::Kinesis::Stream"},
    "TableName": {"AWS::DynamoDB::Table"},
}
"""The types of resource whose name is the value of a dimension. Operations and indexes are constants."""
OPERATIONS = {"BatchGetItem", "PutItem", "Query", "TransactWriteItems"}

UNITS_S = {60, 300, 3_600}
"""Periods that we use; CloudWatch accepts 60 and its multiples."""
