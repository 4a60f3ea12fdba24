"""The Spark job of `account-events reconcile`: `python -m ops.lake.spark.job`, or the script of a job of AWS Glue.

See `process` for its messages. Differences are no failure: the result counts them, and the exit code is 0.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.lake.query.history import History
from ops.lake.reconcile.metrics import NAMESPACE, metric_data
from ops.lake.reconcile.result import Finding, ReconciliationResult, finding_line
from ops.lake.spark.locations import history_in, root_of, s3_client, save
from ops.lake.spark.process import add_options, exit_code, report, spark_session
from ops.lake.spark.reconciliation import Task, reconciled
from ops.ledger.export.location import find_export
from ops.ledger.export.manifest import Table


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options. Others are ignored, because Glue passes its own."""
    parser = argparse.ArgumentParser(prog="python -m ops.lake.spark.job", description=__doc__, allow_abbrev=False)
    parser.add_argument("--export", required=True, help="the export: a folder or s3://BUCKET/PREFIX/")
    parser.add_argument("--lake", required=True, help="the lake: a folder or s3://BUCKET")
    parser.add_argument("--table-arn", required=True, help="the accounts table, of which it must be an export")
    parser.add_argument("--table-id", help="the accounts table's id, if it is known")
    parser.add_argument("--first-day", required=True, help="the stack's output LakeFirstDay")
    parser.add_argument("--grace-s", required=True, type=float, help="how long an event may take to reach the lake")
    parser.add_argument("--result", required=True, help="where to write the result: a file or s3://BUCKET/KEY")
    parser.add_argument("--findings", help="a file for all findings, one JSON object per line")
    parser.add_argument("--stack", help="the stack whose metrics of the reconciliation are published; none if omitted")
    parser.add_argument("--history", help="a file with what queries read from account_months, if the lake is a folder")
    add_options(parser)
    return parser.parse_known_args(arguments)[0]


def run(given: argparse.Namespace) -> ReconciliationResult:
    """Reconcile, and write and publish the result. On Glue, an exception is what makes a run fail."""
    now = datetime.now(UTC)
    place = given.export if given.export.startswith("s3://") else str(Path(given.export).resolve())
    export = find_export(s3_client(place), place, Table(given.table_arn, given.table_id), "")
    root = root_of(given.lake)
    task = Task(
        export,
        root,
        given.first_day,
        timedelta(seconds=given.grace_s),
        now,
        lambda digests: _history(given, root, digests),
    )
    with ExitStack() as stack:
        spark = stack.enter_context(spark_session(given))
        file = stack.enter_context(Path(given.findings).open("w", encoding="utf-8")) if given.findings else None

        def found(finding: Finding) -> None:
            if file is not None:
                file.write(finding_line(finding) + "\n")

        result = reconciled(spark, task, found, lambda step: report(doing=step))
        # Before Spark is stopped, because AWS does not document how long Glue lets a program run after that.
        save(result, given.result, task.lake)
        if given.stack:
            _publish(result, given.stack)
    return result


def _history(given: argparse.Namespace, root: str, digests: Mapping[str, str]) -> History:
    if given.history:
        return History.from_json(Path(given.history).read_text(encoding="utf-8"))
    return history_in(root, digests)


def _publish(result: ReconciliationResult, stack_name: str) -> None:
    import boto3  # noqa: PLC0415 -- only jobs on AWS publish

    data = metric_data(result, stack_name, datetime.now(UTC))
    boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)


def _work(arguments: Sequence[str]) -> str:
    result = run(parsed(arguments))
    return f"done: {result.events} events compared, {result.differences} differences"


if __name__ == "__main__":
    sys.exit(exit_code(lambda: _work(sys.argv[1:])))
