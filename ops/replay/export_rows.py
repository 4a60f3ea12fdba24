"""Loads an export's rows into DuckDB: verifies the files, sorts the rows, and leaves out what a late gap cut off."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb

from account_core.rows.items import FORMAT, SNAPSHOT, is_snapshot_version, sequence_through
from account_core.rows.layout import ACCOUNT_ID, ROW_FORMAT, TIMESTAMP, TYPE, VERSION
from ops.ledger.export.location import FoundExport, Location
from ops.ledger.export.manifest import INEXACT_S, NEW, BadExport, DataFile, Export, repeated_row
from ops.ledger.export.verified import verified
from ops.replay.errors import Interrupted

FILES_CONCURRENTLY = 4
KNOWN_FORMATS = [str(number) for number in range(1, FORMAT + 1)]

_STAGED = """
CREATE TABLE staged (
    account_id VARCHAR, number VARCHAR, is_snapshot BOOLEAN, format VARCHAR, is_late BOOLEAN, item VARCHAR
)
"""
_LOAD = """
INSERT INTO staged
SELECT found[1], found[2], coalesce(found[3] = $snapshot, false), found[4],
    coalesce(TRY_CAST(rtrim(found[5], 'Z') AS TIMESTAMP) >= $late, false), item
FROM (SELECT json_extract_string(json, $paths) AS found, json_extract(json, '$.Item') AS item
    FROM read_ndjson_objects($file, maximum_object_size = 4194304))
WHERE $account_ids IS NULL OR found[1] IS NULL OR list_contains($account_ids, found[1])
"""
_SORT = """
CREATE TABLE rows AS
SELECT row_number() OVER () - 1 AS position, account_id, version, is_late, item,
    coalesce(account_id = lag(account_id) OVER () AND number = lag(number) OVER (), false) AS is_repeated
FROM (
    SELECT account_id, TRY_CAST(number AS DOUBLE) AS version, number, is_late, item FROM staged
    ORDER BY account_id, version, TRY_CAST(number AS HUGEINT), number, item
)
"""
"""A row's `position` stays the same when other rows are deleted. DuckDB's rowid does not: when DuckDB writes a
checkpoint, the rows after deleted ones get new rowids."""
_LATE = """
SELECT account_id, coalesce(max(version) FILTER (NOT is_late), 0), list(version ORDER BY version) FILTER (is_late)
FROM rows WHERE account_id IN (SELECT account_id FROM rows WHERE is_late) GROUP BY account_id
"""


def load_rows(
    connection: "duckdb.DuckDBPyConnection",
    found: FoundExport,
    folder: Path,
    account_ids: Sequence[str] | None,
    progress: Callable[[int], object],
) -> int:
    """Creates the table `rows`, sorted by account and version. Returns the number of accounts with a late gap.

    A row's `position` is its place in the order, counted from 0. It is the same whenever the same rows are loaded.

    An export is not transactionally consistent: a row that was written within INEXACT_S of its time may be missing
    while a later one is there. An account that has only such late rows after a gap ends before the gap; it is not
    damaged. Every other gap stays, and the replay reports it.

    Args:
        connection: an empty database.
        found: the export.
        folder: a folder for downloads.
        account_ids: the only accounts to load; None for all.
        progress: called with the number of items of each file that was read.

    Raises:
        BadExport: a data file is damaged, a line is not a row of an accounts table, a row has an unknown format, or the
            export has a row twice.
    """
    connection.execute(_STAGED)
    _Loading(connection, found, folder, account_ids, progress).run()
    return _cut(connection)


class _Loading:
    """Reads the data files concurrently into `staged`, then sorts them into `rows`, all in threads."""

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        found: FoundExport,
        folder: Path,
        account_ids: Sequence[str] | None,
        progress: Callable[[int], object],
    ) -> None:
        self._connection, self._export, self._folder = connection, found.export, folder
        self._location = _Stoppable(found.files, self)
        self._account_ids, self._progress = account_ids, progress
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self.is_stopped = False

    def run(self) -> None:
        with ThreadPoolExecutor(FILES_CONCURRENTLY) as executor:
            try:
                reading = [executor.submit(self._load, *each) for each in enumerate(self._export.files)]
                for done in as_completed(reading):
                    self._progress(done.result())
                executor.submit(self._sort).result()
            except BaseException:
                self._stop()
                executor.shutdown(wait=False, cancel_futures=True)
                raise

    def _stop(self) -> None:
        self.is_stopped = True
        for cursor in self._cursors:
            cursor.interrupt()

    @contextmanager
    def _cursor(self) -> Iterator["duckdb.DuckDBPyConnection"]:
        cursor = self._connection.cursor()
        self._cursors.append(cursor)
        try:
            yield cursor
        finally:
            self._cursors.remove(cursor)
            cursor.close()

    def _load(self, number: int, file: DataFile) -> int:
        with verified(self._location, file, self._folder) as path:
            if file.items:
                link = self._folder / f"{number}.json.gz"  # a name without characters that DuckDB expands
                link.symlink_to(path.absolute())
                try:
                    self._insert(file, link)
                finally:
                    link.unlink()
        return file.items

    def _insert(self, file: DataFile, link: Path) -> None:
        where = f"{self._export.location}{file.key}"
        late = self._export.export_time - timedelta(seconds=INEXACT_S)
        values = {
            "file": str(link),
            "paths": [
                f"$.Item.{ACCOUNT_ID}.S",
                f"$.Item.{VERSION}.N",
                f"$.Item.{TYPE}.S",
                f"$.Item.{ROW_FORMAT}.N",
                f"$.Item.{TIMESTAMP}.S",
            ],
            "snapshot": SNAPSHOT,
            "late": late.replace(tzinfo=None),
            "account_ids": None if self._account_ids is None else list(self._account_ids),
        }
        with self._cursor() as cursor:
            try:
                [inserted] = cursor.execute(_LOAD, values).fetchall()[0]
            except duckdb.InvalidInputException as error:
                raise BadExport(f"{where}: it is damaged: a line is not JSON. {NEW}") from error
        if self._account_ids is None and inserted != file.items:
            raise BadExport(f"{where}: it has {inserted} items, but the manifest counts {file.items}. {NEW}")

    def _sort(self) -> None:
        with self._cursor() as cursor:
            _check_rows(cursor, self._export)
            cursor.execute(_SORT)
            cursor.execute("DROP TABLE staged")
            _refuse_repeated(cursor, self._export)


class _Stoppable:
    """A location whose files cannot be read to their end once the loading has stopped."""

    def __init__(self, location: Location, loading: _Loading) -> None:
        self._location, self._loading = location, loading
        self.name, self.names, self.local, self.below = location.name, location.names, location.local, location.below

    def chunks(self, name: str) -> Iterator[bytes]:
        for chunk in self._location.chunks(name):
            if self._loading.is_stopped:
                raise Interrupted("The export was not read to its end.")
            yield chunk


def _check_rows(cursor: "duckdb.DuckDBPyConnection", export: Export) -> None:
    """Refuses what no release of this program wrote, and what a later one did."""
    others = cursor.execute(
        "SELECT left(item, 100) FROM staged WHERE account_id IS NULL OR number IS NULL LIMIT 1"
    ).fetchone()
    if others is not None:
        raise BadExport(
            f"{export.location}: an item has no {ACCOUNT_ID} or no {VERSION}: it is not an export of an accounts table."
        )
    unknown = cursor.execute(
        "SELECT account_id, number, format FROM staged WHERE NOT is_snapshot AND regexp_full_match(format, '[0-9]+') "
        "AND NOT list_contains($1, format) ORDER BY ALL LIMIT 1",
        [KNOWN_FORMATS],
    ).fetchone()
    if unknown is not None:
        account_id, number, row_format = unknown
        raise BadExport(
            f"{export.location}: row {account_id}/{number} has the unknown format {row_format}; this release reads 1 "
            f"to {FORMAT}: use the release that wrote it, or a later one."
        )


def _refuse_repeated(cursor: "duckdb.DuckDBPyConnection", export: Export) -> None:
    """A table has each row once. If it came twice, which of the two is right would be a guess."""
    repeated = cursor.execute(
        "SELECT account_id, json_extract_string(item, $1) FROM rows WHERE is_repeated ORDER BY position LIMIT 1",
        [f"$.{VERSION}.N"],
    ).fetchone()
    if repeated is not None:
        raise repeated_row(export.location, *repeated)


def _cut(connection: "duckdb.DuckDBPyConnection") -> int:
    """Deletes the rows that the export has after a gap among its late rows. Returns the number of accounts."""
    with connection.cursor() as cursor:
        found = cursor.execute(_LATE)
        cuts = []
        while accounts := found.fetchmany(10_000):
            cuts += [(account, first) for account, last, late in accounts if (first := first_after_gap(last, late))]
    connection.execute("CREATE TEMP TABLE cuts (account_id VARCHAR, first DOUBLE)")
    if cuts:
        connection.executemany("INSERT INTO cuts VALUES ($1, $2)", cuts)
        connection.execute(
            "DELETE FROM rows USING cuts WHERE rows.account_id = cuts.account_id AND rows.version >= cuts.first"
        )
    return len(cuts)


def first_after_gap(last: float, late: Iterable[float]) -> int | None:
    """The first late version after a gap; None if there is no gap.

    Args:
        last: the version before all late ones; 0 if there is none.
        late: the late versions in order. Those before `last` are no concern: a gap before it is not at the end.
    """
    sequence = sequence_through(int(last))
    for version in map(int, late):
        if version <= last:
            continue
        if sequence_through(version) != sequence + (not is_snapshot_version(version)):
            return version
        sequence = sequence_through(version)
    return None
