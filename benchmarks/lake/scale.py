"""The bytes, seconds and dollars that the shipped queries take on a generated lake, by days of history."""

import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from ops.lake.compact.month import write_month
from ops.lake.query.catalog import Query
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history import MONTH_LENGTH, History
from ops.lake.query.totals import SQL, totals_key

ROUNDS = 3
# aws.amazon.com/athena/pricing: per TB of 10^12 bytes scanned, at least 10 MB a query (us-east-1, eu-central-1).
DOLLARS_PER_BYTE = 5 / 1e12
BYTES_MIN = 10_000_000
OPEN_DAYS = 2
"""The newest days, which `account-events lake compact` leaves out."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A query over a number of days of history.

    Attributes:
        read_bytes: as DuckDB counts. Athena reads the same columns of the same files, in different portions.
        seconds: the median of ROUNDS with the files in the machine's cache, on two cores; not Athena's time.
    """

    query: str
    days: int
    table_bytes: int
    read_bytes: int
    seconds: float

    @property
    def dollars(self) -> float:
        """Athena's price."""
        return max(self.read_bytes, BYTES_MIN) * DOLLARS_PER_BYTE


@contextmanager
def history(root: Path, days: int) -> Iterator[Path]:
    """Yield the last days of a lake as a separate lake with its own totals."""
    with TemporaryDirectory() as folder:
        found = Path(folder)
        (found / table.EVENTS_PREFIX).mkdir()
        for day in days_of(root)[-days:]:
            (found / table.EVENTS_PREFIX / day.name).symlink_to(day.absolute())
        sum_up(found)
        yield found


def sum_up(root: Path) -> None:
    """Create the daily totals of a lake in a folder."""
    engine = DuckDBEngine(str(root))
    months: dict[str, list[dict[str, Any]]] = {}
    for day in (folder.name.removeprefix("dt=") for folder in days_of(root)):
        rows = engine.query(SQL, [day]).records()
        texts = [
            {name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows
        ]
        months.setdefault(day[:7], []).extend({"dt": day, "made_of": "generated", **row} for row in texts)
    for month, rows in months.items():
        path = root / totals_key(month)
        path.parent.mkdir(parents=True)
        path.write_bytes(parquet(rows, arrow_schema(table.TOTALS_COLUMNS)))


def compact(root: Path) -> tuple[History, float]:
    """Compact a lake in a folder, as `account-events lake compact` does on the evening of the last day.

    Returns:
        What the view `account_history` then reads, and the seconds that it took.
    """
    closed = [folder.name.removeprefix("dt=") for folder in days_of(root)][:-OPEN_DAYS]
    months: dict[str, tuple[str, str]] = {}
    began = time.perf_counter()

    def put(key: str, file: Path) -> None:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, root / key)

    for month in sorted({day[:MONTH_LENGTH] for day in closed}):
        days = [day for day in closed if day[:MONTH_LENGTH] == month]
        months[month] = days[-1], f"{month}-compacted"
        with TemporaryDirectory(dir=root.parent) as folder:
            engine = DuckDBEngine(str(root), day=f"{month}-*")
            write_month(engine, str(root), month, days, months[month][1], Path(folder), put)
    return History(months), time.perf_counter() - began


def days_of(root: Path) -> list[Path]:
    """The folders of the lake's days, oldest first."""
    return sorted((root / table.EVENTS_PREFIX).glob("dt=*"))


def table_bytes(root: Path) -> int:
    """The size of the files of `account_events`."""
    return sum(file.stat().st_size for day in days_of(root) for file in day.resolve().rglob("*.parquet"))


def measure(root: Path, query: Query, days: int, given: Mapping[str, str], compacted: History | None = None) -> Figure:
    """Run a query ROUNDS times.

    Args:
        root: the lake.
        query: a shipped query.
        days: the days of history in the lake.
        given: values for the parameters of all queries.
        compacted: what `account_history` reads, if the lake is compacted.
    """
    text = (compacted or History()).in_query(query.sql)
    parameters = query.arguments({each.name: given[each.name] for each in query.parameters if each.name in given})
    times, read = [], set()
    for _ in range(ROUNDS):
        engine = DuckDBEngine(str(root))  # a new engine, which knows nothing of the files
        began = time.perf_counter()
        answer = engine.query(text, parameters)
        times.append(time.perf_counter() - began)
        read.add(answer.read_bytes or 0)
    name = query.name if compacted is None else f"{query.name}, compacted"
    return Figure(name, days, table_bytes(root), max(read), statistics.median(times))
