"""One reconciliation of a deployed stack: wiring, progress, and where the result is kept."""

import gc
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.grace import delivery_s
from ops.lake.reconcile.ledger_pages import scans_unparsed
from ops.lake.reconcile.reconciler import Reconciler
from ops.lake.reconcile.result import LATEST_KEY, Files, Finding, ReconciliationResult, to_json
from ops.replay.display import Display
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import SEGMENTS
from ops.replay.pace import READ_UNITS_MAX, ReadPace, Unpaced
from ops.replay.state import Counts
from ops.terminal import err

SETTLE_S = 2.0
"""What was about to arrive at the first look has usually done so by then."""
LOCAL_GRACE_S = 15.0
LOCAL_SEGMENTS = 1
"""The emulator goes through the whole table for every page, and hashes every row to find its segment."""
COLLECTED_AFTER_OBJECTS = 200_000
SHOWN_MAX = 20


def reconciled(
    lake: Lake,
    *,
    read_units_max: float | None = None,
    grace_s: float | None = None,
    found: Callable[[Finding], None] = lambda _finding: None,
) -> ReconciliationResult:
    """The verdict on a lake and its ledger, with progress on stderr; see `reconcile`.

    Args:
        lake: it.
        read_units_max: see the command's option.
        grace_s: likewise.
        found: gets every finding.
    """
    files = LakeFiles.of(lake.s3, lake.bucket)  # before they are read: what changes meanwhile is not vouched for
    dynamodb = lake.deployment.client("dynamodb")
    scans_unparsed(dynamodb)
    stop = threading.Event()
    source = DynamoDBSource(dynamodb, lake.outputs["TableName"], wait=stop.wait, jitter=random.random)
    size = source.size()
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
        stop=stop.set,
    )
    expected = None if lake.is_local else size.read_units  # the emulator counts units of its own
    with _collecting_rarely(), Display(err, expected, Counts()) as display:
        verdict = reconciler.reconcile(found, display.update)
    strays = files.strays(verdict.compared_at.date())
    return replace(verdict, files=Files(files.digests, len(strays), tuple(strays[:SHOWN_MAX])))


def keep(lake: Lake, verdict: ReconciliationResult) -> None:
    """In the lake's bucket, as the latest and under its time."""
    body = to_json(verdict)
    for key in (verdict.key, LATEST_KEY):
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body, ContentType="application/json")


def grace_of(lake: Lake) -> float:
    """How many seconds an event may take to the lake."""
    if lake.is_local:
        return LOCAL_GRACE_S
    return delivery_s(float(lake.outputs["LakeBufferSeconds"]))


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """A page is tens of thousands of objects and no cycle: looking for some took an eighth of this process's time."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTED_AFTER_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
