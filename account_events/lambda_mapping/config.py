"""The configuration of an event source mapping, as Lambda's API returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from account_events.lambda_mapping.errors import UnsupportedMapping
from account_events.lambda_mapping.filters import FilterCriteria, SourceKind

INFINITE = -1
BATCH_SIZE_MAX = 10_000
PARALLELIZATION_MAX = 10
RECORD_AGE_MIN_S = 60
# Amazon DynamoDB Developer Guide, "Change data capture for DynamoDB Streams": data retention limit. Kinesis streams
# have the same default, but can keep records longer.
RETENTION_S = 86_400.0


@dataclass(frozen=True)
class MappingConfig:
    """One mapping from a DynamoDB or Kinesis stream to a function.

    Defaults are AWS's: Lambda Developer Guide, "Lambda parameters for Amazon DynamoDB event source mappings" and "...
    Amazon Kinesis Data Streams event source mappings". `INFINITE` (-1) for retries and for age means "until the record
    expires" from the stream.

    Attributes:
        parallelization_factor: how many batches of a shard may be delivered concurrently; see `lanes`.
        starts_at_s: with AT_TIMESTAMP, deliver the records that arrived at this time or later; seconds since the epoch.
        retention_s: how long the stream keeps a record. Lambda's API does not return this.
        invoke_identity_arn: the function's execution role, a field of every Kinesis record. Lambda's API does not
            return this.
    """

    uuid: str
    stream_arn: str
    function_arn: str
    starting_position: str = "TRIM_HORIZON"
    batch_size: int = 100
    batching_window_s: float = 0.0
    parallelization_factor: int = 1
    filters: FilterCriteria = field(default_factory=FilterCriteria)
    reports_item_failures: bool = False
    bisects_on_error: bool = False
    retry_attempts_max: int = INFINITE
    record_age_max_s: float = INFINITE
    on_failure_arn: str | None = None
    starts_at_s: float | None = None
    retention_s: float = RETENTION_S
    invoke_identity_arn: str = ""

    def __post_init__(self) -> None:
        """Validate the settings.

        Raises:
            UnsupportedMapping: a setting is invalid at AWS or not modelled here.
        """
        kind = _source_kind(self.stream_arn)
        positions = ["TRIM_HORIZON", "LATEST"] + ["AT_TIMESTAMP"] * (kind == "kinesis")
        if self.starting_position not in positions:
            raise UnsupportedMapping(
                f"StartingPosition must be {' or '.join(positions)} for {kind}, not {self.starting_position!r}"
            )
        if (self.starting_position == "AT_TIMESTAMP") is (self.starts_at_s is None):
            raise UnsupportedMapping("StartingPositionTimestamp must be given with AT_TIMESTAMP, and only then")
        if self.filters.patterns and self.filters.source != kind:
            raise UnsupportedMapping(f"FilterCriteria are for {self.filters.source} records, but the stream is {kind}")
        _within("BatchSize", self.batch_size, 1, BATCH_SIZE_MAX)
        _within("MaximumBatchingWindowInSeconds", self.batching_window_s, 0, 300)
        _within("ParallelizationFactor", self.parallelization_factor, 1, PARALLELIZATION_MAX)
        _within("MaximumRetryAttempts", self.retry_attempts_max, INFINITE, 10_000)
        # Lambda API Reference, "EventSourceMappingConfiguration": values between -1 and 60 are not allowed.
        if self.record_age_max_s != INFINITE:
            _within("MaximumRecordAgeInSeconds", self.record_age_max_s, RECORD_AGE_MIN_S, 604_800, or_else=INFINITE)
        if self.on_failure_arn is not None and self.destination_service not in {"s3", "sqs"}:
            raise UnsupportedMapping(f"DestinationConfig must name an S3 bucket or SQS queue: {self.on_failure_arn!r}")

    @classmethod
    def from_api(cls, response: Mapping[str, Any]) -> "MappingConfig":
        """Read a response of GetEventSourceMapping, or one element of ListEventSourceMappings' response.

        `State` is ignored on purpose: if this package replaces a deployed mapping, the deployed one is disabled.

        Raises:
            UnsupportedMapping: a setting is invalid at AWS or not modelled here, such as a tumbling window.
        """
        if response.get("TumblingWindowInSeconds"):
            raise UnsupportedMapping("TumblingWindowInSeconds must be 0: tumbling windows are not modelled here")
        filters = (response.get("FilterCriteria") or {}).get("Filters") or []
        destination = ((response.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        return cls(
            uuid=response["UUID"],
            stream_arn=response["EventSourceArn"],
            function_arn=response["FunctionArn"],
            starting_position=response.get("StartingPosition") or cls.starting_position,
            batch_size=int(_given(response, "BatchSize", cls.batch_size)),
            batching_window_s=float(_given(response, "MaximumBatchingWindowInSeconds", cls.batching_window_s)),
            parallelization_factor=int(_given(response, "ParallelizationFactor", cls.parallelization_factor)),
            filters=FilterCriteria.of(
                (one.get("Pattern", "") for one in filters), _source_kind(response["EventSourceArn"])
            ),
            reports_item_failures="ReportBatchItemFailures" in (response.get("FunctionResponseTypes") or []),
            bisects_on_error=bool(response.get("BisectBatchOnFunctionError")),
            retry_attempts_max=int(_given(response, "MaximumRetryAttempts", INFINITE)),
            record_age_max_s=float(_given(response, "MaximumRecordAgeInSeconds", INFINITE)),
            on_failure_arn=destination or None,
            starts_at_s=_seconds(response.get("StartingPositionTimestamp")),
        )

    @property
    def source_kind(self) -> SourceKind:
        """The kind of the stream."""
        return _source_kind(self.stream_arn)

    @property
    def destination_service(self) -> str | None:
        """The service of the on-failure destination, `s3` or `sqs`; None without a destination."""
        return self.on_failure_arn.split(":")[2] if self.on_failure_arn and self.on_failure_arn.count(":") > 1 else None


def _source_kind(arn: str) -> SourceKind:
    """The kind of a stream by its ARN, `arn:<partition>:<service>:<region>:<account>:<resource>`."""
    *_, resource = parts = arn.split(":", 5)
    service = parts[2] if len(parts) == 6 else ""  # noqa: PLR2004 -- the six parts in the docstring
    if service == "dynamodb" and "/stream/" in resource:
        return "dynamodb"
    if service == "kinesis" and resource.startswith("stream/") and resource.count("/") == 1:
        return "kinesis"
    raise UnsupportedMapping(
        f"EventSourceArn must be a DynamoDB stream or a Kinesis stream (not a consumer of one): {arn!r}"
    )


def _seconds(time: datetime | float | None) -> float | None:
    return time.timestamp() if isinstance(time, datetime) else time


def _given(response: Mapping[str, Any], key: str, default: float) -> float:
    value = response.get(key)
    return default if value is None else float(value)


def _within(name: str, value: float, lowest: float, highest: float, *, or_else: float | None = None) -> None:
    if not lowest <= value <= highest:
        other = "" if or_else is None else f"{or_else:g}, or "
        raise UnsupportedMapping(f"{name} must be {other}between {lowest:g} and {highest:g}, not {value:g}")
