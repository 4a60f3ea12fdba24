"""DuckDB's errors as the engine's own: one line that names the file and says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from consumers.lake import table
from ops.lake.engine import QueryFailed

FILES = ("account_events_files", "daily_totals_files")
"""Tables of the engine's connection: each lists the files of a table of the lake."""
SPACE = "Free some disk space, or use a current folder and a TMPDIR that have more, and run the command again."
ADVICE = {
    "NoSuchBucket": "Deploy this version's template.yaml, or check the name of the stack and your AWS region.",
    "HTTP 403": "Use credentials that may read the lake, such as the role in the stack's output LakeAnalystRoleArn.",
    "HTTP 404": "Someone deleted the file meanwhile: run the command again.",
    "connect to server": "Check the network and your proxy settings, and run the command again.",
    "No space left": SPACE,
    "max_temp_directory_size": SPACE,
    "Cannot open file": "Correct the permissions of the file or folder, or set TMPDIR to another one, then try again.",
    "failed to allocate": "Run the command on a machine with more memory.",
}
"""By words of DuckDB's messages."""
_OF_THE_FILES = (
    duckdb.ConversionException,
    duckdb.InternalException,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotImplementedException,
    duckdb.OutOfRangeException,
    duckdb.SerializationException,
)
"""What DuckDB raises for a damaged file, or its plain `Error`."""


@contextmanager
def translated(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run DuckDB's statements inside.

    Raises:
        QueryFailed: instead of an error of DuckDB's.
        KeyboardInterrupt: see `ctrl_c_heard`.
    """
    try:
        with ctrl_c_heard(connection):
            yield
    except duckdb.Error as error:
        with ctrl_c_heard(connection):
            raise QueryFailed(_line(connection, error)) from error


@contextmanager
def ctrl_c_heard(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """In the main thread DuckDB hears of Ctrl-C by itself, says so in an error of its own, and goes on in its threads.

    Raises:
        KeyboardInterrupt: it was pressed.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        connection.interrupt()
        raise KeyboardInterrupt from None


def damaged(file: str, why: str) -> str:
    """The message about a file that is no file of its table."""
    if f"/{table.TOTALS_PREFIX}" in file:
        what = "Run `account-events lake totals`, which writes it again."
    else:
        what = "Move it out of events/, then run `account-events lake backfill --all`, which writes its events again."
    return f"{file} is no file of the lake's table: {why.rstrip('.')}. {what}"


def _line(connection: duckdb.DuckDBPyConnection, error: duckdb.Error) -> str:
    text = str(error).partition("\n")[0].strip()
    file = None
    if isinstance(error, duckdb.BinderException):
        file = _lacking(connection, text)
    elif type(error) is duckdb.Error or isinstance(error, _OF_THE_FILES):
        file = _unreadable(connection, text)
    if file is not None:
        return damaged(file, text.replace(file, "the file"))
    advice = next((what for words, what in ADVICE.items() if words in str(error)), "")
    return f"{text.rstrip('.')}. {advice}" if advice else text


def _lacking(connection: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The file without the column that DuckDB did not find, if the SQL is the engine's own view of the files."""
    column = text.partition('Referenced column "')[2].partition('"')[0]
    if column not in {each.name for each in table.COLUMNS}:
        return None
    try:
        files = connection.execute("SELECT list(file) FROM memory.main.account_events_files").fetchall()[0][0]
        lacking = connection.execute(
            "SELECT file_name FROM parquet_schema($files) GROUP BY file_name "
            "HAVING NOT bool_or(lower(name) = $column) ORDER BY file_name LIMIT 1",
            {"files": files, "column": column},
        ).fetchone()
    except duckdb.Error:
        return None
    return None if lacking is None else str(lacking[0])


def _unreadable(connection: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The file that is named, or else, of the files read, the last one first, the one that cannot be read."""
    listed = " UNION ALL ".join(f"SELECT file FROM memory.main.{name}" for name in FILES)  # noqa: S608 -- our own names
    read = (
        "SELECT path, max(timestamp) AS last_read FROM duckdb_logs_parsed('FileSystem') WHERE op = 'READ' GROUP BY path"
    )
    try:
        named = f"SELECT file FROM ({listed}) WHERE contains($1, file) ORDER BY strpos($1, file) LIMIT 1"  # noqa: S608
        if found := connection.execute(named, [text]).fetchone():
            return str(found[0])
        candidates = f"SELECT file FROM ({listed}) JOIN ({read}) ON path = file ORDER BY last_read DESC"  # noqa: S608
        files = [str(file) for (file,) in connection.execute(candidates).fetchall()]
    except duckdb.Error:  # the connection itself fails
        return None
    return next((file for file in files if not _can_be_read(connection, file)), None)


def _can_be_read(connection: duckdb.DuckDBPyConnection, file: str) -> bool:
    try:
        connection.execute("SELECT count(hash(COLUMNS(*))) FROM read_parquet($1)", [file]).fetchall()
    except duckdb.Error:
        return False
    return True
