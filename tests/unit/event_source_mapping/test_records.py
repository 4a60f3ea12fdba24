from datetime import UTC, datetime

from account_events.lambda_mapping.records import (
    ENVELOPE_BYTES,
    PAYLOAD_BYTES_MAX,
    StreamRecord,
    kinesis_lambda_record,
    lambda_event,
    lambda_record,
    payload_prefix,
)
from tests.unit.event_source_mapping.given import STREAM_ARN


def test_an_sdk_record_is_converted_to_lambdas_format() -> None:
    api_record = {
        "eventID": "1",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
            "Keys": {"AccountId": {"S": "a"}, "Version": {"N": "1"}},
            "NewImage": {"Blob": {"B": b"\x00\x01"}, "Blobs": {"BS": [b"a", b"b"]}, "Tags": {"L": [{"S": "x"}]}},
            "SequenceNumber": "100",
            "SizeBytes": 59,
            "StreamViewType": "NEW_IMAGE",
        },
    }
    record = lambda_record(api_record, STREAM_ARN)
    assert record == {
        "eventID": "1",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000,
            "Keys": {"AccountId": {"S": "a"}, "Version": {"N": "1"}},
            "NewImage": {"Blob": {"B": "AAE="}, "Blobs": {"BS": ["YQ==", "Yg=="]}, "Tags": {"L": [{"S": "x"}]}},
            "SequenceNumber": "100",
            "SizeBytes": 59,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": STREAM_ARN,
    }
    stream_record = StreamRecord.of(record)
    assert (stream_record.sequence_number, stream_record.created_at_s) == ("100", 1_700_000_000.0)
    assert lambda_event([stream_record]) == {"Records": [record]}


def test_an_expired_items_user_identity_gets_lambdas_spelling() -> None:
    api_record = {"eventName": "REMOVE", "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}}
    assert lambda_record(api_record, STREAM_ARN) == {
        "eventName": "REMOVE",
        "userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
        "eventSourceARN": STREAM_ARN,
    }
    assert "userIdentity" not in lambda_record({"eventName": "INSERT", "userIdentity": None}, STREAM_ARN)


def test_a_kinesis_record_is_converted_to_lambdas_format() -> None:
    """The example of the Lambda Developer Guide, "Using AWS Lambda with Amazon Kinesis"."""
    api_record = {
        "SequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(1545084650.987, UTC),
        "Data": b"Hello, this is a test.",
        "PartitionKey": "1",
        "EncryptionType": "NONE",
    }
    arn, role = "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream", "arn:aws:iam::123456789012:role/r"
    record = kinesis_lambda_record(api_record, "shardId-000000000006", arn, role)
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "1",
            "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
            "data": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
            "approximateArrivalTimestamp": 1545084650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": "us-east-2",
        "eventSourceARN": arn,
    }
    stream_record = StreamRecord.of(record)
    assert (stream_record.sequence_number, stream_record.created_at_s) == (
        api_record["SequenceNumber"],
        1545084650.987,
    )


def test_the_payload_limit_counts_every_byte_that_is_sent() -> None:
    size_bytes = (PAYLOAD_BYTES_MAX - ENVELOPE_BYTES - 1) // 2
    exact = [StreamRecord("1", 0.0, {}, size_bytes), StreamRecord("2", 0.0, {}, size_bytes)]
    spare = PAYLOAD_BYTES_MAX - ENVELOPE_BYTES - 1 - 2 * size_bytes
    assert payload_prefix(exact, 10) == 2
    assert payload_prefix([exact[0], StreamRecord("2", 0.0, {}, size_bytes + spare + 1)], 10) == 1
    assert payload_prefix([StreamRecord("1", 0.0, {}, PAYLOAD_BYTES_MAX)], 10) == 1
    assert payload_prefix(exact, 1) == 1


def test_fractions_of_a_second_are_kept() -> None:
    created_at = datetime.fromtimestamp(1_700_000_000.5, UTC)
    record = lambda_record({"dynamodb": {"ApproximateCreationDateTime": created_at}}, STREAM_ARN)
    assert record["dynamodb"]["ApproximateCreationDateTime"] == 1_700_000_000.5
