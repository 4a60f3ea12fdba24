"""The lake's rows, as Spark compares them."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 -- as Spark's documentation names it

from consumers.lake import table
from consumers.lake.added_columns import PARTITION_KEYS

_SCHEMA = ", ".join(f"{column.name} {column.glue_type}" for column in (*table.COLUMNS, *PARTITION_KEYS))
_TIMES = [column.name for column in table.COLUMNS if column.glue_type == "timestamp"]


def read(session: SparkSession, root: str, keys: Sequence[str]) -> DataFrame:
    """The rows of these files. Times are in microseconds since 1970, so that no time zone matters.

    A row may lack values that every event has. It is compared nevertheless.

    Args:
        session: the Spark session.
        root: the lake's folder or bucket, with a slash at the end.
        keys: the files below it.
    """
    if not keys:
        found = session.createDataFrame([], _SCHEMA)
    else:
        folders = sorted({f"{root}{key.rpartition('/')[0]}" for key in keys})
        reader = session.read.schema(_SCHEMA).option("basePath", f"{root}{table.EVENTS_PREFIX}")
        found = reader.option("pathGlobFilter", "*.parquet").parquet(*folders)
    return found.withColumns(
        {
            "account_id": F.coalesce("account_id", F.lit("")),
            "sequence": F.coalesce("sequence", F.lit(0)),
            **{name: F.unix_micros(name) for name in _TIMES},
        }
    )
