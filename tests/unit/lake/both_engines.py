"""The shipped queries, run by two engines on the same made-up lake."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer
from tests.support.lake import LakeRow, write
from tests.support.second_engine import DataFusionEngine
from tests.unit.lake.test_totals import Folder, totals

QUERIES = queries()
ARGUMENTS = {
    "account": "a-00003",
    "day": "2026-08-03",
    "moment": "2026-08-04T10:00:00",
    "since": "2026-08-05",
    "from": "2026-08-02",
    "until": "2026-08-04",
    "count": "3",
    "late_seconds": "300",
}


def lake_on_both_engines(
    root: Path, rows: Sequence[LakeRow], repeated: Sequence[LakeRow] = ()
) -> tuple[DuckDBEngine, DataFusionEngine]:
    write(root, rows)
    write(root, repeated, file_name="repeated")
    totals(Folder(root)).refresh()
    return DuckDBEngine(str(root)), DataFusionEngine(root)


def run_query(engine: Any, name: str, arguments: dict[str, str]) -> Answer:  # noqa: ANN401 -- one of two engines
    query = QUERIES[name]
    answer: Answer = engine.query(
        query.sql, query.arguments({each.name: arguments[each.name] for each in query.parameters})
    )
    return answer
