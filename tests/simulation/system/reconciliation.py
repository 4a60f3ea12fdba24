"""The reconciliation of many scenarios at once: their ids differ, so that they may share a ledger and a lake.

One run of DuckDB costs more than a scenario, so that each scenario compares the lake itself (`views`), and the shipped
reconciliation compares all of them again.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.lake import table
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history_store import HistoryStore
from ops.lake.reconcile.reconciler import Reconciler
from ops.lake.reconcile.result import Finding, ReconciliationResult
from ops.replay.pace import Unpaced
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.scenario import MIDNIGHT_UTC, Scenario, play
from tests.support.folder_bucket import FolderBucket
from tests.support.memory_source import MemorySource

NOW = MIDNIGHT_UTC + timedelta(days=365)
"""Long after every scenario, so that no event may still be on its way."""


def play_all(seeds: Iterable[int]) -> list[Scenario]:
    """Play scenarios, and reconcile them together."""
    played = [play(seed) for seed in seeds]
    reconcile(played)
    return played


def reconcile(scenarios: Iterable[Scenario]) -> None:
    """Raises PromiseBroken with the findings, which name the accounts and so the scenarios."""
    source, files = MemorySource(), defaultdict[str, list[pa.Table]](list)
    seeds: dict[str, int] = {}
    for scenario in scenarios:
        for rows in scenario.table.ledger.rows.values():
            for item in rows.values():
                source.put_item(dict(item))
                seeds[item["AccountId"]["S"]] = scenario.seed
        for keys, rows_of_file in scenario.lake.tables():
            files[table.partition_prefix(keys["dt"], keys["event_type"])].append(rows_of_file)
    with TemporaryDirectory(prefix="simulated-lake-") as folder:
        for prefix, tables in files.items():
            (Path(folder) / prefix).mkdir(parents=True)
            pq.write_table(pa.concat_tables(tables), Path(folder) / prefix / "part-0.parquet")
        result, found = _reconciled(source, folder)
    if found:
        named = [f"seed {seeds.get(finding.account_id)}: {finding}" for finding in found]
        raise PromiseBroken("\n".join(["the reconciliation finds:", *named]))
    if not all(total.ledger == total.lake for total in result.totals):
        raise PromiseBroken(f"ledger and lake have different totals: {result.totals}")


def _reconciled(source: MemorySource, folder: str) -> tuple[ReconciliationResult, list[Finding]]:
    found: list[Finding] = []
    s3: Any = FolderBucket(Path(folder))
    result = Reconciler(
        lambda: DuckDBEngine(folder, has_months=False),
        source,
        Unpaced(),
        page_units=1.0,
        segments=1,
        now=lambda: NOW,
        settle=lambda: None,
        grace=timedelta(),
        history=HistoryStore(s3, "lake").history,
        months=lambda: DuckDBEngine(folder, has_events=False),
    ).reconcile(found.append)
    return result, found
