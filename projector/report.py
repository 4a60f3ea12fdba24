"""Logs and metrics of a batch: accounts and sequences, never amounts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from projector.project import Outcome

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


class Report:
    """Logs a line per batch, a warning per waiting account and an error per newly parked account; emits metrics.

    Args:
        logger: a logger of Powertools.
        metrics: a `Metrics` object of Powertools.
        now_us: returns the time, microseconds since 1970.
    """

    def __init__(self, logger: "Logger", metrics: "Metrics", now_us: Callable[[], int]) -> None:
        self._logger = logger
        self._metrics = metrics
        self._now_us = now_us

    def __call__(self, outcome: Outcome) -> None:
        for parked in outcome.parked:
            self._logger.error(
                "account parked",
                account_id=_printable(parked.account_id),
                sequence_first=parked.first,
                sequence_last=parked.held_through,
                row=f"{_printable(parked.account_id)}/{parked.version}",
                reason=parked.reason,
            )
        for waiting in outcome.waiting:
            self._logger.warning(
                "account waits",
                account_id=None if waiting.account_id is None else _printable(waiting.account_id),
                sequence_first=waiting.first,
                sequence_last=waiting.last,
                reason=waiting.reason,
            )
        lag_ms = None if outcome.oldest_us is None else max(0, self._now_us() - outcome.oldest_us) / 1_000
        self._logger.info(
            "batch projected",
            records=outcome.records,
            published=outcome.published,
            from_table=outcome.filled,
            first_sights=outcome.checked,
            held=outcome.held,
            waiting=len(outcome.waiting),
            kinesis_records=outcome.kinesis_records,
            refusals=outcome.refusals,
            publish_lag_ms=lag_ms,
        )
        counts = {
            "BatchRecords": outcome.records,
            "EventsPublished": outcome.published,
            "EventsFromTable": outcome.filled,
            "FirstSights": outcome.checked,
            "KinesisRecords": outcome.kinesis_records,
            "KinesisRefusals": outcome.refusals,
            "AccountsWaiting": len(outcome.waiting),
        }
        if outcome.parked_total is not None:
            counts["ParkedAccounts"] = outcome.parked_total
        for name, value in counts.items():
            self._metrics.add_metric(name=name, unit="Count", value=value)
        if lag_ms is not None:
            self._metrics.add_metric(name="PublishLag", unit="Milliseconds", value=lag_ms)
        self._metrics.flush_metrics()


def _printable(account_id: str) -> str:
    """Escape lone surrogates, which the id of a row that this service did not write may contain and a log cannot."""
    return account_id.encode(errors="backslashreplace").decode()
