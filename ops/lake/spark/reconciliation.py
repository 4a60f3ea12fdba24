"""Reconciles a lake with an export of its ledger, in a Spark session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from ops.lake.query.files import AHEAD_MAX
from ops.lake.query.history import History
from ops.lake.reconcile.outcome import result_of
from ops.lake.reconcile.result import STRAYS_MAX, Files, Finding, ReconciliationResult
from ops.lake.spark import lake, ledger
from ops.lake.spark.comparison import SparkComparison
from ops.lake.spark.locations import lake_files, month_files, problems
from ops.ledger.export.location import FoundExport
from ops.ledger.export.manifest import INEXACT_S, NEW, BadExport, repeated_row

ROWS_PER_PARTITION = 250_000
"""So that a partition of both sides, about 100 MB, is sorted in memory."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to reconcile.

    Attributes:
        export: the export, with its manifests checked.
        lake: the lake's folder or bucket, with a slash at the end.
        first_day: the table's first partition.
        grace: how long an event may take to reach the lake.
        now: the current time, UTC.
        history: what queries read from `account_months`, given the digests of the files below `events/`.
    """

    export: FoundExport
    lake: str
    first_day: str
    grace: timedelta
    now: datetime
    history: Callable[[Mapping[str, str]], History]

    @property
    def cut(self) -> datetime:
        """Younger events may be missing on either side.

        An export may lack rows of its last minutes, while the lake has all events until now.
        """
        return self.export.export.export_time - max(self.grace, timedelta(seconds=INEXACT_S))


def reconciled(
    session: SparkSession, task: Task, found: Callable[[Finding], None], doing: Callable[[str], None]
) -> ReconciliationResult:
    """The result, with the export's time as the time of the comparison.

    Args:
        session: the Spark session.
        task: what to reconcile.
        found: called with every finding, ordered by account and sequence.
        doing: called at the start of each step.

    Raises:
        BadExport: a data file is damaged or not DynamoDB JSON, or the export has a row twice.
        FileDamaged: a file of the lake is damaged or does not match the table.
    """
    export, place = task.export.export, task.export.files.name
    doing(f"checking the export's {len(export.files)} data files")
    refuse_damaged_data(session, task.export)
    files = lake_files(task.lake)
    keys = files.keys(task.first_day)
    doing(f"checking the columns of the lake's {len(keys)} files")
    lake.refuse_other_types(session, task.lake, keys)
    doing(f"comparing the lake with {export.items:,} rows of the ledger")
    lines = ledger.lines_of(session, [f"{place}{file.key}" for file in export.files if file.items])
    lake_rows = lake.read(session, task.lake, keys)
    comparison = _compared(session, task, lines, lake_rows, doing)
    if (repeated := comparison.repeated()) is not None:
        raise repeated_row(place, *repeated)
    history = task.history(files.digests)
    if history.months:
        months = month_files(task.lake, history)
        doing(f"comparing {len(months)} compacted files with the lake")
        lake.refuse_other_types(session, task.lake, months, lake.MONTHS_COLUMNS)
        comparison.take_months(lake.read_months(session, task.lake, months), history)
    doing("collecting the findings")
    at = export.export_time
    strays = files.strays(task.now.date())
    return replace(
        result_of(comparison, at, found), files=Files(files.digests, len(strays), tuple(strays[:STRAYS_MAX]))
    )


def refuse_damaged_data(session: SparkSession, export: FoundExport) -> None:
    """Check all data files, on all workers.

    Raises:
        BadExport: a data file is damaged, or has another number of items than the manifest.
    """
    place, files = export.files.name, export.export.files
    if files:
        work = session.sparkContext.parallelize(files, len(files))
        if found := work.mapPartitions(lambda each: problems(place, each)).collect():
            raise BadExport(min(found))


def _compared(
    session: SparkSession, task: Task, lines: DataFrame, lake_rows: DataFrame, doing: Callable[[str], None]
) -> SparkComparison:
    def compare(ledger_rows: DataFrame, transfers: DataFrame) -> SparkComparison:
        partitions = max(session.sparkContext.defaultParallelism, task.export.export.items // ROWS_PER_PARTITION + 1)
        session.conf.set("spark.sql.shuffle.partitions", partitions)
        return SparkComparison(
            session,
            ledger_rows,
            ledger.transfers(transfers),
            lake_rows,
            cut=task.cut,
            latest=task.now + AHEAD_MAX,
            partitions=partitions,
        )

    rows = ledger.read(lines)
    of_transfers = ledger.read_by_spark(ledger.read(ledger.lines_of_transfers(lines)))
    first = compare(rows, of_transfers)
    if number := first.untranslated().count():
        doing(f"reading {number:,} rows that are not of the current format, then comparing again")
        translated = ledger.translated(session, first.untranslated())
        if no_item := translated.where(translated["reason"] == ledger.NO_ITEM).head():
            raise BadExport(
                f"{task.export.files.name}: a line is not an item in DynamoDB JSON: {no_item['account_id']!r}. {NEW}"
            )
        return compare(ledger.read_by_spark(rows).unionByName(translated), of_transfers.unionByName(translated))
    return first
