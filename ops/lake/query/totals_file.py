"""The files of the table `daily_totals`: Parquet with the table's columns, written and read with DuckDB."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from consumers.lake import table
from ops.lake.query.duckdb_errors import interruptible, translated
from ops.lake.query.engine import QueryFailed
from ops.lake.query.file_columns import duckdb_type

TotalsRow = dict[str, Any]
"""A row of the table: values of type str, int, Decimal or None, by column."""

_TYPES = {name: duckdb_type(glue_type).upper() for name, glue_type in table.TOTALS_COLUMNS}
_CREATE = f"CREATE TABLE totals ({', '.join(f'{name} {kind}' for name, kind in _TYPES.items())})"
_CAST = ", ".join(f"cells[{number}]::{kind}" for number, kind in enumerate(_TYPES.values(), 1))
_INSERT = f"INSERT INTO totals SELECT {_CAST} FROM (SELECT unnest(from_json($1, '[[\"VARCHAR\"]]')) AS cells)"  # noqa: S608 -- our own
"""The parameter has all rows, because DuckDB tries to import pandas for every Python value that it is given."""


def to_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A file with these rows, compressed with Snappy, as Firehose compresses the files of events.

    Raises:
        QueryFailed: a value does not fit its column, or the temporary file cannot be written.
    """
    values = [tuple(row[name] for name in _TYPES) for row in rows]
    with _connection() as connection, _temporary_file() as file, translated(connection):
        connection.execute(_CREATE)
        connection.execute(_INSERT, [json.dumps([[_text(value) for value in row] for row in values])])
        if connection.execute("FROM totals").fetchall() != values:
            raise QueryFailed("The totals do not fit the columns of the table daily_totals: DuckDB would round them.")
        connection.execute(f"COPY totals TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION snappy)")
        return file.read_bytes()


def from_parquet(body: bytes) -> list[TotalsRow] | None:
    """The rows of a file; None if it is damaged or belongs to another table."""
    with _connection() as connection, _temporary_file() as file:
        file.write_bytes(body)
        try:
            with interruptible(connection):
                found = connection.read_parquet(str(file), hive_partitioning=False)
                if list(zip(found.columns, map(str, found.types), strict=True)) != list(_TYPES.items()):
                    return None
                rows = [dict(zip(_TYPES, row, strict=True)) for row in found.fetchall()]
        except (duckdb.Error, UnicodeDecodeError):
            return None
    return None if any(row["dt"] is None for row in rows) else rows


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database for each file, because a damaged file can make DuckDB refuse all further statements."""
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        yield connection


@contextmanager
def _temporary_file() -> Iterator[Path]:
    """The path of a file that does not exist yet. DuckDB reads and writes Parquet only in files."""
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "totals.parquet"


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")


def _text(value: object) -> str | None:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return None if value is None else str(value)
