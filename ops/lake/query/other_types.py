"""Finds files of the lake whose columns have types other than the table's, by reading the files' footers.

DuckDB would use the first file's types and round the values of the other files to them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from consumers.lake import table
from ops.lake.query.file_columns import Element, problem_of

FILES: Mapping[str, Sequence[tuple[str, str]]] = {
    "account_events_files": [(each.name, each.glue_type) for each in table.COLUMNS],
    "account_months_files": [(each.name, each.glue_type) for each in table.MONTHS_COLUMNS],
    "daily_totals_files": table.TOTALS_COLUMNS,
}
"""Tables in the engine's connection that list the files of the lake's tables, each with the columns of its table."""
FETCHED = 10_000
READ = (
    "SELECT path, max(timestamp) AS last_read, coalesce(sum(bytes), 0)::BIGINT AS read_bytes "
    "FROM duckdb_logs_parsed('FileSystem') WHERE op = 'READ' GROUP BY path"
)
"""SQL for the files that the last query read, with the time and the bytes of each."""


def first_of_other_types(
    connection: duckdb.DuckDBPyConnection, files: str | Sequence[str], listed: str
) -> tuple[str, str] | None:
    """The first file, by name, that does not match its table, and the problem; see `problem_of`.

    Args:
        connection: the engine's.
        files: a glob, or a list of names that is not empty.
        listed: one of `FILES`. Files that are not in this table are ignored.

    Raises:
        duckdb.Error: a file cannot be read.
        UnicodeDecodeError: the name of a column is not UTF-8.
    """
    elements = connection.execute(
        "SELECT file_name, name, duckdb_type, num_children FROM parquet_schema($1) "  # noqa: S608 -- our own names
        f"WHERE file_name IN (FROM memory.main.{listed}) ORDER BY file_name, column_id",
        [files],
    )
    for file, of_file in groupby(_rows(elements), key=itemgetter(0)):
        if problem := problem_of((Element(*each[1:]) for each in of_file), FILES[listed]):
            return str(file), problem
    return None


def listed_files(connection: duckdb.DuckDBPyConnection, listed: str) -> list[str]:
    """The files in one of `FILES`, ordered by name."""
    found = connection.execute(f"SELECT DISTINCT file FROM memory.main.{listed} ORDER BY file")  # noqa: S608 -- our own name
    return [str(file) for (file,) in found.fetchall()]


def read_bytes(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The bytes that the last query read, by file. Call it once for each query: parsing DuckDB's log is slow."""
    return dict(connection.execute(f"SELECT path, read_bytes FROM ({READ})").fetchall())  # noqa: S608 -- our own


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := found.fetchmany(FETCHED):
        yield from rows
