"""docs/lake.md lists the table's columns and the shipped queries, and its compaction is correct."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from account_events.avro.codec import CONTRACT
from consumers.lake import table
from consumers.lake.added_columns import PARTITION_KEYS, Column
from ops.lake.query.catalog import Query, queries
from ops.lake.query.duckdb_engine import DuckDBEngine
from tests.support.lake import event, write
from tools.lake_columns import comment

TEXT = (Path(__file__).parents[2] / "docs" / "lake.md").read_text(encoding="utf-8")


def listed(part: str) -> list[str]:
    """The names in the first column of a section's table."""
    _, _, rest = TEXT.partition(f"<!-- {part} -->\n")
    return re.findall(r"^\| `(\w+)` \|", rest.partition("<!-- end -->")[0], re.MULTILINE)


def test_columns_and_queries_are_listed_exactly() -> None:
    assert listed("columns") == [column.name for column in (*table.COLUMNS, *PARTITION_KEYS)]
    assert listed("queries") == list(queries())


@pytest.mark.parametrize("column", [*table.COLUMNS, *PARTITION_KEYS], ids=lambda column: column.name)
def test_every_column_is_described_as_in_the_catalogue(column: Column) -> None:
    assert f"| `{column.name}` | {column.glue_type} | {comment(column, CONTRACT)} |\n" in TEXT


@pytest.mark.parametrize("query", queries().values(), ids=lambda query: query.name)
def test_every_query_is_described_as_in_its_file(query: Query) -> None:
    parameters = ", ".join(f"`{each.name}`" for each in query.parameters) or "nothing"
    assert f"| `{query.name}` | {query.description} | {parameters} |\n" in TEXT


def test_the_described_compaction_keeps_a_partitions_events(tmp_path: Path) -> None:
    at = datetime(2026, 11, 25, 9, 30, 0, 123_457, tzinfo=UTC)
    rows = [
        event(f"a-{n % 3}", n, "BalanceCredited", at + timedelta(microseconds=n), "EUR", Decimal("0.01"), Decimal(n))
        for n in range(2, 40)
    ]
    for number in range(4):
        write(tmp_path, rows[number * 9 :], file_name=f"part-{number}")  # with copies
    before = _events(tmp_path)
    folder = tmp_path / table.partition_prefix("2026-11-25", "BalanceCredited")
    old = list(folder.iterdir())
    (tmp_path / "compacting").mkdir()
    statement = TEXT.split("### Compaction")[1].split("```sql\n")[1].split("```")[0]
    duckdb.connect().execute(statement.replace("s3://BUCKET", str(tmp_path)))
    [new] = (tmp_path / "compacting").iterdir()
    new.rename(folder / new.name)
    assert _events(tmp_path) == before
    for file in old:
        file.unlink()
    assert _events(tmp_path) == before
    assert DuckDBEngine(str(tmp_path)).query("SELECT count(*) FROM account_events").rows == [(38,)]


def _events(lake: Path) -> list[tuple[object, ...]]:
    return DuckDBEngine(str(lake)).query("SELECT * FROM events ORDER BY account_id, sequence").rows
