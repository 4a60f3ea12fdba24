"""Scenarios of the tables' alarms. The emulator throttles no table; a proxy in front of it refuses requests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.e2e.runbook.api_entries import request
from tests.e2e.runbook.causes import INTERNAL_ERROR, THROTTLED, UNDO, refusing_dynamodb, undo
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario


@scenario("LedgerThrottled")
def ledger_throttled(op: Operator) -> None:
    """Somebody limited the table, so writes are refused."""
    tables, name = op.client("dynamodb"), op.output("TableName")
    tables.update_table(
        TableName=name,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    with refusing_dynamodb(op, "ApiFunction", "AccountsTable", THROTTLED) as (refused, _):
        assert request(op).status_code == 503
    op.metric(refused["PutItem"] + refused["TransactWriteItems"], name="ledger_writes")
    op.metric(refused["Query"] + refused["GetItem"], name="ledger_reads")
    op.assert_alarm()
    seen = op.look()
    assert "PROVISIONED" in seen
    assert op.world.second in seen
    op.repair("--billing-mode PAY_PER_REQUEST")
    op.repair("--on-demand-throughput")
    op.repair("--warm-throughput")
    op.world.settle()
    assert "all agree" in op.repair("--read-units-max")
    assert "PROVISIONED" not in op.look("describe-table")
    op.mark()
    assert request(op).status_code == 200
    op.assert_ok()
    op.assert_ok("ProjectorIsBehind")


@scenario("LedgerFails")
def ledger_fails(op: Operator) -> None:
    """DynamoDB answers with an internal error."""
    with refusing_dynamodb(op, "ApiFunction", "AccountsTable", INTERNAL_ERROR) as (refused, _):
        assert request(op).status_code == 503
    for operation, metric in {"Query": "query", "PutItem": "put", "TransactWriteItems": "transaction"}.items():
        if refused[operation]:
            op.metric(refused[operation], name=metric)
    op.assert_alarm()
    seen = op.look()
    assert "ACTIVE" in seen
    assert '"code":"unavailable"' in seen.replace('": "', '":"')
    seen = op.repair()
    assert "0 accounts with findings" in seen
    assert "No account is parked." in seen
    assert "0 objects" in seen
    op.mark()
    assert request(op).status_code == 200
    op.assert_ok()


@scenario("ParkedAccountsThrottled", UNDO)
def parked_accounts_throttled(op: Operator) -> None:
    """The projector's requests to the table are refused, and its batch waits until they are accepted."""
    with refusing_dynamodb(op, "ProjectorFunction", "ParkedAccounts", THROTTLED) as (refused, accepting):
        request(op)
        op.await_(lambda: sum(refused.values()), "a refused request")
        op.metric(sum(refused.values()), name="parked_reads")
        op.assert_alarm()
        seen = op.look()
        assert "No account is parked." in seen
        assert "PAY_PER_REQUEST" in seen
        undo(op, accepting.set, "ParkedAccounts")
        assert "0 accounts released" in op.repair()
        op.mark()
        op.world.settle()
    op.assert_ok()
    op.assert_ok("ProjectorIsBehind")


@scenario("ReadModelThrottled", UNDO)
def read_model_throttled(op: Operator) -> None:
    """The read model's writes are refused, and its records wait until they are accepted."""
    with refusing_dynamodb(op, "AccountsByOwnerFunction", "AccountsByOwner", THROTTLED) as (refused, accepting):
        request(op)
        op.await_(lambda: sum(refused.values()), "a refused request")
        op.metric(sum(refused.values()), name="owned_writes")
        op.assert_alarm()
        op.await_(lambda: "Unavailable" in op.look(), "a line that names the error")
        assert op.look().count("PAY_PER_REQUEST") == 2
        undo(op, accepting.set, "AccountsByOwner")
        op.world.settle()
    seen = op.repair()
    assert "rebuilt from" in seen
    assert ": 0 differ from the ledger" in seen
    op.mark()
    op.assert_ok()


@scenario("BackupMissing", injected="The emulator has plans of AWS Backup only as records, and makes no backups.")
def backup_missing(op: Operator) -> None:
    """No job has run, so the metric has no data."""
    jobs: list[dict[str, Any]] = []

    def describe_stacks(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        role = {"OutputKey": "BackupRoleArn", "OutputValue": "arn:aws:iam::000000000000:role/backup"}
        stack = {"StackName": parameters["StackName"], "CreationTime": datetime.now(UTC), "Outputs": [role]}
        return {"Stacks": [stack | {"StackStatus": "UPDATE_COMPLETE"}]}

    def start(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert parameters["ResourceArn"].endswith(f"table/{op.output('TableName')}")
        assert parameters["IamRoleArn"].endswith("role/backup")
        jobs.append({"CreationDate": datetime.now(UTC), "State": "COMPLETED"})
        return {"BackupJobId": "1"}

    op.stubs |= {
        ("backup", "list-backup-jobs"): lambda _: {"BackupJobs": jobs},
        ("backup", "start-backup-job"): start,
        ("cloudformation", "describe-stacks"): describe_stacks,
    }
    op.assert_alarm()
    assert "COMPLETED" not in op.look()
    op.repair("start-backup-job")
    op.metric(1)
    assert "COMPLETED" in op.look()
    op.assert_ok()
    del op.stubs["cloudformation", "describe-stacks"]
