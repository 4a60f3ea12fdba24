"""A ledger in memory and a lake in a folder, for tests of the reconciliation."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from account_core.domain.events import Row
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history_store import HistoryStore
from ops.lake.reconcile.reconciler import Reconciler
from ops.lake.reconcile.result import Finding, ReconciliationResult
from ops.replay.pace import Unpaced
from tests.support.folder_bucket import FolderBucket
from tests.support.lake import LakeRow, write
from tests.support.ledger_and_lake import START, history
from tests.support.memory_source import MemorySource

NOW = START + timedelta(days=9)
GRACE = timedelta(minutes=10)
A = history("a-1", *["10.00"] * 12, "-0.01")
B = history("a-2", "5.50", currency="USD", owner="Zoë \u202e'; --")


class LedgerAndLake:
    """A ledger, a lake in a folder, and their reconciliation.

    Attributes:
        settle: called before the lake is read a second time.
        on_listed: called after the files of the lake have been listed.
    """

    def __init__(self, folder: Path, ledger: Sequence[Row], lake: Sequence[LakeRow]) -> None:
        self.source = MemorySource(page_rows=4)
        self.source.put(ledger)
        self.folder = folder
        self.files = 0
        self.now = NOW
        self.segments = 2
        self.settle: Callable[[], object] = lambda: pytest.fail("the lake was read a second time")
        self.on_listed: Callable[[DuckDBEngine], object] = lambda _engine: None
        self.add(lake)

    def add(self, rows: Sequence[LakeRow]) -> None:
        self.files += 1
        write(self.folder, rows, file_name=f"part-{self.files}")

    def _lake(self) -> DuckDBEngine:
        engine = DuckDBEngine(str(self.folder), has_months=False)
        self.on_listed(engine)
        return engine

    def reconciled(self) -> tuple[ReconciliationResult, list[Finding]]:
        found: list[Finding] = []
        s3: Any = FolderBucket(self.folder)
        reconciler = Reconciler(
            self._lake,
            self.source,
            Unpaced(),
            1.0,
            self.segments,
            lambda: self.now,
            lambda: self.settle(),  # noqa: PLW0108 -- tests replace it
            GRACE,
            HistoryStore(s3, "lake").history,
            lambda: DuckDBEngine(str(self.folder), has_events=False),
        )
        return reconciler.reconcile(found.append), found


def without(rows: Sequence[LakeRow], account_id: str, *sequences: int) -> list[LakeRow]:
    return [row for row in rows if (row["account_id"], row["sequence"]) not in {(account_id, n) for n in sequences}]


def changed(rows: Sequence[LakeRow], account_id: str, sequence: int, **values: Any) -> list[LakeRow]:  # noqa: ANN401
    return [row | values if (row["account_id"], row["sequence"]) == (account_id, sequence) else row for row in rows]
