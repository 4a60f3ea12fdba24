"""Reports a batch in the log and as metrics: counts, failures and gaps, but no amounts."""

from typing import TYPE_CHECKING

from account_events.consumer import Gap, Outcome
from account_events.dynamodb_errors import quoting

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


GAPS_LOGGED_MAX = 10
"""Per batch. If a read model starts in the middle of the stream, every account has a gap."""


class Report:
    """Logs every batch, every failure and the waiting accounts; the counts are also metrics, for the alarms."""

    def __init__(self, logger: "Logger", metrics: "Metrics") -> None:
        self._logger, self._metrics = logger, metrics

    def __call__(self, outcome: Outcome) -> None:
        for failure in outcome.failures:
            self._logger.error(
                "record not applied",
                account_id=failure.account_id,
                kinesis_sequence_number=failure.sequence_number,
                error=_reason(failure.error),
            )
        if outcome.gaps:
            self._logger.error(
                "accounts wait for missing events: find the cause, then rebuild the accounts from the ledger",
                gaps=[_words(gap) for gap in outcome.gaps[:GAPS_LOGGED_MAX]],
            )
        counts = {
            "Applied": outcome.applied,
            "Duplicates": outcome.duplicates,
            "Held": outcome.buffered,
            "Failures": len(outcome.failures),
            "Gaps": len(outcome.gaps),
        }
        self._logger.info("batch applied", extra={name.lower(): count for name, count in counts.items()})
        for name, count in counts.items():
            self._metrics.add_metric(name=name, unit="Count", value=count)
        self._metrics.flush_metrics()


def _reason(error: Exception) -> str:
    """The error, without a message of DynamoDB or botocore that may quote a balance."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    codes = quoting(cause)
    return f"{type(error).__name__}: {', '.join(codes) if codes else error}"


def _words(gap: Gap) -> str:
    if gap.last < gap.first:
        return f"{gap.account_id}: event {gap.first} arrived and was refused"
    return f"{gap.account_id}: events {gap.first} to {gap.last} have not arrived, or were refused"
