"""docs/lake.md lists the table's columns and the shipped queries, and how it computes a bucket is correct."""

import re
from pathlib import Path

import duckdb
import pytest

from account_events.avro.codec import CONTRACT
from consumers.lake import table
from consumers.lake.added_columns import PARTITION_KEYS, Column
from ops.lake.query.catalog import Query, queries
from ops.lake.query.duckdb_engine import in_duckdb
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


def test_the_described_bucket_is_the_accounts_bucket() -> None:
    statement = TEXT.split("```sql\n")[1].split("```")[0]
    for number in range(500):
        sql = statement.replace("ACCOUNT", f"a-{number}")
        assert duckdb.sql(in_duckdb(sql)).fetchall() == [(table.bucket_of(f"a-{number}"),)]
