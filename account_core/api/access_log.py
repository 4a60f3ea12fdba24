"""The log line and metrics of a request: ids, outcome and cost; never amounts or tokens."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from account_core.service.usage import Usage
from account_events.dynamodb_errors import Kind, failure_of

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


class ContentRefused(Exception):
    """Takes the place of a refusal by DynamoDB or botocore in the log. Their messages may quote a row's values."""


class AccessLog:
    """Logs one line for each request, and emits its cost as metrics by operation."""

    def __init__(self, logger: "Logger", metrics: "Metrics") -> None:
        self._logger = logger
        self._metrics = metrics

    def __call__(self, operation: str, used: Usage, **facts: Any) -> None:  # noqa: ANN401 -- a log line's
        if used.rebuilt:
            self._logger.warning("no usable snapshot: the state was rebuilt from the events", **facts)
        self._logger.info("request", operation=operation, **facts, **asdict(used))
        if used.requests:
            self._metrics.add_dimension(name="operation", value=operation)
            self._metrics.add_metric(name="TableRequests", unit="Count", value=used.requests)
            self._metrics.add_metric(name="ReadUnits", unit="Count", value=used.read_units)
            self._metrics.add_metric(name="WriteUnits", unit="Count", value=used.write_units)
            self._metrics.add_metric(name="Conflicts", unit="Count", value=used.conflicts)
            self._metrics.flush_metrics()

    def failed(self, error: Exception, **facts: Any) -> None:  # noqa: ANN401 -- a log line's
        refused = failure_of(error).codes(Kind.REFUSED)
        logged = ContentRefused(", ".join(refused)).with_traceback(error.__traceback__) if refused else error
        self._logger.error("request failed", exc_info=logged, **facts)
