"""Settings, records of aggregated records, and object prefixes of the fake Firehose."""

import base64
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from account_events.aggregation.packing import aggregate
from consumers.lake.delivery.records import invocation, source_records
from local_stack.firehose.config import MB, DeliveryConfig
from local_stack.firehose.errors import UnsupportedDelivery
from local_stack.firehose.object_prefixes import NoSuchKey, error_prefix, object_name, partition_prefix
from local_stack.firehose.stack_delivery import deployed_delivery

NOW = datetime(2026, 11, 25, 9, 5, 7, tzinfo=UTC)
PROPERTIES: dict[str, Any] = {
    "DeliveryStreamType": "KinesisStreamAsSource",
    "ExtendedS3DestinationConfiguration": {
        "Prefix": "p/",
        "ErrorOutputPrefix": "e/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": {"Ref": "Seconds"}},
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "DataFormatConversionConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Lambda",
                    "Parameters": [
                        {"ParameterName": "BufferSizeInMBs", "ParameterValue": "0.5"},
                        {"ParameterName": "NumberOfRetries", "ParameterValue": "2"},
                    ],
                }
            ],
        },
    },
}


def test_settings_come_from_the_template_and_firehoses_defaults() -> None:
    config = DeliveryConfig.of(PROPERTIES, {"Seconds": "120"})
    assert config == DeliveryConfig(MB // 2, 60, 2, 64 * MB, 120, "p/", "e/")


def test_the_template_of_this_project_is_supported() -> None:
    config = deployed_delivery()
    assert config.delivery_interval_s == 300
    assert config.prefix.startswith("events/dt=!{")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("S3BackupMode", "Enabled", "S3BackupMode"),
        ("CompressionFormat", "GZIP", "CompressionFormat"),
        ("DynamicPartitioningConfiguration", {"Enabled": False}, "DynamicPartitioningConfiguration"),
        ("DataFormatConversionConfiguration", {}, "DataFormatConversionConfiguration"),
        ("BufferingHints", {"SizeInMBs": 5}, "SizeInMBs"),
        ("BufferingHints", {"SizeInMBs": {"Fn::If": []}}, "Ref"),
        ("ProcessingConfiguration", {"Enabled": True, "Processors": [{"Type": "MetadataExtraction"}]}, "Processors"),
    ],
)
def test_a_setting_that_the_fake_does_not_support_is_refused(name: str, value: object, message: str) -> None:
    properties = deepcopy(PROPERTIES)
    properties["ExtendedS3DestinationConfiguration"][name] = value
    with pytest.raises(UnsupportedDelivery, match=message):
        DeliveryConfig.of(properties, {"Seconds": "120"})


def kinesis(data: bytes) -> dict[str, Any]:
    return {
        "eventID": "shardId-7:49",
        "kinesis": {
            "sequenceNumber": "49",
            "partitionKey": "3",
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1_790_000_000.123,
        },
    }


def test_an_aggregate_is_unpacked_before_the_function_sees_it() -> None:
    records = source_records(kinesis(aggregate("3", "1", [b"one", b"two"])), 5)
    assert [(record.data, record.subsequence_number) for record in records] == [(b"one", 0), (b"two", 1)]
    event = invocation(records, "i-1", "arn:aws:kinesis:eu-central-1:0:stream/s", "arn:delivery")
    assert (event["region"], event["invocationId"]) == ("eu-central-1", "i-1")
    first, second = event["records"]
    assert first["recordId"] != second["recordId"]
    assert base64.b64decode(second["data"]) == b"two"
    assert second["kinesisRecordMetadata"] == {
        "sequenceNumber": "49",
        "subsequenceNumber": 1,
        "partitionKey": "3",
        "shardId": "shardId-7",
        "approximateArrivalTimestamp": 1_790_000_000_123,
    }


@pytest.mark.parametrize("data", [b"plain", aggregate("3", "1", [b"one"])[:-1] + b"?", aggregate("3", "1", [])])
def test_damaged_and_empty_aggregates_are_passed_on_unchanged(data: bytes) -> None:
    [record] = source_records(kinesis(data), 5)
    assert record.data == data


def test_prefixes_and_object_names_are_expanded_as_in_firehose() -> None:
    assert (
        partition_prefix("a/dt=!{partitionKeyFromLambda:dt}/!{timestamp:yyyy/MM/dd/HH}/", {"dt": "x"}, NOW)
        == "a/dt=x/2026/11/25/09/"
    )
    assert error_prefix("e/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/", "bad", NOW) == "e/bad/2026-11-25/"
    assert object_name("lake", NOW, "u-1", ".parquet") == "lake-1-2026-11-25-09-05-07-u-1.parquet"
    with pytest.raises(NoSuchKey, match="dt"):
        partition_prefix("!{partitionKeyFromLambda:dt}", {"day": "x"}, NOW)
    with pytest.raises(UnsupportedDelivery, match="random-string"):
        error_prefix("!{firehose:error-output-type}/!{unknown:random-string}", "bad", NOW)
