"""The log line and metrics of a request: ids, outcome and cost; never amounts or tokens."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from account_core.service.usage import Usage
from account_events.dynamodb_errors import quoting

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


class ContentRefused(Exception):
    """Takes the place of an error of DynamoDB or botocore in the log whose message may quote a row's values."""


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
        self._logger.error("request failed", exc_info=_without_content(error), **facts)


def _without_content(error: Exception) -> Exception:
    """The error; also its causes are logged, so each that may quote values is replaced."""
    if codes := quoting(error):
        return ContentRefused(", ".join(codes)).with_traceback(error.__traceback__)
    if isinstance(error.__cause__, Exception):
        error.__cause__ = _without_content(error.__cause__)
    if isinstance(error.__context__, Exception):
        error.__context__ = _without_content(error.__context__)
    return error
