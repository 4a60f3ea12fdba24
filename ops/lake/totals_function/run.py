"""One run of the function: refreshes the view and the totals, logs what it did, and emits metrics."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.lake.query.engine import QueryFailed
from ops.lake.query.history import NAME
from ops.lake.query.totals import OutOfTime, Totals

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


DAYS_NAMED_MAX = 5


class RunFailed(Exception):
    """The totals of some days could not be computed, or the view could not be refreshed.

    Everything else is up to date, or will be after the next runs.
    """


class Run:
    """Refreshes the view `account_history` and the totals once per call.

    The log has days, counts and reasons, but no amounts.

    Args:
        totals: the lake's.
        refresh_history: replaces the view's text if compacted days have changed since; returns whether it did.
        logger: logs what failed, with the reason, whether the view was replaced, and the number of days that were
            updated.
        metrics: receives `TotalsRefreshed`, the number of days that were updated, and, if all totals are up to date
            afterwards, `TotalsRuns`.
    """

    def __init__(
        self, totals: Totals, refresh_history: Callable[[], bool], logger: "Logger", metrics: "Metrics"
    ) -> None:
        self._totals, self._refresh_history = totals, refresh_history
        self._logger, self._metrics = logger, metrics

    def __call__(self, has_time: Callable[[], bool]) -> None:
        """Refresh the view, then the totals, which may take all of the time.

        Args:
            has_time: whether there is enough time for another day. If not, the next run continues.

        Raises:
            RunFailed: after everything else is refreshed, because one damaged file must not stop all of it.
        """
        is_view_right = self._is_history_refreshed()
        failed = self._days_failed(has_time)
        reasons = []
        if failed:
            more = len(failed) - DAYS_NAMED_MAX
            names = ", ".join(failed[:DAYS_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
            reasons.append(f"No totals could be computed for {names}.")
        if not is_view_right:
            reasons.append(f"The view {NAME} could not be refreshed.")
        if reasons:
            raise RunFailed(" ".join([*reasons, "The log has the reasons."]))

    def _is_history_refreshed(self) -> bool:
        try:
            is_replaced = self._refresh_history()
        except Exception as error:  # no error of the view may stop the totals
            self._logger.exception("view not refreshed", view=NAME, reason=f"{type(error).__name__}: {error}")
            return False
        if is_replaced:
            self._logger.info("view replaced", view=NAME)
        return True

    def _days_failed(self, has_time: Callable[[], bool]) -> list[str]:
        """Refresh the totals, and return the days that failed."""
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
        return failed
