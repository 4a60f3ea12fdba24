"""A ledger's export and a lake in folders, reconciled by the engine `spark`, and by `local` for comparison."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.lake.query.history import History
from ops.lake.reconcile.result import Files, ReconciliationResult, finding_line, from_json
from tests.spark.environment import SparkWorker
from tests.support.exports import TABLE, write_files
from tests.support.lake import LakeRow, write
from tests.unit.lake.reconcile_given import GRACE, NOW, LedgerAndLake

Outcome = tuple[ReconciliationResult, list[Any]]


def by_spark(
    spark: SparkWorker,
    folder: Path,
    items: Iterable[Mapping[str, Any]],
    lake: Path,
    *,
    exported_at: datetime = NOW,
    now: datetime = NOW,
    first_day: str = "",
    export: Path | None = None,
    history: History | None = None,
) -> Outcome:
    """The result without the lake's files, and the findings."""
    export = export or write_files(folder / "export", items, export_time=exported_at)
    answer = spark.ask(
        "reconcile",
        export=str(export),
        lake=str(lake),
        table_arn=TABLE.arn,
        table_id=TABLE.table_id,
        first_day=first_day,
        grace_s=GRACE.total_seconds(),
        now=now.isoformat(),
        history=(history or History()).to_json(),
    )
    result = from_json(answer["result"].encode())
    return replace(result, files=Files()), [json.loads(line) for line in answer["findings"]]


def by_local(folder: Path, items: Iterable[dict[str, Any]], rows: Iterable[LakeRow]) -> Outcome:
    """As above, by DuckDB; the lake is written to the folder."""
    sides = LedgerAndLake(folder, [], [])
    write(folder, rows)
    for item in items:
        sides.source.put_item(item)
    sides.settle = lambda: None
    result, found = sides.reconciled()
    return result, [json.loads(finding_line(finding)) for finding in found]
