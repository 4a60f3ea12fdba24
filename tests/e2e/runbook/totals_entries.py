"""Scenarios of the alarms on daily totals and reconciliation."""

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from account_core.rows.items import to_item
from consumers.lake import table
from ops.lake.query.history_store import HistoryStore
from tests.e2e.doctor_faults import lost_files, no_schedule, not_started
from tests.e2e.runbook.api_entries import LIMIT
from tests.e2e.runbook.causes import RESTORE, UNDO, lose_permission, restore_permission, undo
from tests.e2e.runbook.lake_entries import AGREE
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario
from tests.support.compacted_lake import fit_manifest
from tests.support.ledger_and_lake import START, history
from tests.support.waiting import await_condition

SETTLE_S = 120.0
OLD, MONTH = "a-old-month", f"{START:%Y-%m}"

UP_TO_DATE = "All daily totals are up to date."


def refresh(op: Operator) -> dict[str, Any]:
    """Invoke the function as its schedule does, and return the response."""
    name = op.output("LakeTotalsFunctionName")
    found: dict[str, Any] = op.world.deployment.address.client("lambda", 60.0, attempts_max=1).invoke(
        FunctionName=name, Payload=b"{}"
    )
    return found


def assert_refreshed(op: Operator) -> None:
    """The totals are refreshed by the command, and then the next scheduled run succeeds."""
    assert UP_TO_DATE in op.repair("lake totals") + op.repair("lake totals")
    op.mark()
    assert "FunctionError" not in refresh(op)
    op.assert_ok()


@scenario("LakeTotalsMissing", UNDO)
def totals_missing(op: Operator) -> None:
    """The schedule is disabled."""
    client, group = op.client("scheduler"), op.output("LakeTotalsScheduleGroupName")
    [listed] = client.list_schedules(GroupName=group)["Schedules"]
    found = client.get_schedule(Name=listed["Name"], GroupName=group)
    intact = {key: found[key] for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    no_schedule(op.world)
    op.mark()
    op.assert_alarm()
    assert '"State": "DISABLED"' in op.look()
    undo(op, lambda: client.update_schedule(**intact, State="ENABLED"), "LakeTotalsSchedule")
    assert '"State": "ENABLED"' in op.look("list-schedules")
    assert_refreshed(op)


@scenario("LakeTotalsFails", RESTORE)
def totals_fail(op: Operator) -> None:
    """The function may no longer read the lake."""
    lose_permission(op, "LakeTotalsFunctionRole", "refresh-totals")
    answer = refresh(op)
    assert answer.get("FunctionError")
    op.log("LakeTotalsFunctionLogs", {"log_level": "ERROR", **json.loads(answer["Payload"].read())})
    op.assert_alarm()
    assert "ERROR" in op.look()
    restore_permission(op, "LakeTotalsFunctionRole", "refresh-totals")
    op.repair("lake tables")
    assert_refreshed(op)


@scenario("LakeTotalsThrottled", LIMIT)
def totals_throttled(op: Operator) -> None:
    """Somebody reserved no concurrency for the function."""
    functions, name = op.client("lambda"), op.output("LakeTotalsFunctionName")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        refresh(op)
    op.assert_alarm()
    assert '"ReservedConcurrentExecutions": 0' in op.look()
    op.stubs["service-quotas", "request-service-quota-increase"] = lambda _: {}
    op.procedure(LIMIT, "service-quotas")
    assert_refreshed(op)


@scenario(
    "LakeTotalsNotDelivered",
    UNDO,
    injected="The emulator's schedule always reaches the function: the message is put into the queue by hand.",
)
def totals_not_delivered(op: Operator) -> None:
    not_started(op.world)
    sqs, queue = op.client("sqs"), op.output("LakeTotalsNotInvokedUrl")
    waiting = "ApproximateNumberOfMessages"

    def messages() -> int:
        return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[waiting])["Attributes"][waiting])

    op.metric(messages())
    op.assert_alarm()
    assert '"Body": "{}"' in op.look()
    undo(op, lambda: None, "LakeTotalsSchedule")
    op.repair()
    op.mark()
    op.metric(messages())
    op.assert_ok()


@scenario("ReconciliationMissing")
def reconciliation_missing(op: Operator) -> None:
    op.mark()
    op.assert_alarm()
    op.stubs["scheduler", "list-schedules"] = lambda _: {"Schedules": [{"Name": "reconcile", "State": "DISABLED"}]}
    assert "DISABLED" in op.look()
    assert AGREE in op.repair()
    op.assert_ok()
    assert "latest.json" in op.look("s3 ls")


@scenario("ReconciliationFinds")
def reconciliation_finds(op: Operator) -> None:
    """All files of the lake are deleted."""
    lost_files(op.world)
    seen = op.look()
    assert "missing: run" in seen
    assert ": 0 differ from the ledger" in seen
    assert "No account is parked." in seen
    assert {json.loads(line)["kind"] for line in (op.folder / "findings.jsonl").read_text().splitlines()} == {"missing"}
    op.assert_alarm()
    assert "0 accounts with findings" in op.repair("check")
    op.repair("lake backfill")
    op.mark()
    assert AGREE in op.look("reconcile")
    op.assert_ok()
    wrong_month(op)
    assert f"{OLD} event 2 compacted: account_months of {MONTH} has balance '7.00', not '1.00'" in op.look("reconcile")
    assert f"{MONTH}: 2 events compacted" in op.repair("lake compact", MONTH=MONTH)
    assert AGREE in op.look("reconcile")


def wrong_month(op: Operator) -> None:
    """A month is compacted, and a row of its files is wrong from the beginning."""
    for row in history(OLD, "1.00"):
        op.world.put_row(to_item(row))
    await_condition(lambda: AGREE in op.look("reconcile"), "the lake has the old events", SETTLE_S)
    op.world.settle()
    op.world.run("account-events lake compact")
    s3, bucket = op.client("s3"), op.world.outputs["LakeBucketName"]
    [key] = op.world.lake_keys(table.month_prefix(MONTH, table.bucket_of(OLD)))
    read = pq.ParquetFile(BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())).read()
    rows = [row | {"balance": Decimal("7.00")} if row["sequence"] == 2 else row for row in read.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=read.schema), body := BytesIO())
    s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())
    fit_manifest(HistoryStore(s3, bucket), MONTH)
