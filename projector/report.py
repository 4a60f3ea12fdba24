"""What a batch leaves behind in the log and the metrics: accounts and sequences, never amounts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from projector.project import Outcome, Unsafe

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


class Report:
    """One line for every batch, one warning for every account that waits, two metrics."""

    def __init__(self, logger: "Logger", metrics: "Metrics") -> None:
        self._logger = logger
        self._metrics = metrics

    def __call__(self, outcome: Outcome) -> None:
        for account_id, unsafe in _by_account(outcome.unsafe).items():
            sequences = [one.sequence for one in unsafe if one.sequence is not None]
            self._logger.warning(
                "account waits",
                account_id=account_id,
                sequence_first=min(sequences, default=None),
                sequence_last=max(sequences, default=None),
                stream_sequence_number=unsafe[0].sequence_number,
                reason=unsafe[0].reason,
            )
        self._logger.info(
            "batch projected",
            records=outcome.records,
            published=outcome.published,
            unsafe=len(outcome.unsafe),
        )
        self._metrics.add_metric(name="EventsPublished", unit="Count", value=outcome.published)
        self._metrics.add_metric(name="EventsUnsafe", unit="Count", value=len(outcome.unsafe))
        self._metrics.flush_metrics()


def _by_account(unsafe: Iterable[Unsafe]) -> dict[str | None, list[Unsafe]]:
    accounts: dict[str | None, list[Unsafe]] = {}
    for one in unsafe:
        accounts.setdefault(one.account_id, []).append(one)
    return accounts
