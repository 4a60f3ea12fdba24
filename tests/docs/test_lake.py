"""docs/lake.md has the table's columns and the shipped queries as they are."""

import re
from pathlib import Path

import duckdb
import pytest

from consumers.lake import table
from consumers.lake.comments import comment
from ops.lake.catalog import Query, queries
from ops.lake.duckdb_engine import DuckDBEngine
from schemas.codec import CONTRACT
from tests.lake import made_up, write

TEXT = (Path(__file__).parents[2] / "docs" / "lake.md").read_text(encoding="utf-8")


def listed(part: str) -> list[str]:
    """The names in the first column of a part's table."""
    _, _, rest = TEXT.partition(f"<!-- {part} -->\n")
    return re.findall(r"^\| `(\w+)` \|", rest.partition("<!-- end -->")[0], re.MULTILINE)


def test_each_is_in_its_own_table_and_nothing_else() -> None:
    assert listed("columns") == [column.name for column in (*table.COLUMNS, *table.PARTITION_KEYS)]
    assert listed("queries") == list(queries())


@pytest.mark.parametrize("column", [*table.COLUMNS, *table.PARTITION_KEYS], ids=lambda column: column.name)
def test_every_column_is_described_as_in_the_catalogue(column: table.Column) -> None:
    assert f"| `{column.name}` | {column.glue_type} | {comment(column, CONTRACT)} |\n" in TEXT


@pytest.mark.parametrize("query", queries().values(), ids=lambda query: query.name)
def test_every_query_is_described_by_its_promise(query: Query) -> None:
    asks = ", ".join(f"`{each.name}`" for each in query.parameters) or "nothing"
    assert f"| `{query.name}` | {query.promise} | {asks} |\n" in TEXT


def test_compaction_changes_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the microsecond, and with its file beside those it is made of."""
    [statement] = re.findall(r"```sql\n(COPY .*?)```", TEXT, re.DOTALL)
    rows = made_up(1, 20, 1, 300)
    for row in rows:
        row["occurred_at"] = row["occurred_at"][:-3] + f"{row['sequence']:03}"
    for number in range(3):
        write(tmp_path, rows[: 150 * (number + 1)], file_name=f"part-{number}")
    [day] = tmp_path.glob("events/*/event_type=BalanceCredited")
    (tmp_path / "day").symlink_to(day)
    monkeypatch.chdir(tmp_path)
    asked = "SELECT * FROM events ORDER BY account_id, sequence"
    before = DuckDBEngine(str(tmp_path)).query(asked).rows
    old = sorted(day.iterdir())
    duckdb.connect().execute(statement)
    Path("compacted.parquet").rename(day / "compacted.parquet")
    assert DuckDBEngine(str(tmp_path)).query(asked).rows == before
    for file in old:
        file.unlink()
    assert DuckDBEngine(str(tmp_path)).query(asked).rows == before
    assert any(row[3].microsecond % 1_000 for row in before)
    credits_ = sum(row[-1] == "BalanceCredited" for row in before)
    copies = "SELECT count(*) FROM account_events WHERE event_type = 'BalanceCredited'"
    assert DuckDBEngine(str(tmp_path)).query(copies).rows == [(credits_,)]
