"""The reconciliation itself: read the lake, then the ledger, look once more for what is missing, and judge."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.files import AHEAD_MAX
from ops.lake.reconcile.comparison import Comparison
from ops.lake.reconcile.differences import Tally, findings
from ops.lake.reconcile.ledger_pages import pages
from ops.lake.reconcile.ledger_rows import LedgerEvent, Unreadable, ledger_rows
from ops.lake.reconcile.result import Files, Finding, ReconciliationResult
from ops.replay.pace import Pace
from ops.replay.source import Page, Source
from ops.replay.state import Counts

WAITING_PAGES_MAX = 64
"""Of a megabyte each, while the lake is looked at."""

INTERRUPTED_AGAIN_S = 0.1
"""DuckDB hears of it within a statement only, and it may be between two."""

LedgerPage = tuple[list[LedgerEvent], list[Unreadable]]


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares a ledger with a lake.

    Attributes:
        lake: as it is when this is called.
        source: the ledger's table.
        pace: of reading that.
        page_units: what its first pages may take.
        segments: of that, read at the same time.
        now: the time, UTC.
        settle: waits a moment, for what may be about to arrive.
        grace: the lake may be so late.
        stop: ends the waiting of `source` and `pace`.
    """

    lake: Callable[[], DuckDBEngine]
    source: Source
    pace: Pace
    page_units: float
    segments: int
    now: Callable[[], datetime]
    settle: Callable[[], object]
    grace: timedelta
    stop: Callable[[], object] = lambda: None

    def reconcile(
        self,
        found: Callable[[Finding], None] = lambda _finding: None,
        progress: Callable[[Counts], None] = lambda _counts: None,
    ) -> ReconciliationResult:
        """The verdict.

        The lake's files are listed first, so that what they have was in the ledger before: events that are written
        meanwhile are never taken for extra ones.

        Args:
            found: gets every finding, by account and sequence.
            progress: is told what is read of the ledger.

        Raises:
            Interrupted: the ledger does not answer.
            QueryFailed: the lake does not, or something in it is no file of it.
            KeyboardInterrupt: DuckDB heard of Ctrl-C.
        """
        at = self.now()
        with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
            lake = self.lake()
            with translated(lake.connection):
                return self._verdict(lake, Comparison(lake.connection, Path(folder)), at, found, progress)

    def _verdict(
        self,
        lake: DuckDBEngine,
        comparison: Comparison,
        at: datetime,
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
        comparison.prepare(cut, _naive(self.now() + AHEAD_MAX))
        return _judged(comparison, at, found)

    def _read(self, lake: DuckDBEngine, comparison: Comparison, progress: Callable[[Counts], None]) -> None:
        """The lake is read beside the first pages, which wait for that: DuckDB does one thing at a time."""
        counts = Counts()
        waiting: list[LedgerPage] = []
        with ThreadPoolExecutor(1) as beside:
            seen = beside.submit(_see, lake, comparison)
            try:
                for page in pages(self.source, self.pace, self.page_units, self.segments, stop=self.stop):
                    waiting.append(ledger_rows(page.items))
                    _count(counts, page, waiting[-1][0])
                    progress(counts)
                    if seen.done() or len(waiting) >= WAITING_PAGES_MAX:
                        seen.result()
                        _take(comparison, waiting)
                seen.result()
            except BaseException:
                while wait([seen], INTERRUPTED_AGAIN_S).not_done:
                    comparison.interrupt()
                raise
        _take(comparison, waiting)


def _see(lake: DuckDBEngine, comparison: Comparison) -> None:
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


def _judged(comparison: Comparison, at: datetime, found: Callable[[Finding], None]) -> ReconciliationResult:
    tally = Tally()
    for finding in findings(comparison.evidence()):
        tally.add(finding)
        found(finding)
    counted = comparison.counted()
    return ReconciliationResult(
        at,
        counted.through or at,
        counted.events,
        counted.accounts,
        **{str(kind): number for kind, number in tally.counts.items()},
        on_their_way=counted.on_their_way,
        differing_accounts=tally.accounts,
        totals=comparison.totals(),
        lateness=comparison.lateness(),
        findings=tuple(tally.first),
        accounts_found=comparison.accounts(tally.account_ids),
        files=Files(),  # who listed them adds them
    )
