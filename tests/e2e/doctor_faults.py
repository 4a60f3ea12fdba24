"""The faults that `doctor` must find, each with the kinds of finding that it must report."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.e2e.doctor_world import World
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S
from tests.e2e.test_parking import records_of

Inject = Callable[[World], object]


def nothing(_world: World) -> None:
    """No further step is needed."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: of the test.
        inject: causes it.
        kinds: the kinds of finding that `doctor` must report, and no others.
        first: what the operator does before the commands of the findings, according to their runbook entry.
    """

    name: str
    inject: Inject
    kinds: frozenset[str]
    first: Inject = nothing


def fault(name: str, kinds: str, first: Inject = nothing) -> Callable[[Inject], Inject]:
    def registered(inject: Inject) -> Inject:
        FAULTS.append(Fault(name, inject, frozenset(kinds.split()), first))
        return inject

    return registered


FAULTS: list[Fault] = []
SAVED: list[Any] = []
"""What a fault replaced, for its repair by hand."""


@fault("the mapping's batch size is changed", "mapping-settings-differ")
def batch_size(world: World) -> None:
    world.client("lambda").update_event_source_mapping(UUID=world.outputs["MappingId"], BatchSize=1)


@fault("the mapping has no failure destination", "mapping-settings-differ")
def no_destination(world: World) -> None:
    world.client("lambda").update_event_source_mapping(
        UUID=world.outputs["MappingId"], DestinationConfig={"OnFailure": {}}
    )


@fault("the mapping does not report single failures", "mapping-settings-differ")
def no_item_failures(world: World) -> None:
    world.client("lambda").update_event_source_mapping(UUID=world.outputs["OwnedMappingId"], FunctionResponseTypes=[])


@fault("the projector's concurrency is 0", "function-throttled")
def throttled(world: World) -> None:
    world.client("lambda").put_function_concurrency(
        FunctionName=world.outputs["ProjectorFunctionName"], ReservedConcurrentExecutions=0
    )


@fault("a function's memory is changed", "function-settings-differ")
def memory(world: World) -> None:
    world.client("lambda").update_function_configuration(FunctionName=world.outputs["ApiFunctionName"], MemorySize=256)


@fault("a function writes to another table", "function-environment-differs")
def another_table(world: World) -> None:
    functions, name = world.client("lambda"), world.outputs["OwnedFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables = {**variables, "TABLE_NAME": "another"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@fault("the projector may not put records", "permission-missing")
def may_not_publish(world: World) -> None:
    world.client("iam").delete_role_policy(RoleName=world.physical("ProjectorFunctionRole"), PolicyName="publish")


@fault("the API may not write the ledger", "permission-missing")
def may_not_write(world: World) -> None:
    role = world.physical("ApiFunctionRole")
    client = world.client("iam")
    document = client.get_role_policy(RoleName=role, PolicyName="ledger")["PolicyDocument"]
    document = json.loads(json.dumps(document).replace('"dynamodb:PutItem"', '"dynamodb:GetItem"'))
    client.put_role_policy(RoleName=role, PolicyName="ledger", PolicyDocument=json.dumps(document))


@fault("a policy denies the transform its bucket", "permission-missing")
def denied(world: World) -> None:
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    world.client("iam").put_role_policy(
        RoleName=world.physical("LakeTransformFunctionRole"),
        PolicyName="keep-reasons",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@fault("point-in-time recovery is switched off", "recovery-off")
def no_recovery(world: World) -> None:
    world.client("dynamodb").update_continuous_backups(
        TableName=world.outputs["TableName"],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )


@fault("the event stream's retention is a day", "retention-short")
def short_retention(world: World) -> None:
    world.client("kinesis").decrease_stream_retention_period(
        StreamName=world.outputs["EventStreamName"], RetentionPeriodHours=24
    )


COPY = "account-events-copy"


def copied(world: World) -> None:
    """Restore the table aside, as of before the damage. The emulator copies the table as it is now, damage included."""
    tables = world.client("dynamodb")
    if COPY in tables.list_tables()["TableNames"]:
        tables.delete_table(TableName=COPY)
    tables.restore_table_to_point_in_time(
        SourceTableName=world.outputs["TableName"], TargetTableName=COPY, UseLatestRestorableTime=True
    )
    tables.put_item(TableName=COPY, Item=SAVED.pop())


@fault("a row is changed by hand", "ledger-row-wrong", first=copied)
def changed_row(world: World) -> None:
    SAVED.append(row := world.row(world.first, 3))
    world.put_row(row | {"Balance": {"N": "1000000.00"}})


@fault("a snapshot is wrong", "ledger-row-wrong")
def wrong_snapshot(world: World) -> None:
    world.put_row(world.row(world.first, 10) | {"Balance": {"N": "0.01"}})


@fault("a snapshot is deleted", "ledger-row-wrong")
def deleted_snapshot(world: World) -> None:
    world.delete_row(world.first, 10)


@fault("a row is deleted", "ledger-row-wrong", first=copied)
def deleted_row(world: World) -> None:
    SAVED.append(world.row(world.first, 3))
    world.delete_row(world.first, 3)


@fault("a row cannot be published", "account-parked ledger-row-wrong", first=lambda world: world.put_row(SAVED.pop()))
def poison(world: World) -> None:
    """An event of an unknown type is written by hand. It is repaired with the type that it should have."""
    version = world.newest(world.second)
    row = world.row(world.second, version)
    balance = Decimal(row["Balance"]["N"]) + Decimal("1.00")
    row |= {"Version": {"N": f"{version + 1}"}, "Sequence": {"N": f"{int(row['Sequence']['N']) + 1}"}}
    row |= {"Amount": {"N": "1.00"}, "Balance": {"N": f"{balance}"}, "Type": {"S": "CREDIT"}}
    row.pop("CommandId", None)
    SAVED.append(row)
    world.put_row(row | {"Type": {"S": "INTEREST"}})
    world.settle()


@fault("Lambda gave up rows", "records-discarded")
def discarded(world: World) -> None:
    payload = {"Records": records_of(world.deployment, world.second)}
    world.client("s3").put_object(
        Bucket=world.outputs["FailureBucketName"],
        Key="aws/lambda/discarded",
        Body=json.dumps({"payload": json.dumps(payload)}),
    )


@fault("an account of the read model waits for an event", "read-model-gap")
def gap(world: World) -> None:
    """The read model and its position go back by one event, so the next event finds a gap."""
    client, account = world.client("dynamodb"), {"AccountId": {"S": world.second}}
    table = world.outputs["OwnedTableName"]
    before = client.get_item(TableName=table, Key=account)["Item"]
    world.credit(world.second)
    world.settle()
    client.put_item(TableName=table, Item=before)
    world.credit(world.second)
    world.settle()


@fault("a row of the read model is damaged", "read-model-differs")
def damaged_view(world: World) -> None:
    world.client("dynamodb").update_item(
        TableName=world.outputs["OwnedTableName"],
        Key={"AccountId": {"S": world.second}},
        UpdateExpression="SET Balance = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "0.01"}},
    )


@fault("a row of the read model is deleted", "read-model-behind")
def lost_view(world: World) -> None:
    world.client("dynamodb").delete_item(
        TableName=world.outputs["OwnedTableName"], Key={"AccountId": {"S": world.second}}
    )


@fault("a file of the lake is deleted", "lake-lacks-events")
def lost_files(world: World) -> None:
    for found in world.lake_keys("events/"):
        world.delete_from_lake(found)


@fault("a file of the lake is damaged", "lake-file-damaged", first=lambda world: world.delete_from_lake(SAVED.pop()))
def damaged_file(world: World) -> None:
    SAVED.append(world.lake_keys("events/")[0].rpartition("/")[0] + "/damaged.parquet")
    world.put_in_lake(SAVED[-1], b"not Parquet")


@fault("a stray file is in the lake", "lake-files-stray")
def stray_file(world: World) -> None:
    world.put_in_lake("events/readme.txt", b"hello")


@fault("the last reconciliation is three days old", "reconciliation-old")
def old_reconciliation(world: World) -> None:
    world.run("account-events reconcile")
    [found] = [each for each in world.lake_keys("reconciliations/") if each.endswith("latest.json")]
    s3, bucket = world.client("s3"), world.outputs["LakeBucketName"]
    result = json.loads(s3.get_object(Bucket=bucket, Key=found)["Body"].read())
    old = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    world.put_in_lake(found, json.dumps(result | {"compared_at": old}).encode())


@fault("the schedule of the totals is disabled", "totals-schedule-disabled")
def no_schedule(world: World) -> None:
    client, group = world.client("scheduler"), world.outputs["LakeTotalsScheduleGroupName"]
    [schedule] = client.list_schedules(GroupName=group)["Schedules"]
    found = client.get_schedule(Name=schedule["Name"], GroupName=group)
    kept = {key: found[key] for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    client.update_schedule(**kept, State="DISABLED")


@fault("a run of the totals could not be started", "totals-not-started")
def not_started(world: World) -> None:
    world.client("sqs").send_message(QueueUrl=world.outputs["LakeTotalsNotInvokedUrl"], MessageBody="{}")


@fault("the projector's mapping has stopped", "mapping-not-polling events-not-published")
def stopped_mapping(world: World) -> None:
    assert world.deployment.mapping.stop()
    world.credit(world.second)
    world.await_finding("mapping-not-polling")


@fault("the delivery to the lake has stopped", "lake-stopped lake-lacks-events")
def stopped_delivery(world: World) -> None:
    assert world.deployment.firehose.stop()
    world.credit(world.second)
    world.await_finding("lake-stopped")
    assert world.deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
