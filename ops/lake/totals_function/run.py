"""One run of the function: refreshes the totals, logs what it did, and emits metrics."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.lake.query.engine import QueryFailed
from ops.lake.query.totals import OutOfTime, Totals

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


DAYS_NAMED_MAX = 5


class DaysFailed(Exception):
    """The totals of some days could not be computed. All other days are up to date, or will be after the next runs."""


class Run:
    """Refreshes the totals once per call.

    The log has days, counts and reasons, but no amounts.

    Args:
        totals: the lake's.
        logger: logs the days that failed, with the reason, and the number of days that were updated.
        metrics: receives `TotalsRefreshed`, the number of days that were updated, and, if all totals are up to date
            afterwards, `TotalsRuns`.
    """

    def __init__(self, totals: Totals, logger: "Logger", metrics: "Metrics") -> None:
        self._totals, self._logger, self._metrics = totals, logger, metrics

    def __call__(self, has_time: Callable[[], bool]) -> None:
        """Refresh the totals.

        Args:
            has_time: whether there is enough time for another day. If not, the next run continues.

        Raises:
            DaysFailed: after the other days are updated, because one damaged file must not stop all of them.
        """
        failed: list[str] = []

        def on_failure(day: str, error: QueryFailed) -> None:
            failed.append(day)
            self._logger.error("totals of a day not computed", day=day, reason=str(error))

        left = 0
        try:
            updated = self._totals.refresh(on_failure=on_failure, has_time=has_time)
        except OutOfTime as stopped:
            updated, left = stopped.updated, stopped.left
        self._logger.info("totals refreshed", updated=updated, left=left, failed=len(failed))
        self._metrics.add_metric(name="TotalsRefreshed", unit="Count", value=updated)
        if not failed and not left:
            self._metrics.add_metric(name="TotalsRuns", unit="Count", value=1)
        self._metrics.flush_metrics()
        if failed:
            more = len(failed) - DAYS_NAMED_MAX
            names = ", ".join(failed[:DAYS_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
            raise DaysFailed(f"No totals could be computed for {names}. The log has the reasons.")
