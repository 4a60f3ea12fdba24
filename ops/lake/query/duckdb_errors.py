"""Translates DuckDB's errors to `QueryFailed`, with one line that names the file and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from consumers.lake import table
from ops.lake.query.damaged_file import damaged, shown
from ops.lake.query.engine import QueryFailed
from ops.lake.query.other_types import FILES, READ, first_of_other_types, listed_files

SPACE = "Free some disk space, or use a working directory and a TMPDIR with more space. Then run the command again."
ADVICE = {
    "NoSuchBucket": "Deploy this version's template.yaml, or check the name of the stack and your AWS region.",
    "HTTP 403": "Use credentials that may read the lake, such as the role in the stack's output LakeAnalystRoleArn.",
    "HTTP 404": "The file was deleted while it was being read: run the command again.",
    "connect to server": "Check the network and your proxy settings, and run the command again.",
    "No space left": SPACE,
    "max_temp_directory_size": SPACE,
    "Cannot open file": "Correct the permissions of the file or folder, or set TMPDIR to another one, then try again.",
    "failed to allocate": "Run the command on a machine with more memory.",
}
"""Advice by a text that occurs in DuckDB's message."""
_FILE_ERRORS = (
    duckdb.ConversionException,
    duckdb.InternalException,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotImplementedException,
    duckdb.OutOfRangeException,
    duckdb.SerializationException,
)
"""Errors that DuckDB raises for a damaged file, in addition to its plain `Error`."""
_PROBES = (
    "SELECT name, duckdb_type FROM parquet_schema($1)",
    "SELECT count(hash(COLUMNS(*))) FROM read_parquet($1)",
)
"""Statements that read a file: first the schema in its footer, then all values."""
_LISTED = " UNION ALL ".join(f"SELECT file FROM memory.main.{name}" for name in FILES)  # noqa: S608 -- our own names


@contextmanager
def translated(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A context in which DuckDB's errors are translated.

    Raises:
        QueryFailed: in place of DuckDB's errors, and of UnicodeDecodeError for a name or message that is not UTF-8.
        KeyboardInterrupt: see `interruptible`.
    """
    try:
        with interruptible(connection):
            yield
    except (duckdb.Error, UnicodeDecodeError) as error:
        with interruptible(connection):
            raise _failure(connection, error) from error


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A context in which Ctrl-C stops DuckDB. DuckDB raises an error of its own, and its threads would continue.

    Raises:
        KeyboardInterrupt: in place of DuckDB's error after Ctrl-C.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        connection.interrupt()
        raise KeyboardInterrupt from None


def _failure(connection: duckdb.DuckDBPyConnection, error: duckdb.Error | UnicodeDecodeError) -> QueryFailed:
    whole = "its bytes are not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
    named = _named(connection, whole)
    if named is not None:  # a file's name may contain a line feed
        whole = whole.replace(named, shown(named))
    text = shown(whole.partition("\n")[0].strip())
    advice = next((what for words, what in ADVICE.items() if words in whole), "")
    file = _lacking(connection, text) if isinstance(error, duckdb.BinderException) else None
    if _may_be_caused_by_a_file(error, advice):
        # First, because DuckDB may name an intact file that does not have the types of the first, damaged one.
        if file is None and (found := _of_other_types(connection)):
            return damaged(*found)
        file = file or named or _unreadable(connection)
    if file is not None:
        return damaged(file, text.replace(shown(file), "the file"))
    return QueryFailed(f"{text.rstrip('.')}. {advice}" if advice else text)


def _may_be_caused_by_a_file(error: duckdb.Error | UnicodeDecodeError, advice: str) -> bool:
    """Whether a damaged file, or one with other column types, can have caused the error."""
    if isinstance(error, duckdb.IOException) and not isinstance(error, duckdb.HTTPException):
        return not advice
    is_plain = type(error) is duckdb.Error
    return is_plain or isinstance(error, (*_FILE_ERRORS, duckdb.BinderException, UnicodeDecodeError))


def _of_other_types(connection: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    try:
        for listed in FILES:
            files = listed_files(connection, listed)
            if files and (found := first_of_other_types(connection, files, listed)):
                return found
    except (duckdb.Error, UnicodeDecodeError):  # a file is damaged
        return None
    return None


def _lacking(connection: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The file without the column that DuckDB did not find; None if that is not a column of the table."""
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
    except (duckdb.Error, UnicodeDecodeError):
        return None
    return None if lacking is None else str(lacking[0])


def _named(connection: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The first file that the text names."""
    sql = f"SELECT file FROM ({_LISTED}) WHERE contains($1, file) ORDER BY strpos($1, file) LIMIT 1"  # noqa: S608
    try:
        found = connection.execute(sql, [text]).fetchone()
    except (duckdb.Error, UnicodeDecodeError):  # the connection itself fails
        return None
    return None if found is None else str(found[0])


def _unreadable(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The unreadable file among those that the query read, the most recently read first."""
    sql = f"SELECT file FROM ({_LISTED}) JOIN ({READ}) ON path = file ORDER BY last_read DESC"  # noqa: S608
    try:
        files = [str(file) for (file,) in connection.execute(sql).fetchall()]
    except (duckdb.Error, UnicodeDecodeError):  # the connection itself fails
        return None
    probed = ((file, sql) for sql in _PROBES for file in files)
    return next((file for file, sql in probed if not _can_be_read(connection, file, sql)), None)


def _can_be_read(connection: duckdb.DuckDBPyConnection, file: str, sql: str) -> bool:
    try:
        connection.execute(sql, [file]).fetchall()
    except (duckdb.Error, UnicodeDecodeError):
        return False
    return True
