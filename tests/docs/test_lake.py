"""docs/lake.md has the table's columns and the shipped queries as they are."""

import re
from pathlib import Path

import pytest

from consumers.lake import table
from consumers.lake.comments import comment
from ops.lake.catalog import Query, queries
from schemas.codec import CONTRACT

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
