"""The configuration of a deployed mapping, with the settings of its stream and function that affect it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from account_events.lambda_mapping.config import MappingConfig
from local_stack.event_source_mapping.clients import MappingClients

SECONDS_PER_HOUR = 3_600


def deployed(response: Mapping[str, Any], clients: MappingClients) -> MappingConfig:
    """Convert a response of GetEventSourceMapping.

    Ours: it reads a Kinesis stream's retention once, because it rarely changes.

    Raises:
        UnsupportedMapping: see `MappingConfig.from_api`.
        botocore.exceptions.ClientError: the stream or the function does not exist.
    """
    config = MappingConfig.from_api(response)
    if config.source_kind == "dynamodb":
        return config
    stream = clients.kinesis.describe_stream_summary(StreamARN=config.stream_arn)["StreamDescriptionSummary"]
    function = clients.functions.get_function_configuration(FunctionName=config.function_arn)
    return replace(
        config,
        retention_s=stream["RetentionPeriodHours"] * SECONDS_PER_HOUR,
        invoke_identity_arn=function["Role"],
    )
