"""The daily totals: their schedule, runs that it could not start, and their age."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from consumers.lake.table import EVENTS_PREFIX
from ops.doctor.finding import Finding, Kind, named
from ops.doctor.stack_view import StackView
from ops.lake.deployed_lake import Lake

WHY = "Balances and reports lack the newest changes, until somebody refreshes the totals."
SCHEDULE_DISABLED = Kind("totals-schedule-disabled", WHY, "laketotalsmissing")
NOT_STARTED = Kind("totals-not-started", WHY, "laketotalsnotdelivered")
STALE = Kind("totals-stale", WHY, "laketotalsmissing")
STALE_AFTER = timedelta(hours=2)
"""The schedule refreshes them every hour."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the refresh of the totals by the stack, and the totals."""
    yield from _schedule(view)
    queue = view.physical_ids["LakeTotalsNotInvoked"]
    attributes = view.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    if count := int(attributes["ApproximateNumberOfMessages"]):
        what = f"{count} runs of the refresh could not be started."
        yield NOT_STARTED.at(queue, what, f"aws sqs purge-queue --queue-url {queue}")
    lake = view.lake
    stale = [day for day in lake.totals().outdated() if view.now - _newest(lake, day) > STALE_AFTER]
    if stale:
        what = f"The totals of {len(stale)} days have not been updated for more than two hours."
        yield STALE.at(named(stale), what, f"account-events lake totals{view.option}")


def _schedule(view: StackView) -> Iterator[Finding]:
    name, group = "LakeTotalsSchedule", view.physical_ids["LakeTotalsSchedules"]
    schedule, client = view.physical_ids[name].rpartition("/")[2], view.client("scheduler")
    found = client.get_schedule(Name=schedule, GroupName=group)
    if found["State"] != "ENABLED":
        expected = view.properties(name)
        repair = (
            f"aws scheduler update-schedule --name {schedule} --group-name {group} --state ENABLED "
            f"--schedule-expression '{expected['ScheduleExpression']}' "
            f"--flexible-time-window '{json.dumps(expected['FlexibleTimeWindow'])}' "
            f"--target '{json.dumps(found['Target'])}'"
        )
        yield SCHEDULE_DISABLED.at(name, f"The schedule {name} is disabled.", repair)


def _newest(lake: Lake, day: str) -> Any:  # noqa: ANN401 -- S3's time
    """When the newest file of a day was written."""
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=f"{EVENTS_PREFIX}dt={day}/")
    return max(found["LastModified"] for page in pages for found in page.get("Contents", ()))
