"""Runs requests in one Spark session, because starting one takes seconds. Started by `.venv-spark/bin/python`.

Reads one JSON object per line from stdin, and writes the answer, or `{"error": ...}`, as one line to stdout.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pyspark.sql import DataFrame, SparkSession

from local_stack.errors import CommandError
from ops.lake.query.account_months import Figures, refuse_other_events
from ops.lake.query.history import History
from ops.lake.reconcile.result import finding_line, to_json
from ops.lake.spark import compaction, lake, ledger, session
from ops.lake.spark.canonical import LEDGER
from ops.lake.spark.canonical import read as read_lines
from ops.lake.spark.locations import lake_files, root_of
from ops.lake.spark.reconciliation import Task, reconciled
from ops.ledger.export.location import find_export
from ops.ledger.export.manifest import Table


def reconcile(spark: SparkSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """The result and the findings, as `ops.lake.spark.job` writes them."""
    nothing: Any = None
    export = find_export(nothing, given["export"], Table(given["table_arn"], given["table_id"]), "")
    now = datetime.fromisoformat(given["now"])
    grace = timedelta(seconds=given["grace_s"])
    history = History.from_json(given["history"])
    found: list[str] = []
    task = Task(export, root_of(given["lake"]), given["first_day"], grace, now, lambda _: history)
    steps: list[str] = []
    result = reconciled(spark, task, lambda finding: found.append(finding_line(finding)), steps.append)
    return {"result": to_json(result).decode(), "findings": found, "steps": steps}


def read(spark: SparkSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """How Spark reads each line, `[kind, values]`, and the rows that Python makes of it."""
    frame = spark.createDataFrame([(line,) for line in given["lines"]], "value string").coalesce(1)
    answer = [
        [row["kind"], {name: _text(row[name]) for name in (*LEDGER, "version")}] for row in read_lines(frame).collect()
    ]
    columns = [*LEDGER, "reason", "version"]
    translated = [
        [dict(zip(columns, map(_text, each), strict=True)) for each in ledger.translated_rows([(line,)])]
        for line in given["lines"]
    ]
    return {"native": answer, "python": translated}


def compact(spark: SparkSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """The number of events. The files in `lost` disappear before they are verified."""
    written = compaction._written  # noqa: SLF001 -- between two steps of the job

    def then_lost(session: SparkSession, task: compaction.MonthTask, rows: DataFrame) -> Figures:
        figures = written(session, task, rows)
        for file in given.get("lost", ()):
            Path(file).unlink()
        return figures

    with patch.object(compaction, "_written", then_lost):
        return {"events": compaction.compacted(spark, _task(given), lambda _step: None)}


def verify(spark: SparkSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write, then verify with each of the `others` in place of a file, or without it; returns the refusals."""
    task = _task(given)
    rows = lake.rows(spark, task.lake, lake_files(task.lake).keys_of(task.days))
    expected = compaction._written(spark, task, rows)  # noqa: SLF001 -- as above
    return {"refused": [_refusal(spark, task, expected, *each) for each in given["others"]]}


def _refusal(spark: SparkSession, task: compaction.MonthTask, expected: Figures, file: str, other: str | None) -> str:
    """The error with another file in place of one, which is then put back."""
    kept = shutil.copy(file, f"{file}.kept")
    try:
        if other is None:
            Path(file).unlink()
        else:
            shutil.copy(other, file)
        refuse_other_events(compaction._figures_in(spark, task), expected)  # noqa: SLF001 -- as above
    except CommandError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.move(kept, file)
    return "nothing was refused"


def _task(given: Mapping[str, Any]) -> compaction.MonthTask:
    return compaction.MonthTask(root_of(given["lake"]), given["month"], frozenset(given["days"]), given["compaction"])


def partitions(spark: SparkSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """The partition of each slot."""
    slots = compaction._slots(spark, given["count"])  # noqa: SLF001 -- it depends on Spark's hash
    rows = spark.createDataFrame([(int(slot),) for slot in slots], "slot int").repartition(len(slots), "slot")
    return {"partitions": [row[0] for row in rows.selectExpr("spark_partition_id()").collect()]}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


OPERATIONS: dict[str, Callable[[SparkSession, Mapping[str, Any]], dict[str, Any]]] = {
    "reconcile": reconcile,
    "read": read,
    "compact": compact,
    "verify": verify,
    "partitions": partitions,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        spark = session.start(cores=1, memory="1g", folder=folder)
        try:
            for line in sys.stdin:
                given = json.loads(line)
                try:
                    answer = OPERATIONS[given["operation"]](spark, given)
                except CommandError as error:
                    answer = {"error": f"{type(error).__name__}: {error}"}
                print(json.dumps(answer), flush=True)  # noqa: T201 -- the answer
        finally:
            spark.stop()


if __name__ == "__main__":
    main()
