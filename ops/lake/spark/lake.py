"""The lake's rows, as Spark compares them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 -- as Spark's documentation names it

from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS
from ops.lake.query.damaged_file import damaged
from ops.lake.query.file_columns import problem_of
from ops.lake.spark.footers import elements

THREADS = 16
"""How many files' schemas are read at once. On S3, nearly all of the time is spent waiting."""
_COLUMNS = [(column.name, column.glue_type) for column in table.COLUMNS]
_KEYS = [(column.name, column.glue_type) for column in PARTITION_KEYS]
_MONTH_KEYS = [(column.name, column.glue_type) for column in MONTH_KEYS]
MONTHS_COLUMNS = [(column.name, column.glue_type) for column in table.MONTHS_COLUMNS]


def _typed(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {glue_type}" for name, glue_type in columns)


_SCHEMA = _typed((*_COLUMNS, *_KEYS))
TIMES = [name for name, glue_type in _COLUMNS if glue_type == "timestamp"]


def refuse_other_types(
    session: SparkSession, root: str, keys: Sequence[str], columns: Sequence[tuple[str, str]] = _COLUMNS
) -> None:
    """Check every file's columns, because Spark would convert values of some other types.

    Args:
        session: the Spark session.
        root: the lake's folder or bucket, with a slash at the end.
        keys: the files below it.
        columns: the table's columns and types.

    Raises:
        FileDamaged: a file is not Parquet, or a column has a type other than the table's. The message names both.
    """
    jvm: Any = session.sparkContext._jvm  # noqa: SLF001 -- Spark has no other way to Parquet's library
    configuration = session.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 -- as above
    library = jvm.org.apache.parquet
    footer_only = library.format.converter.ParquetMetadataConverter.SKIP_ROW_GROUPS

    def problem(key: str) -> str | None:
        path = jvm.org.apache.hadoop.fs.Path(f"{root}{key}")
        try:
            footer = library.hadoop.ParquetFileReader.readFooter(configuration, path, footer_only)
        except Py4JError as error:
            return cause(error)
        return problem_of(elements(footer.getFileMetaData().getSchema().toString()), columns)

    with ThreadPoolExecutor(THREADS) as pool:
        for key, found in zip(keys, pool.map(problem, keys), strict=True):
            if found:
                raise damaged(f"{root}{key}", found)


def read(session: SparkSession, root: str, keys: Sequence[str]) -> DataFrame:
    """The rows of these files. Times are in microseconds since 1970, so that no time zone matters.

    A row may lack values that every event has. It is compared nevertheless.

    Args:
        session: the Spark session.
        root: the lake's folder or bucket, with a slash at the end.
        keys: the files below it.
    """
    return _with_keys(rows(session, root, keys))


def read_months(session: SparkSession, root: str, keys: Sequence[str]) -> DataFrame:
    """The rows of these files of `account_months`, as `read` returns the events' rows."""
    reader = session.read.schema(_typed((*MONTHS_COLUMNS, *_MONTH_KEYS)))
    return _with_keys(
        reader.option("basePath", f"{root}{table.MONTHS_PREFIX}").parquet(*(f"{root}{key}" for key in keys))
    )


def _with_keys(found: DataFrame) -> DataFrame:
    return found.withColumns(
        {
            "account_id": F.coalesce("account_id", F.lit("")),
            "sequence": F.coalesce("sequence", F.lit(0)),
            **{name: F.unix_micros(name) for name in TIMES},
        }
    )


def rows(session: SparkSession, root: str, keys: Sequence[str]) -> DataFrame:
    """The rows of these files as they are; see `read`."""
    return _files(session, root, keys) if keys else session.createDataFrame([], _SCHEMA)


def _files(session: SparkSession, root: str, keys: Sequence[str]) -> DataFrame:
    """Names folders, which is faster than to name many files, if the folders have no other files."""
    reader = session.read.schema(_SCHEMA).option("basePath", f"{root}{table.EVENTS_PREFIX}")
    folders = sorted({f"{root}{key.rpartition('/')[0]}" for key in keys})
    found = reader.option("pathGlobFilter", "*.parquet").parquet(*folders)
    if len(found.inputFiles()) == len(keys):
        return found
    return reader.parquet(*(f"{root}{key}" for key in keys))


def cause(error: Exception) -> str:
    """One line that states the cause of an error of Spark: of Java's exception, or of Python's in a worker."""
    java: Any = getattr(error, "java_exception", None)
    while java is not None and java.getCause() is not None:
        java = java.getCause()
    text = str(error) if java is None else str(java.getMessage() or java.toString())
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]
