"""Writes a month's events to the table `account_months` in Spark, and verifies what it has written.

The rules are those of `ops.lake.compact.month`. The events are shuffled once, so that all of a bucket are in one
partition, 64 partitions at most, and sorted there. The copies of an event are then next to each other, and the order is
that of the file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 -- as Spark's documentation names it

from consumers.lake import table
from consumers.lake.added_columns import COMPACTION, PARTITION_KEYS
from ops.lake.query.account_months import ROW_GROUP_ROWS, Figures, no_account, refuse_other_events
from ops.lake.query.damaged_file import damaged
from ops.lake.spark import lake, month_files
from ops.lake.spark.locations import lake_files, month_keys
from ops.lake.spark.month_files import BUCKET, DIGEST, FIGURES

_EVENT = [column.name for column in (*table.COLUMNS, *PARTITION_KEYS)]
_TIMES = [column.name for column in table.COLUMNS if column.glue_type == "timestamp"]
_LAST = [name for name in _EVENT if name not in {"published_at", "schema_fingerprint"}]

_INDEX = "shiftright(CAST(conv(substr(md5(account_id), 1, 2), 16, 10) AS int), 2)"
"""The number of an account's bucket: the first six bits of the MD5 of its id, as in `tables/account_history.sql`."""

_CHOSEN = f"""
SELECT {", ".join(_EVENT)}, {BUCKET}, slot FROM (
  SELECT *, row_number() OVER (
    PARTITION BY slot, {BUCKET}, account_id, sequence, dt, event_type
    ORDER BY published_at NULLS LAST, schema_fingerprint NULLS LAST, {", ".join(_LAST)}
  ) AS copy FROM month_rows
) WHERE copy = 1
"""
"""As the view `events` chooses. Copies that the view does not order have an order here, so that a repeated task and a
later run write the same."""


@dataclass(frozen=True, slots=True)
class MonthTask:
    """What to compact.

    Attributes:
        lake: the lake's folder or bucket, with a slash at the end.
        month: YYYY-MM.
        days: the month's days whose events are written.
        compaction: the name of the new files.
    """

    lake: str
    month: str
    days: frozenset[str]
    compaction: str


def compacted(session: SparkSession, task: MonthTask, doing: Callable[[str], None]) -> int:
    """Write a month's events, each once, and return their number.

    Args:
        session: the Spark session.
        task: what to compact.
        doing: called at the start of each step.

    Raises:
        FileDamaged: a file is damaged or does not match the table, or an event has no account.
        NotVerified: the files do not have the month's events.
    """
    keys = lake_files(task.lake).keys_of(task.days)
    if not keys:
        return 0
    doing(f"checking the columns of {len(keys)} files")
    lake.refuse_other_types(session, task.lake, keys)
    rows = lake.rows(session, task.lake, keys)
    _refuse_no_account(rows)
    doing(f"writing {task.month}")
    expected = _written(session, task, rows)
    doing(f"verifying {task.month}")
    refuse_other_events(_figures_in(session, task), expected)
    return sum(int(str(count)) for count, *_ in expected.values())


def _refuse_no_account(rows: DataFrame) -> None:
    """Refuse an event that belongs to no bucket. Nearly all files are excluded by their statistics."""
    without = rows.where(F.col("account_id").isNull()).select(F.input_file_name(), "dt", "event_id").first()
    if without is not None:
        file, day, event_id = without
        raise damaged(file, no_account(day, event_id))


def _written(session: SparkSession, task: MonthTask, rows: DataFrame) -> Figures:
    """Write the files; returns the figures of the events that they were made of."""
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", ROW_GROUP_ROWS)  # a batch becomes a row group
    count = min(len(table.BUCKETS), max(session.sparkContext.defaultParallelism, rows.rdd.getNumPartitions()))
    slots = _slots(session, count)
    slot_of = [slots[number % count] for number in range(len(table.BUCKETS))]
    with_bucket = _micros(rows).selectExpr(
        "*", f"{_array(map(repr, table.BUCKETS))}[{_INDEX}] AS {BUCKET}", f"{_array(slot_of)}[{_INDEX}] AS slot"
    )
    with_bucket.repartition(count, "slot").createOrReplaceTempView("month_rows")
    ordered = session.sql(_CHOSEN).sortWithinPartitions("slot", BUCKET, "account_id", "sequence")
    events = ordered.select(*_EVENT, BUCKET, _digest(F.lit(task.compaction)).alias(DIGEST))
    root, month, compaction = task.lake, task.month, task.compaction  # the worker needs nothing else

    def write(batches: Iterable[Any]) -> Iterator[Any]:
        return month_files.write(batches, root, month, compaction)

    return _by_day(events.mapInArrow(write, FIGURES), F.sum("events"))


def _figures_in(session: SparkSession, task: MonthTask) -> Figures:
    """Read the files back."""
    files = [f"{task.lake}{key}" for key in month_keys(task.lake, task.month, task.compaction)]
    if not files:
        return {}
    columns = ", ".join(f"{column.name} {column.glue_type}" for column in table.MONTHS_COLUMNS)
    rows = _micros(session.read.schema(columns).parquet(*files))
    return _by_day(rows.withColumn(DIGEST, _digest(F.col(COMPACTION.name))), F.count("*"))


def _by_day(rows: DataFrame, events: Column) -> Figures:
    """The figures of each day. A sum of digests wraps around at 64 bits, here and in pyarrow."""
    amount = F.coalesce(F.sum("amount").cast("decimal(38,2)"), F.lit(0).cast("decimal(38,2)"))
    return {day: tuple(figures) for day, *figures in rows.groupBy("dt").agg(events, amount, F.sum(DIGEST)).collect()}


def _micros(rows: DataFrame) -> DataFrame:
    """The rows, with times in microseconds since 1970, so that no time zone matters."""
    return rows.withColumns({name: F.unix_micros(name) for name in _TIMES})


def _digest(compaction: Column) -> Column:
    """A hash of all values. `xxhash64` skips null, so it is also given which values are null."""
    return F.xxhash64(*_EVENT, compaction, *(F.col(name).isNull() for name in _EVENT))


def _slots(session: SparkSession, count: int) -> list[str]:
    """A number for each of so many partitions, which Spark's hash puts into that partition.

    The hash of the buckets themselves would leave many partitions empty, and put several buckets into others.
    """
    hashed = session.range(100 * count).selectExpr("int(id) AS id", f"pmod(hash(int(id)), {count}) AS slot")
    found = dict(hashed.groupBy("slot").agg(F.min("id")).collect())
    return [str(found[number]) for number in range(count)]


def _array(values: Iterable[str]) -> str:
    return f"array({', '.join(values)})"
