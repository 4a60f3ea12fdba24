"""Writes a month's events to the table `account_months` with DuckDB, and verifies what it has written.

The days are read one after the other and split by bucket into a temporary folder. Each bucket is then sorted. So the
memory that is needed depends on the largest day and the largest bucket. DuckDB writes what exceeds it to the folder.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consumers.lake import table
from consumers.lake.added_columns import COMPACTION, PARTITION_KEYS
from local_stack.errors import CommandError
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.duckdb_errors import translated

if TYPE_CHECKING:
    import duckdb

MEMORY = "2GB"
"""DuckDB's memory limit."""
ROW_GROUP_ROWS = 4_096
"""Small, because a query for one account reads the row groups with the account: measured with `make lake-scale`."""

_EVENT = ", ".join(column.name for column in (*table.COLUMNS, *PARTITION_KEYS))
_FIGURES = f"count(*), coalesce(sum(amount), 0), CAST(sum(CAST(hash({_EVENT}) AS HUGEINT)) AS VARCHAR)"

Figures = dict[str, tuple[object, ...]]
"""For each day: the number of events, the sum of their amounts, and a digest of all their values in any order."""


class NotVerified(CommandError):
    """The files that were written do not have the month's events. Nothing reads them."""


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
        QueryFailed: the events cannot be read. Nothing reads the files written until then.
        NotVerified: the files do not have the month's events.
    """
    connection = engine.connection
    engine.refuse_other_types()
    with translated(connection):
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{_quoted(folder / 'spilled')}'")
        figures: Figures = {}
        for day in days:
            figures |= _split(connection, day, folder)
        for bucket in table.BUCKETS:
            if file := _sorted(connection, folder, bucket, compaction):
                put(f"{table.month_prefix(month, bucket)}{compaction}.parquet", file)
                file.unlink(missing_ok=True)  # `put` may move it
        if figures:
            any_bucket = table.month_prefix(month, "*")
            _verify(connection, f"{root}/{any_bucket}{compaction}.parquet", figures)
    return sum(int(str(count)) for count, *_ in figures.values())


def _split(connection: "duckdb.DuckDBPyConnection", day: str, folder: Path) -> Figures:
    """Write a day's events to a file per bucket."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE of_day AS SELECT {_EVENT}, account_bucket FROM account_history WHERE dt = $day",
        {"day": day},
    )
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


def _verify(connection: "duckdb.DuckDBPyConnection", written: str, figures: Figures) -> None:
    """Read the files back from the bucket and compare them with the events that were read."""
    found = connection.execute(
        f"SELECT dt, {_FIGURES} FROM read_parquet('{written}', hive_partitioning = false) GROUP BY dt"
    ).fetchall()
    there = {dt: tuple(rest) for dt, *rest in found}
    if wrong := sorted(day for day in figures.keys() | there.keys() if figures.get(day) != there.get(day)):
        raise NotVerified(
            f"The compacted files do not have the events of {wrong[0]}: {there.get(wrong[0])} instead of "
            f"{figures.get(wrong[0])} (number, sum, digest). Nothing has changed; run the command again."
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
