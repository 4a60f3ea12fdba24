"""Writes a month's events to the table `account_months` with DuckDB, and verifies what it has written.

The days are read one after the other and split by bucket into a temporary folder. Each bucket is then sorted. So the
memory that is needed depends on the largest day and the largest bucket. DuckDB writes what exceeds it to the folder.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consumers.lake import table
from consumers.lake.added_columns import COMPACTION, PARTITION_KEYS
from ops.lake.query.account_months import ROW_GROUP_ROWS, Figures, no_account, refuse_other_events
from ops.lake.query.damaged_file import damaged
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.duckdb_errors import translated

if TYPE_CHECKING:
    import duckdb

MEMORY = "2GB"
"""DuckDB's memory limit."""

_EVENT = ", ".join(column.name for column in (*table.COLUMNS, *PARTITION_KEYS))
_FIGURES = f"count(*), coalesce(sum(amount), 0), CAST(sum(CAST(hash({_EVENT}) AS HUGEINT)) AS VARCHAR)"


def write_month(  # noqa: PLR0917 -- what a compaction consists of
    engine: DuckDBEngine,
    root: str,
    month: str,
    days: Sequence[str],
    compaction: str,
    folder: Path,
    put: Callable[[str, Path], object],
) -> int:
    """Write a month's events, each once, and return their number.

    Args:
        engine: reads the month's events.
        root: the lake, see `DuckDBEngine`.
        month: YYYY-MM.
        days: the month's days that have events.
        compaction: the name of the new files.
        folder: an empty folder for temporary files, which may grow to several times the size of the month.
        put: writes a file under a key.

    Raises:
        FileDamaged: an event has no account.
        QueryFailed: the events cannot be read. Nothing reads the files written until then.
        NotVerified: the files do not have the month's events.
    """
    connection = engine.connection
    engine.refuse_other_types()
    with translated(connection):
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{_quoted(folder / 'spilled')}'")
        figures: dict[str, tuple[object, ...]] = {}
        for day in days:
            figures |= _split(engine, day, folder)
        for bucket in table.BUCKETS:
            if file := _sorted(connection, folder, bucket, compaction):
                put(f"{table.month_prefix(month, bucket)}{compaction}.parquet", file)
                file.unlink(missing_ok=True)  # `put` may move it
        if figures:
            any_bucket = table.month_prefix(month, "*")
            refuse_other_events(_figures_in(connection, f"{root}/{any_bucket}{compaction}.parquet"), figures)
    return sum(int(str(count)) for count, *_ in figures.values())


def _split(engine: DuckDBEngine, day: str, folder: Path) -> Figures:
    """Write a day's events to a file per bucket."""
    connection = engine.connection
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE of_day AS SELECT {_EVENT}, account_bucket FROM account_history WHERE dt = $day",
        {"day": day},
    )
    _refuse_no_account(engine, day)
    place = _quoted(folder / "split" / day)
    (folder / "split").mkdir(exist_ok=True)
    connection.execute(f"COPY of_day TO '{place}' (FORMAT parquet, PARTITION_BY (account_bucket))")
    [(dt, *figures)] = connection.execute(f"SELECT $day, {_FIGURES} FROM of_day", {"day": day}).fetchall()
    connection.execute("DROP TABLE of_day")
    return {dt: tuple(figures)} if figures[0] else {}


def _sorted(connection: "duckdb.DuckDBPyConnection", folder: Path, bucket: str, compaction: str) -> Path | None:
    """The file of a bucket; None if the bucket has no events."""
    if not any(folder.glob(f"split/*/account_bucket={bucket}/*.parquet")):
        return None
    source = f"read_parquet('{_quoted(folder)}/split/*/account_bucket={bucket}/*.parquet', hive_partitioning = false)"
    file = folder / f"{bucket}.parquet"
    connection.execute(
        f"COPY (SELECT {_EVENT}, '{compaction}' AS {COMPACTION.name} FROM {source} ORDER BY account_id, sequence) "
        f"TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
    )
    return file


def _refuse_no_account(engine: DuckDBEngine, day: str) -> None:
    """Refuse an event that belongs to no bucket."""
    if engine.connection.execute("FROM of_day WHERE account_id IS NULL LIMIT 1").fetchall():
        without = "WHERE dt = ? AND account_id IS NULL ORDER BY file LIMIT 1"
        for file, event_id in engine.located("file, event_id", without, [day]).rows:
            raise damaged(file, no_account(day, event_id))


def _figures_in(connection: "duckdb.DuckDBPyConnection", files: str) -> Figures:
    """Read the files back from the bucket."""
    found = connection.execute(
        f"SELECT dt, {_FIGURES} FROM read_parquet('{files}', hive_partitioning = false) GROUP BY dt"
    ).fetchall()
    return {dt: tuple(rest) for dt, *rest in found}


def number_of_events(connection: "duckdb.DuckDBPyConnection", files: Sequence[str]) -> int:
    """The number of rows in files, by their footers."""
    if not files:
        return 0
    [(count,)] = connection.execute("SELECT sum(num_rows) FROM parquet_file_metadata($1)", [files]).fetchall()
    return int(count)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
