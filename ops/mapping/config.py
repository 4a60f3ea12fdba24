"""The configuration of a deployed event source mapping, as Lambda's API returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.mapping.errors import UnsupportedMapping
from ops.mapping.filters import FilterCriteria

INFINITE = -1
BATCH_SIZE_MAX = 10_000


@dataclass(frozen=True)
class MappingConfig:
    """One mapping from a DynamoDB stream to a function.

    Defaults are AWS's: Lambda Developer Guide, "Lambda parameters for Amazon DynamoDB event source mappings".
    `INFINITE` (-1) for retries and for age means "until the record expires" from the stream.
    """

    uuid: str
    stream_arn: str
    function_arn: str
    starting_position: str = "TRIM_HORIZON"
    batch_size: int = 100
    batching_window_s: float = 0.0
    filters: FilterCriteria = field(default_factory=FilterCriteria)
    reports_item_failures: bool = False
    bisects_on_error: bool = False
    retry_attempts_max: int = INFINITE
    record_age_max_s: float = INFINITE
    on_failure_arn: str | None = None

    def __post_init__(self) -> None:
        """Refuse what AWS refuses and what we do not model.

        Raises:
            UnsupportedMapping: with the name of the setting.
        """
        if ":dynamodb:" not in self.stream_arn or "/stream/" not in self.stream_arn:
            raise UnsupportedMapping(f"EventSourceArn must be a DynamoDB stream, not {self.stream_arn!r}")
        if self.starting_position not in {"TRIM_HORIZON", "LATEST"}:
            raise UnsupportedMapping(f"StartingPosition must be TRIM_HORIZON or LATEST, not {self.starting_position!r}")
        _within("BatchSize", self.batch_size, 1, BATCH_SIZE_MAX)
        _within("MaximumBatchingWindowInSeconds", self.batching_window_s, 0, 300)
        _within("MaximumRetryAttempts", self.retry_attempts_max, INFINITE, 10_000)
        _within("MaximumRecordAgeInSeconds", self.record_age_max_s, INFINITE, 604_800)
        if self.on_failure_arn is not None and self.destination_service not in {"s3", "sqs"}:
            raise UnsupportedMapping(f"DestinationConfig must name an S3 bucket or SQS queue: {self.on_failure_arn!r}")

    @classmethod
    def from_api(cls, response: Mapping[str, Any]) -> "MappingConfig":
        """Read an answer of GetEventSourceMapping, or one element of ListEventSourceMappings' answer.

        `State` is ignored on purpose: the deployed mapping is disabled where this stand-in does its work.

        Raises:
            UnsupportedMapping: a setting is invalid or not covered, in particular a ParallelizationFactor other than 1
                and a tumbling window.
        """
        if (factor := response.get("ParallelizationFactor") or 1) != 1:
            raise UnsupportedMapping(
                f"ParallelizationFactor is {factor}: only 1 keeps a shard's order, and only 1 is modelled here"
            )
        if response.get("TumblingWindowInSeconds"):
            raise UnsupportedMapping("TumblingWindowInSeconds is not modelled")
        filters = (response.get("FilterCriteria") or {}).get("Filters") or []
        destination = ((response.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        return cls(
            uuid=response["UUID"],
            stream_arn=response["EventSourceArn"],
            function_arn=response["FunctionArn"],
            starting_position=response.get("StartingPosition") or cls.starting_position,
            batch_size=int(_given(response, "BatchSize", cls.batch_size)),
            batching_window_s=float(_given(response, "MaximumBatchingWindowInSeconds", cls.batching_window_s)),
            filters=FilterCriteria.of(one.get("Pattern", "") for one in filters),
            reports_item_failures="ReportBatchItemFailures" in (response.get("FunctionResponseTypes") or []),
            bisects_on_error=bool(response.get("BisectBatchOnFunctionError")),
            retry_attempts_max=int(_given(response, "MaximumRetryAttempts", INFINITE)),
            record_age_max_s=float(_given(response, "MaximumRecordAgeInSeconds", INFINITE)),
            on_failure_arn=destination or None,
        )

    @property
    def destination_service(self) -> str | None:
        """`s3`, `sqs`, or None without an on-failure destination."""
        return self.on_failure_arn.split(":")[2] if self.on_failure_arn and self.on_failure_arn.count(":") > 1 else None


def _given(response: Mapping[str, Any], key: str, default: float) -> float:
    value = response.get(key)
    return default if value is None else float(value)


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise UnsupportedMapping(f"{name} must be between {lowest:g} and {highest:g}, not {value:g}")
