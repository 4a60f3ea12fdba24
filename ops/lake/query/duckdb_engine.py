"""The engine that queries a lake's files with DuckDB, in a bucket or a folder."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_httpfs

from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS
from ops.lake.query.damaged_file import damaged
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.engine import Answer, QueryFailed
from ops.lake.query.file_columns import duckdb_type
from ops.lake.query.history import HISTORY_VIEW
from ops.lake.query.other_types import FILES, first_of_other_types, listed_files, read_bytes

TABLES = Path(table.__file__).with_name("tables")
EVENTS_VIEW = (TABLES / "events.sql").read_text(encoding="utf-8")
"""The statement that creates the view `events`."""
EVENTS_SELECT = EVENTS_VIEW.partition("CREATE OR REPLACE VIEW events AS\n")[2].rstrip()
EVENT_FILES = f"{table.EVENTS_PREFIX}dt=*/event_type=*/[!._]*.parquet"
"""The files that Athena reads: those in the table's partitions that are not hidden."""
MONTH_FILES = f"{table.MONTHS_PREFIX}dt_month=*/account_bucket=*/[!._]*.parquet"
HTTP = "SET http_timeout = 10; SET http_retries = 2"
"""Short, because DuckDB does not notice Ctrl-C while it waits for S3."""
FILE = "listed_file"
"""The column with a row's file. DuckDB's default, `filename`, could become the name of an event's field."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """DuckDB's access to a bucket.

    Attributes:
        endpoint_url: that of an emulator; None for AWS.
    """

    key_id: str
    secret: str
    region: str
    token: str | None = None
    endpoint_url: str | None = None


class DuckDBEngine:
    """A `LocatingEngine` that runs queries with DuckDB.

    Args:
        root: the lake: a folder, or `s3://` and a bucket.
        access: how to reach the bucket; None for a folder.
        threads: the maximum number of threads.
        first_day: the table's first partition. Earlier files are ignored, as Athena ignores them.
        has_older_files: whether files may lack columns that a later release added. Such columns are null, as in Athena.
            To find them, DuckDB first reads every file's footer.
        day: the only day whose events are queried, or a pattern of days, such as `2026-11-*`. DuckDB lists and reads no
            other files, and the engine has neither `daily_totals` nor `account_months`.
        has_views: whether the engine has the views `events` and `account_history`, the latter over all events, and, for
            all days, the table `daily_totals`.
        has_months: whether an engine with views for all days also has the table `account_months`.
        has_events: whether the engine has the events. Without them, it has only the table `account_months`, and without
            views nothing.
        settings: further settings of DuckDB.

    Attributes:
        listed_events: SQL for `account_events` over only the files that existed when the engine was created.
    """

    def __init__(
        self,
        root: str,
        access: S3Access | None = None,
        threads: int = 2,
        first_day: str = "",
        *,
        has_older_files: bool = False,
        day: str | None = None,
        has_views: bool = True,
        has_months: bool = True,
        has_events: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._has_older_files = has_older_files
        self._checked: set[str] = set()
        event_files = f"{root}/{EVENT_FILES if day is None else EVENT_FILES.replace('dt=*', f'dt={day}')}"
        month_files = f"{root}/{MONTH_FILES}"
        self._main = ("account_events_files", event_files) if has_events else ("account_months_files", month_files)
        self._connection = duckdb.connect(
            config={"threads": threads, "autoinstall_known_extensions": False, **(settings or {})}  # no downloads
        )
        with translated(self._connection):
            self._set_up(access)
            self.listed_events = self._events(event_files, first_day) if has_events else ""
            if has_views and has_events:
                self._connection.execute(in_duckdb(EVENTS_VIEW))
                self._connection.execute(in_duckdb(HISTORY_VIEW))
            if day is None and has_views and has_months:
                months = [(each.name, each.glue_type) for each in table.MONTHS_COLUMNS]
                self._view("account_months", month_files, months, [each.name for each in MONTH_KEYS])
            if day is None and has_views and has_events:
                totals = f"{root}/{table.TOTALS_PREFIX}*/*.parquet"
                self._view("daily_totals", totals, table.TOTALS_COLUMNS, ["month"])

    def _set_up(self, access: S3Access | None) -> None:
        if access is not None:
            self._configure_s3(access)
        # To count the bytes read: DuckDB's profile omits most reads of local files.
        self._connection.execute("CALL enable_logging('FileSystem')")
        self._connection.execute(
            "SET enable_external_file_cache = false"
        )  # with the cache, repeated reads would not be counted
        # With it, max(dt) fails: DuckDB 1.5.5 looks for statistics of a partition key, which no file has.
        self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        for name in FILES:
            self._connection.execute(f"CREATE TABLE {name} (file VARCHAR)")

    def _events(self, files: str, first_day: str) -> str:
        events = [(each.name, each.glue_type) for each in table.COLUMNS]
        keys = [each.name for each in PARTITION_KEYS]
        there = f"dt >= '{first_day}' AND TRY_CAST(dt AS date) IS NOT NULL AND event_type IN {table.EVENT_TYPES}"
        return self._view("account_events", files, events, keys, there)

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """See `Engine`. Also checks the files that the query read, as `refuse_other_types` does."""
        return self._answer(in_duckdb(sql), parameters)

    def located(self, columns: str, rest: str, parameters: Sequence[str] = ()) -> Answer:
        """See `LocatingEngine`."""
        events = self.listed_events.replace(" FROM ", f", {FILE} AS file FROM ", 1)
        return self._answer(f"SELECT {columns} FROM ({events}) {rest}", parameters)  # noqa: S608 -- the caller's SQL

    def _answer(self, sql: str, parameters: Sequence[str]) -> Answer:
        """The answer to a SELECT in DuckDB's dialect."""
        with translated(self._connection):
            self._connection.execute("CALL truncate_duckdb_logs()")
            found = self._connection.execute(sql, list(parameters))
            columns, rows = tuple(column[0] for column in found.description or ()), found.fetchall()
            read = read_bytes(self._connection)
            self._check_read_files(read.keys())
        return Answer(columns, rows, sum(read.values()))

    def refuse_other_types(self) -> None:
        """Check the columns of every file of the events, or of `account_months` in an engine without events.

        DuckDB would round values to the types of the first file.

        Raises:
            QueryFailed: a column has a type other than the table's. The message names the file and the column.
        """
        listed, files = self._main
        with translated(self._connection):
            if listed_files(self._connection, listed):
                self._refuse(first_of_other_types(self._connection, files, listed))

    def _check_read_files(self, read: AbstractSet[str]) -> None:
        """Check the files of the last query that this engine has not checked before."""
        if not (unchecked := read - self._checked):
            return
        for listed in FILES:
            if files := [file for file in listed_files(self._connection, listed) if file in unchecked]:
                self._refuse(first_of_other_types(self._connection, files, listed))
                self._checked.update(files)

    @staticmethod
    def _refuse(found: tuple[str, str] | None) -> None:
        if found:
            raise damaged(*found)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, for statements other than queries."""
        return self._connection

    def _view(
        self, name: str, glob: str, columns: Sequence[tuple[str, str]], keys: Sequence[str], where: str = "true"
    ) -> str:
        """Create a view over the files, or an empty view with the same columns if there are no files yet.

        Returns:
            SQL for the rows of only the files that exist now. It is not a view, because creating one opens files.
        """
        listed = f"{name}_files"
        self._connection.execute(f"INSERT INTO {listed} SELECT file FROM glob($1)", [glob])  # noqa: S608 -- our own name
        nothing = _empty_table([*columns, *((key, "string") for key in keys), (FILE, "string")])
        source = f"({nothing})"
        if self._connection.execute(f"FROM {listed} LIMIT 1").fetchall():
            path, types = glob.replace("'", "''"), ", ".join(f"{key}: VARCHAR" for key in keys)
            options = f"hive_partitioning = true, hive_types = {{{types}}}, filename = '{FILE}'"
            options += f", union_by_name = {self._has_older_files}"
            source = f"read_parquet('{path}', {options})"
            if self._has_older_files:
                source = f"({nothing} UNION ALL BY NAME SELECT * FROM {source})"  # noqa: S608
        selected = ", ".join([name for name, _ in columns] + list(keys))
        selected += f" FROM {source} WHERE {where}"
        self._connection.execute(f"CREATE VIEW {name} AS SELECT {selected}")
        return f"SELECT {selected} AND {FILE} IN (FROM memory.main.{listed})"

    def _configure_s3(self, access: S3Access) -> None:
        [extension] = Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension")
        self._connection.execute(f"LOAD '{extension}'")  # DuckDB verifies its signature
        self._connection.execute(HTTP)
        options = {"KEY_ID": access.key_id, "SECRET": access.secret, "REGION": access.region}
        if access.token:
            options["SESSION_TOKEN"] = access.token
        if access.endpoint_url:
            options |= {"ENDPOINT": access.endpoint_url.removeprefix("http://"), "URL_STYLE": "path"}
        given = ", ".join(f"{name} '{value}'" for name, value in options.items())
        ssl = ", USE_SSL false" if access.endpoint_url else ""
        self._connection.execute(f"CREATE SECRET lake (TYPE s3, {given}{ssl})")


def with_rows(connection: duckdb.DuckDBPyConnection, sql: str, rows: Any) -> None:  # noqa: ANN401 -- Arrow's
    """Run a statement that reads an Arrow table or reader by the name `rows`."""
    connection.register("rows", rows)
    try:
        connection.execute(sql)
    finally:
        connection.unregister("rows")


@lru_cache(maxsize=256)
def in_duckdb(sql: str) -> str:
    """Translates a statement from Athena's dialect to DuckDB's.

    Raises:
        QueryFailed: the statement cannot be parsed.
    """
    import sqlglot  # noqa: PLC0415 -- importing it takes a sixth of a second, and not every command translates
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        return sqlglot.transpile(sql, read="athena", write="duckdb")[0]
    except SqlglotError as error:
        raise QueryFailed(str(error)) from error


def _empty_table(columns: Sequence[tuple[str, str]]) -> str:
    """SQL for an empty table with these columns."""
    typed = ", ".join(f"CAST(NULL AS {duckdb_type(glue_type)}) AS {name}" for name, glue_type in columns)
    return f"SELECT {typed} WHERE false"
