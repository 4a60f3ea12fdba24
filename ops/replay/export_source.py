"""Reads an export of the table as a replay reads the table: by segments and by account, each account in version order.

An export's files have the rows in no order. They are verified, sorted by account and version in a DuckDB database on
disk, and checked as a whole before the first page is returned. Memory is bounded; the database takes less space than
the rows as text. See docs/adr/0020-whole-ledger-tools-read-exports.md.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ops.ledger.export.location import FoundExport
from ops.replay.errors import Interrupted
from ops.replay.export_rows import load_rows
from ops.replay.source import Account, Item, Page, Part, Segment

PAGE_ROWS = 4_000
"""About as many as in a page of a Scan, which has 1 MB."""
MEMORY = "512MB"
ROW = "Row"
"""A page's next key: the position of a row in the sorted export, which is the same in every run."""


class ExportSource:
    """A `Source` that reads a verified export; see `export_source`. Pages cost no read units.

    Args:
        connection: has the table `rows`, sorted.
        page_rows: the maximum number of rows in a page.
        cut_off: the number of accounts whose last rows are left out; see `load_rows`.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", page_rows: int, cut_off: int) -> None:
        self._connection, self._page_rows, self.cut_off = connection, page_rows, cut_off
        self._end: int
        [self._end] = self._one("SELECT coalesce(max(position) + 1, 0) FROM rows")

    def read(self, part: Part, after: Item | None) -> Page:
        """As `Source.read`; the rows are as of the export's time."""
        try:
            return self._segment(part, after) if isinstance(part, Segment) else self._account(part, after)
        except duckdb.Error as error:
            raise Interrupted(_line(error)) from error

    def _segment(self, segment: Segment, after: Item | None) -> Page:
        end = self._start(segment.index + 1, segment.total)
        first = self._start(segment.index, segment.total) if after is None else int(after[ROW]["N"]) + 1
        last = min(first + self._page_rows, end) - 1
        rows = self._all("SELECT item FROM rows WHERE position BETWEEN $1 AND $2 ORDER BY position", [first, last])
        return _page([item for (item,) in rows], last if last + 1 < end else None)

    def _account(self, part: Account, after: Item | None) -> Page:
        before = -1 if after is None else int(after[ROW]["N"])
        found = self._all(
            "SELECT position, item FROM rows WHERE account_id = $1 AND position > $2 AND coalesce(version, 0) >= $3 "
            "ORDER BY position LIMIT $4",
            [part.account_id, before, part.first_version or 0, self._page_rows + 1],
        )
        page = found[: self._page_rows]
        return _page([item for _, item in page], page[-1][0] if len(found) > len(page) else None)

    def _start(self, index: int, total: int) -> int:
        """The position where a segment begins: at the first row of an account."""
        position = self._end * index // total
        if position in {0, self._end}:
            return int(position)
        [start] = self._one(
            "SELECT coalesce(min(position), $2) FROM rows WHERE account_id = "
            "(SELECT account_id FROM rows WHERE position >= $1 ORDER BY position LIMIT 1)",
            [position, self._end],
        )
        return int(start)

    def _all(self, sql: str, values: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query. A cursor of its own, because pages are read by several threads."""
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, values).fetchall()

    def _one(self, sql: str, values: Sequence[object] | None = None) -> tuple[Any, ...]:
        return self._all(sql, values)[0]


@contextmanager
def export_source(
    found: FoundExport,
    folder: Path,
    *,
    account_ids: Sequence[str] | None = None,
    page_rows: int | None = None,
    progress: Callable[[int], object] = lambda _items: None,
) -> Iterator[ExportSource]:
    """Verifies an export, sorts its rows in a database on disk, and opens them as a source; see `load_rows`.

    Args:
        found: the export.
        folder: an empty folder for the database and for downloads.
        account_ids: the only accounts that will be read; None for all.
        page_rows: the maximum number of rows in a page.
        progress: called with the number of items of each file that was read.

    Raises:
        BadExport: the export cannot be used.
        Interrupted: the files cannot be read, or there is no space.
    """
    with _translated():
        connection = duckdb.connect(
            str(folder / "export.duckdb"), config={"memory_limit": MEMORY, "temp_directory": str(folder / "spilled")}
        )
    try:
        with _translated():
            cut_off = load_rows(connection, found, folder, account_ids, progress)
            source = ExportSource(connection, page_rows or PAGE_ROWS, cut_off)
        yield source
    finally:
        connection.close()


def _page(items: Iterable[str], last: int | None) -> Page:
    next_key = None if last is None else {ROW: {"N": str(last)}}
    return Page([json.loads(item) for item in items], next_key, 0.0)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise Interrupted(_line(error)) from error


def _line(error: duckdb.Error) -> str:
    first = str(error).partition("\n")[0].rstrip(".")
    return f"The export cannot be sorted on this machine: {first}. Set TMPDIR to a folder with more space."
