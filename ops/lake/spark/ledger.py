"""The ledger's rows in an export, as Spark compares them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 -- as Spark's documentation names it

from account_core.rows.layout import TRANSFER_ID, parts_of_key
from ops.lake.reconcile.ledger_rows import ledger_rows
from ops.lake.spark.canonical import LEDGER, OTHER, SKIPPED
from ops.lake.spark.canonical import read as read_lines

UNTRANSLATED = "untranslated"
"""The `reason` of a line that only Python can read. The line is in place of the account, the other columns are null."""
NO_ITEM = "no item"
"""The `reason` of a line that is not DynamoDB JSON."""
SNAPSHOT = "snapshot"
"""The `reason` of a snapshot, which is not compared with the lake."""
_SCHEMA = ", ".join(f"{name} {kind}" for name, kind in LEDGER.items()) + ", reason string, version string"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- UTC
_DATE_LENGTH = len("2026-01-31")


def lines_of(session: SparkSession, files: Sequence[str]) -> DataFrame:
    """The lines of an export's data files."""
    if not files:
        return session.createDataFrame([], "value string")
    return session.read.text(list(files), lineSep="\n")


def lines_of_transfers(lines: DataFrame) -> DataFrame:
    """The lines that may be events of transfers: a filter on text, which is faster than to parse all lines again."""
    return lines.where(F.col("value").contains(f'"{TRANSFER_ID}"'))


def read(lines: DataFrame) -> DataFrame:
    """The rows that Spark reads itself, and a row for each line that it does not.

    The columns are those of LEDGER, `reason`, and `version`, which is the row's key as text.
    """
    rows = read_lines(lines)
    columns = [F.col(name) for name in LEDGER if name != "account_id"]
    return rows.select(
        F.coalesce("account_id", "line").alias("account_id"),
        *columns,
        F.when(F.col("kind") == OTHER, UNTRANSLATED).when(F.col("kind") == SKIPPED, SNAPSHOT).alias("reason"),
        "version",
    )


def read_by_spark(rows: DataFrame) -> DataFrame:
    """The rows that Spark reads itself."""
    return rows.where(~F.col("reason").eqNullSafe(UNTRANSLATED))


def transfers(rows: DataFrame) -> DataFrame:
    """The events that belong to a transfer."""
    return rows.where("transfer_id IS NOT NULL")


def translated(session: SparkSession, lines: DataFrame) -> DataFrame:
    """The rows of the lines that only Python can read."""
    return session.createDataFrame(lines.rdd.mapPartitions(translated_rows), _SCHEMA)


def translated_rows(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """The columns of LEDGER, `reason` and `version` for each row; see `ledger_rows`."""
    for (line,) in rows:
        try:
            item = json.loads(line)["Item"]
            dict(item)
        except (ValueError, TypeError, KeyError, RecursionError):
            yield _row({"account_id": line[:80]}, NO_ITEM)
            continue
        account_id, version = parts_of_key(item)
        events, unreadable = ledger_rows([item])
        for event in events:
            yield _row({**event, "dt": event["occurred_at"].isoformat()[:_DATE_LENGTH]}, None, version)
        for each in unreadable:
            yield _row({"account_id": each.account_id, "sequence": each.sequence}, each.reason, version)
        if not (events or unreadable):
            yield _row({"account_id": account_id}, SNAPSHOT, version)


def _row(values: dict[str, Any], reason: str | None, version: str | None = None) -> tuple[Any, ...]:
    return (*(_primitive(values.get(name)) for name in LEDGER), reason, version)


def _primitive(value: Any) -> Any:  # noqa: ANN401 -- a column's
    """A time in microseconds since 1970; any other value as it is."""
    return (value.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value
