"""`make lake-scale`: generates a lake of EVENTS events and DAYS days, runs the shipped queries, and prints a table.

A complete lake is kept in `.build/lake-<events>-<days>-<minutes>`, and later runs use it again.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.lake.generator import Size, generate
from benchmarks.lake.scale import OPEN_DAYS, Figure, compact, days_of, history, measure, table_bytes
from consumers.lake.table import MONTHS_PREFIX
from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history import is_about_history

BUILD = Path(__file__).parents[2] / ".build"
HISTORIES = (10, 30, 100)
DEFAULT = Size(events=10_000_000, days=100, flush_minutes=60)
LARGEST = Size(events=10**9, days=36_500, flush_minutes=1_440)


def main() -> int:
    size = parse_size(sys.argv[1:])
    console, err = Console(highlight=False, width=140), Console(stderr=True, highlight=False)
    root = generated_lake(size, err)
    files = sum(1 for _ in root.rglob("*.parquet"))
    console.print(f"{size.events:,} events, {size.days} days, {files:,} files, {table_bytes(root):,} bytes")
    figures = []
    for days in sorted({min(days, size.days) for days in HISTORIES}):
        with history(root, days) as lake:
            last = days_of(lake)[-1].name.removeprefix("dt=")
            for query in (each for each in queries().values() if each.parameters):
                err.print(f"running {query.name} on {days} days")
                figures.append(measure(lake, query, days, _given(lake, last)))
            if days <= OPEN_DAYS:
                continue
            err.print(f"compacting {days} days")
            compacted, seconds = compact(lake)
            written = sum(file.stat().st_size for file in (lake / MONTHS_PREFIX).rglob("*.parquet"))
            console.print(f"{days} days compacted in {seconds:.0f} s: {written:,} bytes in `account_months`")
            about_history = [query for query in queries().values() if is_about_history(query.sql)]
            figures += [measure(lake, query, days, _given(lake, last), compacted) for query in about_history]
    _show(console, figures)
    return 0


def parse_size(arguments: Sequence[str]) -> Size:
    """Parse the size of the lake from the command line. Exits with code 2 if the size is invalid."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake", description=__doc__)
    parser.add_argument(
        "--events",
        type=_number(LARGEST.events),
        default=DEFAULT.events,
        help="number of events, without repeated ones (default: %(default)s)",
    )
    parser.add_argument(
        "--days",
        type=_number(LARGEST.days),
        default=DEFAULT.days,
        help="number of days over which the events are spread (default: %(default)s)",
    )
    parser.add_argument(
        "--flush-minutes",
        type=_number(LARGEST.flush_minutes),
        default=DEFAULT.flush_minutes,
        help="Firehose's buffer interval in minutes (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    if given.events < given.days:
        parser.error(
            f"{given.events} events are too few for {given.days} days: each day needs at least one. Use more events or "
            "fewer days."
        )
    return Size(given.events, given.days, given.flush_minutes)


def _number(most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from 1 to `most`."""

    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}, not {text!r}")

    return number


def generated_lake(size: Size, err: Console) -> Path:
    """Return the lake's folder, generating the lake if necessary. An incomplete lake is never used."""
    root = BUILD / f"lake-{size.events}-{size.days}-{size.flush_minutes}"
    if root.exists():
        return root
    unfinished = root.with_suffix(".unfinished")
    err.print(f"generating {size.events:,} events in {root.name}; ten million take a minute and 8 GB of memory")
    shutil.rmtree(unfinished, ignore_errors=True)  # the files of a killed run
    unfinished.mkdir(parents=True)
    began = time.monotonic()
    try:
        with duckdb.connect(config={"threads": 2}) as connection:
            generate(unfinished, size, connection)
        unfinished.rename(root)
    except BaseException:  # Ctrl-C, too: the folder may hold gigabytes
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    err.print(f"generated in {time.monotonic() - began:.0f} s")
    return root


def _given(root: Path, day: str) -> dict[str, str]:
    """Values for all parameters: the last day, and an account with an event on that day."""
    sql = "SELECT account_id FROM events WHERE dt = ? ORDER BY account_id LIMIT 1"
    [[account]] = DuckDBEngine(str(root)).query(sql, [day]).rows
    days = dict.fromkeys(("day", "since", "from", "until", "first"), day)
    return {**days, "account": account, "moment": f"{day} 12:00:00", "count": "10", "rows": "10"}


def _show(console: Console, figures: list[Figure]) -> None:
    table = Table(title="Medians of three; DuckDB on two cores, files in the machine's cache", title_justify="left")
    for heading in ("query", "days", "bytes read", "of the table", "seconds", "dollars at Athena"):
        table.add_column(heading, justify="left" if heading == "query" else "right")
    for figure in sorted(figures, key=lambda each: (each.query, each.days)):
        share = figure.read_bytes / figure.table_bytes
        table.add_row(
            figure.query,
            str(figure.days),
            f"{figure.read_bytes:,}",
            f"{share:.2%}",
            f"{figure.seconds:.2f}",
            f"{figure.dollars:.5f}",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
