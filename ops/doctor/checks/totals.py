"""The daily totals: runs that the schedule could not start, and their age."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from consumers.lake.table import EVENTS_PREFIX
from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, named
from ops.doctor.stack_view import StackView
from ops.terminal import counted

WHY = "Balances and reports lack the newest changes, until somebody refreshes the totals."
NOT_STARTED = Kind("totals-not-started", WHY, "laketotalsnotdelivered")
STALE = Kind("totals-stale", WHY, "laketotalsmissing")
STALE_AFTER = timedelta(hours=2)
"""The schedule refreshes them every hour, at first within an hour after the deployment that created it."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the refresh of the totals by the stack, and the totals."""
    name = "LakeTotalsNotInvoked"
    for queue in [view.physical_ids[name]] if name in view.physical_ids else ():
        attributes = found(
            partial(
                view.client("sqs").get_queue_attributes,
                QueueUrl=queue,
                AttributeNames=["ApproximateNumberOfMessages"],
            )
        )
        if attributes is None:
            yield deleted(view, name)
        elif count := int(attributes["Attributes"]["ApproximateNumberOfMessages"]):
            refresh = f"account-events lake totals{view.option} && aws sqs purge-queue --queue-url {queue}"
            yield NOT_STARTED.at(queue, f"{counted(count, 'run')} of the refresh could not be started.", refresh)
    lake = view.lake
    before = view.now - STALE_AFTER
    stale = [] if view.changed_at > before else [day for day in lake.totals().outdated() if _newest(view, day) < before]
    if stale:
        what = f"The totals of {counted(len(stale), 'day')} have not been updated for more than two hours."
        yield STALE.at(named(stale), what, f"account-events lake totals{view.option}")


def _newest(view: StackView, day: str) -> datetime:
    """When the newest file of a day was written; now if somebody has just removed its files."""
    lake = view.lake
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=f"{EVENTS_PREFIX}dt={day}/")
    return max((found["LastModified"] for page in pages for found in page.get("Contents", ())), default=view.now)
