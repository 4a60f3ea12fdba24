from typing import Any

import pytest

from ops.mapping.config import INFINITE, MappingConfig
from ops.mapping.errors import UnsupportedMapping
from tests.unit.mapping.given import FUNCTION_ARN, STREAM_ARN, event

LEAST = {"UUID": "u", "EventSourceArn": STREAM_ARN, "FunctionArn": FUNCTION_ARN}


def test_absent_settings_are_what_aws_documents() -> None:
    config = MappingConfig.from_api({**LEAST, "State": "Disabled"})
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
            **LEAST,
            "StartingPosition": "LATEST",
            "BatchSize": 1000,
            "MaximumBatchingWindowInSeconds": 1,
            "ParallelizationFactor": 1,
            "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 0,
            "MaximumRecordAgeInSeconds": 3600,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
        }
    )
    assert (config.starting_position, config.batch_size, config.batching_window_s) == ("LATEST", 1000, 1.0)
    assert (config.retry_attempts_max, config.record_age_max_s) == (0, 3600.0)
    assert config.reports_item_failures
    assert config.bisects_on_error
    assert (config.on_failure_arn, config.destination_service) == ("arn:aws:s3:::failures", "s3")
    assert not config.filters.accepts({**event(1), "eventName": "MODIFY"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ParallelizationFactor": 2}, "ParallelizationFactor is 2: only 1"),
        ({"TumblingWindowInSeconds": 60}, "TumblingWindowInSeconds"),
        ({"EventSourceArn": "arn:aws:kinesis:eu-central-1:000000000000:stream/s"}, "EventSourceArn"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPosition"),
        ({"BatchSize": 0}, "BatchSize must be between 1 and 10000"),
        ({"BatchSize": 10_001}, "BatchSize"),
        ({"MaximumRetryAttempts": -2}, "MaximumRetryAttempts"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "MaximumRecordAgeInSeconds"),
        ({"MaximumBatchingWindowInSeconds": 301}, "MaximumBatchingWindowInSeconds"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:eu-central-1:0:t"}}},
            "S3 bucket or SQS queue",
        ),
        ({"DestinationConfig": {"OnFailure": {"Destination": "failures"}}}, "S3 bucket or SQS queue"),
        ({"FilterCriteria": {"Filters": [{}]}}, "FilterCriteria"),
    ],
)
def test_what_is_not_covered_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedMapping, match=message):
        MappingConfig.from_api({**LEAST, **settings})
