"""Runs a reconciliation of a deployed stack: wiring, progress, and storage of the result."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from local_stack.errors import CommandError
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.grace import grace_of
from ops.lake.reconcile.ledger_pages import skip_scan_parsing
from ops.lake.reconcile.metrics import NAMESPACE, metric_data
from ops.lake.reconcile.reconciler import Reconciler
from ops.lake.reconcile.result import LATEST_KEY, STRAYS_MAX, Files, Finding, ReconciliationResult, to_json
from ops.replay.display import Display
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import SEGMENTS
from ops.replay.pace import READ_UNITS_MAX, ReadPace, Unpaced
from ops.replay.state import Counts
from ops.terminal import err

LOCAL_ROWS_MAX = 20_000_000
"""The most rows of the table for which the engine `local` is a good choice. It reads 13,000 rows a second
(benchmarks/reconcile.py), so this many take half an hour. The credentials of an assumed role often expire after an hour
(docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html, role chaining), and then all of the run would be lost."""
SETTLE_S = 2.0
"""Seconds before missing events are looked for again. Events in flight have usually arrived by then."""
LOCAL_SEGMENTS = 1
"""More segments would be slower: for every page, the emulator reads the whole table and hashes every row."""


class TooLarge(CommandError):
    """The engine `local` refuses a table of this size."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            f"The accounts table has about {rows:,} rows; the engine local is made for up to {LOCAL_ROWS_MAX:,}. Use "
            "--engine aws, or make an export with `account-events export` and use --engine spark --export latest."
        )


def run_reconciliation(
    lake: Lake,
    *,
    read_units_max: float | None = None,
    grace_s: float | None = None,
    found: Callable[[Finding], None] = lambda _finding: None,
) -> ReconciliationResult:
    """Compare a lake with its ledger, with progress on stderr.

    Args:
        lake: the deployed lake.
        read_units_max: the option of `account-events reconcile`.
        grace_s: the option of `account-events reconcile`.
        found: called with every finding.
    """
    files = LakeFiles.of(lake.s3, lake.bucket)  # before they are read, so that later changes count as not compared
    dynamodb = lake.deployment.client("dynamodb")
    skip_scan_parsing(dynamodb)
    stop = threading.Event()
    source = DynamoDBSource(dynamodb, lake.outputs["TableName"], wait=stop.wait, jitter=random.random)
    size = source.size()
    if size.rows > LOCAL_ROWS_MAX:
        raise TooLarge(size.rows)
    segments = LOCAL_SEGMENTS if lake.is_local else SEGMENTS
    if read_units_max is None and not lake.is_local:
        read_units_max = READ_UNITS_MAX
    reconciler = Reconciler(
        lake.duckdb,
        source,
        Unpaced() if read_units_max is None else ReadPace(read_units_max, time.monotonic, stop.wait),
        size.page_units(segments),
        segments,
        now=lambda: datetime.now(UTC),
        settle=lambda: time.sleep(SETTLE_S),
        grace=timedelta(seconds=grace_of(lake) if grace_s is None else grace_s),
        history=lake.history_store().history,
        months=lake.months,
        stop=stop.set,
    )
    expected = None if lake.is_local else size.read_units  # the emulator counts units differently
    with Display(err, expected, Counts()) as display:
        result = reconciler.reconcile(found, display.update)
    strays = files.strays(result.compared_at.date())
    return replace(result, files=Files(files.digests, len(strays), tuple(strays[:STRAYS_MAX])))


def save_result(lake: Lake, result: ReconciliationResult) -> None:
    """Write the result to the lake's bucket, both as the latest result and under its time."""
    body = to_json(result)
    for key in (result.key, LATEST_KEY):
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body, ContentType="application/json")


def publish_metrics(lake: Lake, result: ReconciliationResult) -> None:
    """Publish the metrics that the alarms on reconciliations read. Without the permission, print a warning instead."""
    data = metric_data(result, lake.outputs["StackName"], datetime.now(UTC))
    try:
        lake.deployment.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        err.print(
            "[yellow]![/] Your credentials do not allow cloudwatch:PutMetricData, so the alarm ReconciliationMissing "
            "does not count this run.",
            highlight=False,
            soft_wrap=True,
        )
