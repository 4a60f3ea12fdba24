"""Runs requests in one Spark session, because starting one takes seconds. Started by `.venv-spark/bin/python`.

Reads one JSON object per line from stdin, and writes the answer, or `{"error": ...}`, as one line to stdout.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from local_stack.errors import CommandError
from ops.lake.query.history import History
from ops.lake.reconcile.result import finding_line, to_json
from ops.lake.spark import ledger, session
from ops.lake.spark.canonical import LEDGER
from ops.lake.spark.canonical import read as read_lines
from ops.lake.spark.locations import root_of
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


def _text(value: object) -> str | None:
    return None if value is None else str(value)


OPERATIONS: dict[str, Callable[[SparkSession, Mapping[str, Any]], dict[str, Any]]] = {
    "reconcile": reconcile,
    "read": read,
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
