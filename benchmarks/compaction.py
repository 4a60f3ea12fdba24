"""`python -m benchmarks.compaction` compacts a lake with the engines `local` and `spark`: what they take.

It generates the lake in `.build`, as `make lake-scale` does. Each month is written by a process of its own, as
`account-events lake compact` runs it, on two cores. The memory is that of all its processes together, the space that of
its temporary folder, in which `spark` also has the downloaded files.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console

from benchmarks.lake.__main__ import BUILD, generated_lake
from benchmarks.lake.generator import Size
from benchmarks.lake.scale import OPEN_DAYS, days_of
from benchmarks.proof import SAMPLE_S, Used
from consumers.lake import table
from ops.lake.compact.month import write_month
from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history import MONTH_LENGTH, History
from ops.lake.spark.local_job import PYTHON, ROOT

CORES = 2
ACCOUNTS = 20
"""`balance_at` is measured for the first account of each of so many buckets."""


class Month(NamedTuple):
    """What writing a month took; `source_bytes` are those of its files below `events/`."""

    took_s: float
    peak_bytes: int
    space_bytes: int
    source_bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compaction", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="number of events (default: %(default)s)")
    parser.add_argument("--days", type=int, default=100, help="number of days (default: %(default)s)")
    parser.add_argument("--write", nargs=5, help=argparse.SUPPRESS, metavar=("LAKE", "MONTH", "DAYS", "NAME", "FOLDER"))
    given = parser.parse_args()
    if given.write:
        lake, month, days, name, folder = given.write
        _write(Path(lake), month, days.split(","), name, Path(folder))
        return 0
    console = Console(highlight=False, width=140)
    root = generated_lake(Size(given.events, given.days, flush_minutes=60), Console(stderr=True))
    with TemporaryDirectory(dir=BUILD) as folder:
        lake = Path(folder) / "lake"
        shutil.copytree(root, lake, copy_function=os.link)
        for engine in ("local", "spark"):
            months = {month: _measured(engine, lake, month, days) for month, days in _months(lake)}
            written = sum(file.stat().st_size for file in lake.glob(f"{table.MONTHS_PREFIX}*/*/{engine}.parquet"))
            console.print(
                f"{engine}: {sum(each.took_s for each in months.values()):.0f} s, "
                f"{max(each.peak_bytes for each in months.values()) / 1e9:.1f} GB of memory, "
                f"space {max(each.space_bytes / each.source_bytes for each in months.values()):.1f} times a month's "
                f"files, {written:,} bytes written; balance_at reads {_balance_at(lake, engine):,} bytes"
            )
            shutil.rmtree(lake / table.MONTHS_PREFIX)
    return 0


def _months(lake: Path) -> Iterator[tuple[str, list[str]]]:
    closed = [folder.name.removeprefix("dt=") for folder in days_of(lake)][:-OPEN_DAYS]
    for month in sorted({day[:MONTH_LENGTH] for day in closed}):
        yield month, [day for day in closed if day[:MONTH_LENGTH] == month]


def _measured(engine: str, lake: Path, month: str, days: Sequence[str]) -> Month:
    """Write a month in a process of its own, and look at it from time to time."""
    with TemporaryDirectory(dir=BUILD) as folder:
        given = [str(lake), month, ",".join(days), engine, folder]
        options = ["--lake", "--month", "--days", "--compaction", "--folder"]
        command = (
            [sys.executable, "-m", "benchmarks.compaction", "--write", *given]
            if engine == "local"
            else [str(PYTHON), "-m", "ops.lake.spark.compaction_job", "--cores", str(CORES)]
            + [text for option in zip(options, given, strict=True) for text in option]
        )
        began = time.perf_counter()
        job = subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": folder},
            start_new_session=True,
        )
        used, space = Used(job.pid), 0
        while job.poll() is None:
            used.sample()
            space = max(space, _bytes(folder))
            time.sleep(SAMPLE_S)
        took_s = time.perf_counter() - began
        assert job.returncode == 0, f"{engine} has not compacted {month}"  # noqa: S101
    source = sum(_bytes(str(lake / table.EVENTS_PREFIX / f"dt={day}")) for day in days)
    downloaded_and_written = source + sum(
        file.stat().st_size for file in (lake / table.MONTHS_PREFIX / f"dt_month={month}").rglob(f"{engine}.parquet")
    )
    return Month(took_s, used.peak_bytes, space + (downloaded_and_written if engine == "spark" else 0), source)


def _write(lake: Path, month: str, days: Sequence[str], name: str, folder: Path) -> None:
    """Write a month with DuckDB, to a lake in a folder."""

    def put(key: str, file: Path) -> None:
        (lake / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, lake / key)

    write_month(DuckDBEngine(str(lake), day=f"{month}-*"), str(lake), month, days, name, folder, put)


def _balance_at(lake: Path, engine: str) -> int:
    """The bytes that the query reads on average of the compacted files alone."""
    months = {month: (days[-1], engine) for month, days in _months(lake)}
    last = max(day for day, _ in months.values())
    query = queries()["balance_at"]
    read = 0
    accounts = DuckDBEngine(str(lake)).query(
        "SELECT min(account_id) FROM account_history WHERE dt = ? GROUP BY account_bucket ORDER BY account_bucket",
        [last],
    )
    for (account,) in accounts.rows[:ACCOUNTS]:
        given = query.arguments({"account": account, "moment": f"{last} 23:59:59"})
        read += DuckDBEngine(str(lake)).query(History(months).in_query(query.sql), given).read_bytes or 0
    return read // max(1, len(accounts.rows[:ACCOUNTS]))


def _bytes(folder: str) -> int:
    """What the files in a folder take on the disk; files may disappear meanwhile."""
    found = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found += os.lstat(Path(parent) / name).st_size
            except OSError:
                continue
    return found


if __name__ == "__main__":
    sys.exit(main())
