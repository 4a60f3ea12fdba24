"""Reconciles: reads lake and ledger concurrently, looks for missing events a second time, and compares."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.files import AHEAD_MAX
from ops.lake.query.history import History
from ops.lake.reconcile.comparison import Comparison
from ops.lake.reconcile.ledger_pages import pages
from ops.lake.reconcile.ledger_rows import LedgerEvent, Unreadable, ledger_rows
from ops.lake.reconcile.outcome import result_of
from ops.lake.reconcile.result import Finding, ReconciliationResult
from ops.replay.pace import Pace
from ops.replay.source import Page, Source
from ops.replay.state import Counts

WAITING_PAGES_MAX = 64
"""The most pages, of a megabyte each, that are kept in memory while the lake is read."""

INTERRUPTED_AGAIN_S = 0.1
"""Seconds after which an interrupt is repeated: DuckDB notices it only while a statement runs."""

LedgerPage = tuple[list[LedgerEvent], list[Unreadable]]


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares a ledger with a lake.

    Attributes:
        lake: opens the lake with the files that exist at the time of the call.
        source: the ledger's table.
        pace: limits the rate at which the ledger is read.
        page_units: the read units that the first page of a segment may use.
        segments: the number of the table's segments, which are read concurrently.
        now: the current time, UTC.
        settle: waits a moment for events that are about to arrive in the lake.
        grace: how long an event may take to reach the lake.
        history: what queries read from `account_months`, for the files that exist at the time of the call.
        months: opens `account_months`.
        stop: ends the waits of `source` and `pace`.
    """

    lake: Callable[[], DuckDBEngine]
    source: Source
    pace: Pace
    page_units: float
    segments: int
    now: Callable[[], datetime]
    settle: Callable[[], object]
    grace: timedelta
    history: Callable[[], History]
    months: Callable[[], DuckDBEngine]
    stop: Callable[[], object] = lambda: None

    def reconcile(
        self,
        found: Callable[[Finding], None] = lambda _finding: None,
        progress: Callable[[Counts], None] = lambda _counts: None,
    ) -> ReconciliationResult:
        """Compare ledger and lake.

        The lake's files are listed first, so the ledger already has all of their events. Therefore an event written
        during the comparison never counts as extra. A compacted month is compared with the files that were listed: not
        if one of them was added meanwhile, because queries do not read such a day from `account_months` any more.

        Args:
            found: called with every finding, ordered by account and sequence.
            progress: called with the counts of what has been read of the ledger.

        Raises:
            Interrupted: the ledger does not answer.
            QueryFailed: the lake does not answer, or a file in it is damaged or does not match the table.
            KeyboardInterrupt: Ctrl-C was pressed while DuckDB was running.
        """
        at = self.now()
        with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
            history = self.history()
            lake = self.lake()
            history = history.meeting(self.history())
            with translated(lake.connection):
                comparison = Comparison(lake.connection, Path(folder))
                return self._reconciled(lake, comparison, history, at, found=found, progress=progress)

    def _reconciled(
        self,
        lake: DuckDBEngine,
        comparison: Comparison,
        history: History,
        at: datetime,
        *,
        found: Callable[[Finding], None],
        progress: Callable[[Counts], None],
    ) -> ReconciliationResult:
        cut = _naive(at - self.grace)
        self._read(lake, comparison, progress)
        if days := comparison.missing_days(cut):
            self.settle()
            later = self.lake()
            later.refuse_other_types()
            with translated(later.connection):
                comparison.take_missing(later.connection, days)
            history = history.meeting(self.history())
        if history.months:
            months = self.months()
            months.refuse_other_types()
            with translated(months.connection):
                comparison.take_months(months.connection, history)
        comparison.prepare(cut, _naive(self.now() + AHEAD_MAX))
        return result_of(comparison, at, found)

    def _read(self, lake: DuckDBEngine, comparison: Comparison, progress: Callable[[Counts], None]) -> None:
        """Read ledger and lake concurrently. DuckDB runs one statement at a time: pages wait until the lake is read."""
        counts = Counts()
        waiting: list[LedgerPage] = []
        with ThreadPoolExecutor(1) as executor:
            lake_read = executor.submit(_read_lake, lake, comparison)
            try:
                for page in pages(self.source, self.pace, self.page_units, self.segments, stop=self.stop):
                    waiting.append(ledger_rows(page.items))
                    _count(counts, page, waiting[-1][0])
                    progress(counts)
                    if lake_read.done() or len(waiting) >= WAITING_PAGES_MAX:
                        lake_read.result()
                        _take(comparison, waiting)
                lake_read.result()
            except BaseException:
                while wait([lake_read], INTERRUPTED_AGAIN_S).not_done:
                    comparison.interrupt()
                raise
        _take(comparison, waiting)


def _read_lake(lake: DuckDBEngine, comparison: Comparison) -> None:
    lake.refuse_other_types()
    comparison.read_lake(lake.listed_events)


def _take(comparison: Comparison, waiting: list[LedgerPage]) -> None:
    for events, unreadable in waiting:
        comparison.take(events, unreadable)
    waiting.clear()


def _count(counts: Counts, page: Page, events: Sequence[LedgerEvent]) -> None:
    counts.accounts += sum(event["sequence"] == 1 for event in events)
    counts.events += len(events)
    counts.rows += len(page.items)
    counts.read_units += page.read_units


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
