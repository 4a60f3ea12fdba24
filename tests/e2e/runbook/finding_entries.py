"""Scenarios of doctor's findings that have no alarm."""

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ops.doctor.run import CHECKS
from tests.e2e.doctor_faults import (
    SAVED,
    changed_row,
    damaged_file,
    deleted_row,
    no_recovery,
    short_retention,
    stray_file,
    wrong_snapshot,
)
from tests.e2e.doctor_setting_faults import may_be_public
from tests.e2e.runbook.causes import UNDO, undo
from tests.e2e.runbook.lake_entries import AGREE
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario
from tests.support.template_stack import RESOURCES

NO_TRAIL = '"Events": []'
COPY = "account-events-copy"


def is_reported(op: Operator, kind: str) -> bool:
    """Whether doctor, as the entry runs it, reports this kind of finding."""
    return f"{kind}: " in op.over("doctor")


@scenario("check-incomplete")
def check_incomplete(op: Operator) -> None:
    """The operator's credentials may not simulate policies."""

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SimulatePrincipalPolicy")

    events = op.world.examined.client("iam").meta.events
    events.register("before-call.iam.SimulatePrincipalPolicy", refuse)
    seen = op.repair()
    assert "check-incomplete: The check of permissions could not be completed" in seen
    assert "arn:aws:" in op.look()
    events.unregister("before-call.iam.SimulatePrincipalPolicy", refuse)
    seen = op.repair()
    assert "check-incomplete" not in seen
    assert f"{len(CHECKS)} of {len(CHECKS)} checks completed" in seen


@scenario("table-missing", UNDO)
def table_missing(op: Operator) -> None:
    """The read model's table is deleted. For the ledger's, see tests/e2e/test_restore.py; here it begins."""
    tables, name = op.client("dynamodb"), op.output("OwnedTableName")
    tables.update_table(TableName=name, DeletionProtectionEnabled=False)
    tables.delete_table(TableName=name)
    assert is_reported(op, "table-missing")
    assert "BackupSummaries" in op.look(TABLE=name)
    op.repair("put-function-concurrency")
    assert op.world.api.command(op.world.second, "credit", "1.00").status_code in {429, 503}
    op.repair("increase-stream-retention-period")
    op.client("lambda").delete_function_concurrency(FunctionName=op.output("ApiFunctionName"))
    op.client("kinesis").decrease_stream_retention_period(
        StreamName=op.output("EventStreamName"), RetentionPeriodHours=168
    )
    undo(op, lambda: create_table(op, "AccountsByOwner", name), "AccountsByOwner")
    assert "rebuilt from" in op.repair("owners rebuild")
    op.world.settle()
    assert not is_reported(op, "table-missing")


def create_table(op: Operator, logical_id: str, name: str) -> None:
    """Create a table as CloudFormation does from the template."""
    names = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
    properties = {key: value for key, value in op.view.properties(logical_id).items() if key in names}
    op.client("dynamodb").create_table(TableName=name, **properties)
    recovery = RESOURCES[logical_id]["Properties"].get("PointInTimeRecoverySpecification")
    if recovery:
        op.client("dynamodb").update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


@scenario("recovery-off")
def recovery_off(op: Operator) -> None:
    no_recovery(op.world)
    name = op.output("TableName")
    assert is_reported(op, "recovery-off")
    assert '"PointInTimeRecoveryStatus": "DISABLED"' in op.look(TABLE=name)
    op.repair(TABLE=name)
    assert not is_reported(op, "recovery-off")
    [backup] = [
        each
        for each in op.client("dynamodb").list_backups(TableName=name)["BackupSummaries"]
        if each["BackupName"] == "after-recovery-was-off"
    ]
    op.client("dynamodb").delete_backup(BackupArn=backup["BackupArn"])


@scenario("protection-off", injected="Local tables have no protection, and doctor expects none: only the commands run.")
def protection_off(op: Operator) -> None:
    name = op.output("TableName")
    assert "false" in op.look("describe-table", TABLE=name)
    op.look("lookup-events")
    op.repair(TABLE=name)
    assert "true" in op.look("describe-table", TABLE=name)
    assert not is_reported(op, "protection-off")
    op.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)


@scenario("ledger-row-wrong")
def ledger_row_wrong(op: Operator) -> None:
    """A row is changed, later deleted. The emulator copies the table as it is now, so the copy's row is set back."""
    world = op.world

    def restored(parameters: dict[str, Any]) -> dict[str, Any]:
        tables = world.client("dynamodb")
        found = tables.restore_table_to_point_in_time(
            SourceTableName=parameters["SourceTableName"],
            TargetTableName=parameters["TargetTableName"],
            UseLatestRestorableTime=True,
        )
        tables.get_waiter("table_exists").wait(TableName=COPY, WaiterConfig={"Delay": 0.1})
        tables.put_item(TableName=COPY, Item=SAVED.pop())
        return {"TableDescription": {"TableName": found["TableDescription"]["TableName"]}}

    op.stubs["dynamodb", "restore-table-to-point-in-time"] = restored  # type: ignore[assignment]
    changed_row(world)
    words = {"ACCOUNT": world.first, "ROW": "3"}
    assert "1 account with findings" in op.look(**words)
    assert float(json.loads((op.folder / "found.json").read_text())["Balance"]["N"]) == 1_000_000
    assert "0 accounts with findings" in op.repair("restore-table-to-point-in-time", TIME=now(), **words)
    seen = op.repair("restore rows", **words)
    assert f"row {world.first}/3 is different" in seen
    assert "1 stored, 0 missing" in seen
    op.repair("--timeout")
    seen = op.repair("release --all")
    op.repair("delete-table")
    assert "0 accounts with findings" in seen
    assert "0 accounts released" in seen
    deleted_row(world)
    assert "1 account with findings" in op.look("check")
    op.repair("restore-table-to-point-in-time", TIME=now(), **words)
    seen = op.repair("restore rows", **words)
    assert f"row {world.first}/3 is missing" in seen
    assert "0 accounts with findings" in op.repair("release --all")
    op.repair("delete-table")
    wrong_snapshot(world)
    assert "1 account with findings" in op.look("check")
    assert "1 snapshot stored" in op.repair("restore snapshots", **words)
    world.settle()
    assert AGREE in op.over()


@scenario("events-not-published")
def events_not_published(op: Operator) -> None:
    """The projector's mapping stands still while a row is written; then its events are published again."""
    world = op.world
    assert world.deployment.mapping.stop()
    world.credit(world.second)
    op.await_(lambda: is_reported(op, "events-not-published"), "events-not-published")
    op.look()
    world.start()
    op.repair(ACCOUNT=world.second)
    world.settle()
    assert not is_reported(op, "events-not-published")


@scenario("bucket-settings-differ")
def bucket_settings_differ(op: Operator) -> None:
    may_be_public(op.world)
    bucket = op.output("LakeBucketName")
    assert is_reported(op, "bucket-settings-differ")
    op.look(BUCKET=bucket)
    assert AGREE in op.repair(BUCKET=bucket)
    assert '"BlockPublicPolicy": true' in op.look("get-public-access-block", BUCKET=bucket)
    assert not is_reported(op, "bucket-settings-differ")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@scenario("retention-short")
def retention_short(op: Operator) -> None:
    short_retention(op.world)
    assert is_reported(op, "retention-short")
    seen = op.look()
    assert "24" in seen
    assert "OK" in seen
    seen = op.repair()
    assert ": 0 differ from the ledger" in seen
    assert AGREE in seen
    assert not is_reported(op, "retention-short")


@scenario("lake-file-damaged")
def lake_file_damaged(op: Operator) -> None:
    damaged_file(op.world)
    key = SAVED.pop()
    seen = op.look(KEY=key)
    assert key in seen
    assert "is not a valid file of the lake's table" in seen
    assert AGREE in op.repair(KEY=key)
    op.world.delete_from_lake(f"damaged/{key}")


@scenario("lake-files-stray")
def lake_files_stray(op: Operator) -> None:
    stray_file(op.world)
    seen = op.look()
    assert "events/readme.txt: belongs to no partition" in seen
    assert "1 stray" in seen
    assert AGREE in op.repair(KEY="events/readme.txt")
    op.world.delete_from_lake("stray/events/readme.txt")


@scenario("lake-view-differs", injected="The local stack has no views: only the commands run.")
def view_differs(op: Operator) -> None:
    view = {"Name": "events", "TableType": "VIRTUAL_VIEW", "UpdateTime": datetime.now(UTC)}
    op.stubs["glue", "get-table"] = lambda _: {"Table": view}
    assert "VIRTUAL_VIEW" in op.look("get-table")
    op.look("account_months")
    seen = op.repair()
    assert "account_history: " in seen
    assert "All closed days are compacted." in seen
    assert not is_reported(op, "lake-view-differs")
