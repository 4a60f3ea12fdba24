"""Names that a new column of the lake cannot have: names in use, and words that Athena or DuckDB reserve."""

import re
from pathlib import Path

import duckdb
import pytest
import trino_sql_validator

import consumers.lake
from account_events.avro.codec import CONTRACT
from consumers.lake.added_columns import PARTITION_KEYS, RESERVED_NAMES
from consumers.lake.table import COLUMNS
from ops.lake.query.column_names import why_no_column
from ops.lake.query.duckdb_engine import FILE

VIEW = (Path(consumers.lake.__file__).parent / "tables/events.sql").read_text()


@pytest.mark.parametrize("name", ["dt", "event_type", "published_at", "schema_fingerprint", "DT", "Event_Type"])
def test_a_name_that_the_lake_adds_is_in_use(name: str) -> None:
    assert "of the table account_events" in (why_no_column(name) or "") or "to the table" in (why_no_column(name) or "")


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_a_name_that_a_query_adds_is_in_use(name: str) -> None:
    assert "uses for itself" in (why_no_column(name) or "")


def test_the_engines_own_column_is_in_use() -> None:
    """DuckDB's engine could not read a file that has a column of this name."""
    assert FILE in RESERVED_NAMES


def test_the_columns_that_the_view_adds_are_in_use() -> None:
    added = set(re.findall(r"AS (\w+)\n", VIEW.partition("*,")[2].partition("FROM")[0]))
    assert added == {"copy"} <= set(RESERVED_NAMES)


@pytest.mark.parametrize(
    "name", ["order", "values", "current_date", "current_user", "listagg", "skip", "left", "no name", "1st", 'a"b']
)
def test_a_word_that_athena_reserves_is_refused(name: str) -> None:
    assert "quoted in Athena" in (why_no_column(name) or "")


@pytest.mark.parametrize("name", ["all", "limit", "offset", "desc", "lateral", "show", "default"])
def test_a_word_that_duckdb_reserves_is_refused(name: str) -> None:
    assert "DuckDB" in (why_no_column(name) or "")


def test_every_accepted_name_works_in_the_view() -> None:
    """Checked with all keywords of DuckDB and some ordinary names."""
    words = [word for [word] in duckdb.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()]
    with duckdb.connect() as connection:
        for word in [*words, "channel", "name", "month", "user", "date", "value"]:
            if why_no_column(word) is None:
                sql = VIEW.replace("  balance,\n", f"  balance,\n  {word},\n")
                assert trino_sql_validator.validate(sql).valid, word
                names = [*(column.name for column in (*COLUMNS, *PARTITION_KEYS)), word]
                columns = ", ".join(f'NULL AS "{name}"' for name in names)
                connection.execute(f"CREATE OR REPLACE VIEW account_events AS SELECT {columns}")
                connection.execute(sql)
                connection.execute(f"SELECT {word} FROM events")  # noqa: S608 -- a word


def test_every_published_field_can_be_a_column() -> None:
    names = {name for schema in CONTRACT.known.values() for name in schema.field_types}
    assert {why_no_column(name) for name in names} == {None}
