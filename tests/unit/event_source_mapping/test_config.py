from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from account_events.lambda_mapping.config import INFINITE, MappingConfig
from account_events.lambda_mapping.errors import UnsupportedMapping
from account_events.lambda_mapping.filters import FilterCriteria
from tests.unit.event_source_mapping.given import FUNCTION_ARN, KINESIS_ARN, NOW_S, STREAM_ARN, event

MINIMAL = {"UUID": "u", "EventSourceArn": STREAM_ARN, "FunctionArn": FUNCTION_ARN}


def test_absent_settings_have_the_documented_defaults() -> None:
    config = MappingConfig.from_api({**MINIMAL, "State": "Disabled"})
    assert config == MappingConfig(uuid="u", stream_arn=STREAM_ARN, function_arn=FUNCTION_ARN)
    assert (config.batch_size, config.batching_window_s) == (100, 0)
    assert (config.retry_attempts_max, config.record_age_max_s) == (INFINITE, INFINITE)
    assert not config.reports_item_failures
    assert not config.bisects_on_error
    assert config.on_failure_arn is None
    assert config.destination_service is None
    assert config.filters.accepts(event(1))


def test_every_setting_is_read() -> None:
    config = MappingConfig.from_api(
        {
            **MINIMAL,
            "StartingPosition": "LATEST",
            "BatchSize": 1000,
            "MaximumBatchingWindowInSeconds": 1,
            "ParallelizationFactor": 10,
            "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 0,
            "MaximumRecordAgeInSeconds": 3600,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
        }
    )
    assert (config.starting_position, config.batch_size, config.batching_window_s) == ("LATEST", 1000, 1.0)
    assert (config.retry_attempts_max, config.record_age_max_s, config.parallelization_factor) == (0, 3600.0, 10)
    assert config.reports_item_failures
    assert config.bisects_on_error
    assert (config.on_failure_arn, config.destination_service) == ("arn:aws:s3:::failures", "s3")
    assert not config.filters.accepts({**event(1), "eventName": "MODIFY"})


def test_a_kinesis_stream_is_recognised_by_its_arn() -> None:
    config = MappingConfig.from_api({**MINIMAL, "EventSourceArn": KINESIS_ARN})
    assert config == MappingConfig(uuid="u", stream_arn=KINESIS_ARN, function_arn=FUNCTION_ARN)
    assert (config.source_kind, config.starting_position, config.starts_at_s) == ("kinesis", "TRIM_HORIZON", None)
    assert MappingConfig.from_api(MINIMAL).source_kind == "dynamodb"
    in_china = KINESIS_ARN.replace("arn:aws:", "arn:aws-cn:")
    assert MappingConfig.from_api({**MINIMAL, "EventSourceArn": in_china}).source_kind == "kinesis"


def test_a_starting_timestamp_may_be_a_datetime() -> None:
    settings = {
        **MINIMAL,
        "EventSourceArn": KINESIS_ARN,
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": datetime.fromtimestamp(NOW_S + 0.5, UTC),
    }
    assert MappingConfig.from_api(settings).starts_at_s == NOW_S + 0.5


def test_only_a_kinesis_mapping_can_filter_by_data() -> None:
    filtered = {**MINIMAL, "FilterCriteria": {"Filters": [{"Pattern": '{"data": {"x": [1]}}'}]}}
    config = MappingConfig.from_api({**filtered, "EventSourceArn": KINESIS_ARN})
    assert config.filters == FilterCriteria.of(['{"data": {"x": [1]}}'], "kinesis")
    with pytest.raises(UnsupportedMapping, match=r"no record has data; use .*userIdentity"):
        MappingConfig.from_api(filtered)
    with pytest.raises(UnsupportedMapping, match="FilterCriteria are for kinesis records, but the stream is dynamodb"):
        replace(MappingConfig.from_api(MINIMAL), filters=config.filters)


@pytest.mark.parametrize("age_s", [-1, 60, 604_800])
def test_the_maximum_record_age_is_infinite_or_a_minute_to_a_week(age_s: int) -> None:
    assert MappingConfig.from_api({**MINIMAL, "MaximumRecordAgeInSeconds": age_s}).record_age_max_s == age_s


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ParallelizationFactor": 11}, "ParallelizationFactor must be between 1 and 10, not 11"),
        ({"TumblingWindowInSeconds": 60}, "TumblingWindowInSeconds"),
        ({"EventSourceArn": "arn:aws:sqs:eu-central-1:000000000000:queue"}, "EventSourceArn"),
        ({"EventSourceArn": f"{KINESIS_ARN}/consumer/fan-out:1"}, "not a consumer of one"),
        ({"EventSourceArn": "kinesis"}, "EventSourceArn"),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": NOW_S}, "TRIM_HORIZON or LATEST for dyn"),
        ({"EventSourceArn": KINESIS_ARN, "StartingPosition": "NOW"}, "or AT_TIMESTAMP for kinesis"),
        ({"EventSourceArn": KINESIS_ARN, "StartingPosition": "AT_TIMESTAMP"}, "StartingPositionTimestamp must be"),
        ({"EventSourceArn": KINESIS_ARN, "StartingPositionTimestamp": NOW_S}, "StartingPositionTimestamp must be"),
        (
            {"EventSourceArn": KINESIS_ARN, "FilterCriteria": {"Filters": [{"Pattern": '{"dynamodb": {"x": [1]}}'}]}},
            "FilterCriteria: no record has dynamodb; use .*data",
        ),
        ({"BatchSize": 0}, "BatchSize must be between 1 and 10000"),
        ({"BatchSize": 10_001}, "BatchSize"),
        ({"MaximumRetryAttempts": -2}, "MaximumRetryAttempts"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "MaximumRecordAgeInSeconds must be -1, or between 60 and 604800"),
        ({"MaximumRecordAgeInSeconds": 59}, "MaximumRecordAgeInSeconds must be -1, .* not 59"),
        ({"MaximumRecordAgeInSeconds": 0}, "MaximumRecordAgeInSeconds must be -1, .* not 0"),
        ({"MaximumRecordAgeInSeconds": -2}, "MaximumRecordAgeInSeconds must be -1, .* not -2"),
        ({"MaximumBatchingWindowInSeconds": 301}, "MaximumBatchingWindowInSeconds"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:eu-central-1:0:t"}}},
            "S3 bucket or SQS queue",
        ),
        ({"DestinationConfig": {"OnFailure": {"Destination": "failures"}}}, "S3 bucket or SQS queue"),
        ({"FilterCriteria": {"Filters": [{}]}}, "FilterCriteria"),
    ],
)
def test_an_unsupported_setting_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedMapping, match=message):
        MappingConfig.from_api({**MINIMAL, **settings})
