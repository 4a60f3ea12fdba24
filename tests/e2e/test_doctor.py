"""`doctor` on the local stack: it finds each injected fault by its name, and its command repairs it.

Each fault is injected into a healthy stack. `doctor` must then report exactly the expected kinds of finding and, after
the commands that the findings name, none.
"""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from account_core.rows.layout import key, rows_query
from local_stack import address
from local_stack.deploy import read_template
from local_stack.emulator import client
from local_stack.local_deployment import LocalDeployment
from ops.cli.app import app
from ops.deployment.stack import Deployment, Outputs
from ops.doctor import run
from ops.doctor.checks import totals
from ops.doctor.finding import Finding
from ops.doctor.run import CHECKS, examine, stack_view
from ops.doctor.stack_view import SERVICES
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api
from tests.e2e.test_parking import records_of
from tests.support.aws_cli import run_aws

SILENCE_TIMEOUT_S = 120.0


class SharedClients(Deployment):
    """A deployment whose clients are the same in every run of `doctor`, because making them is slow."""

    def client(self, service: str, read_timeout_s: float = 20.0) -> Any:  # noqa: ANN401 -- a client
        assert self.address is not None
        return _client(self.address.endpoint_url, service, read_timeout_s)


@cache
def _client(endpoint_url: str, service: str, read_timeout_s: float) -> Any:  # noqa: ANN401 -- a client
    return client(service, endpoint_url, read_timeout_s)


@dataclass(frozen=True)
class World:
    """A healthy local stack with two accounts: the first has snapshots, the second only a few rows."""

    deployment: LocalDeployment
    examined: "SharedClients"
    api: Api
    first: str
    second: str

    @property
    def outputs(self) -> dict[str, str]:
        return self.deployment.address.outputs

    def client(self, service: str) -> Any:  # noqa: ANN401 -- a client
        return self.deployment.address.client(service)

    def physical(self, logical_id: str) -> str:
        """The physical id of a resource."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.outputs["StackName"], LogicalResourceId=logical_id
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def findings(self) -> list[Finding]:
        """What `doctor` finds now. No time is left for events to be on their way."""
        found = examine(self.examined, None, grace_s=0, progress=lambda _: None)
        assert set(found.completed) == set(CHECKS), found.findings
        return list(found.findings)

    def await_finding(self, kind: str) -> None:
        """Wait until the metric of a stopped part is too old."""
        deadline = time.monotonic() + SILENCE_TIMEOUT_S
        while kind not in {finding.kind for finding in self.findings()}:
            assert time.monotonic() < deadline, kind

    def repair(self) -> None:
        """Run the commands of the findings until there are none.

        Once is not always enough: a backfill leaves out events that may still be on their way, and a part that is
        started again publishes its metric a little later.
        """
        deadline = time.monotonic() + SILENCE_TIMEOUT_S
        while found := self.findings():
            assert time.monotonic() < deadline, found
            for command in dict.fromkeys(finding.repair for finding in found):
                self.run(command)
            self.settle()

    def settle(self) -> None:
        assert self.deployment.wait_until_idle(IDLE_TIMEOUT_S), self.deployment.mapping.status()

    def credit(self, account_id: str) -> None:
        assert self.api.command(account_id, "credit", "1.00").status_code == 200

    def row(self, account_id: str, version: int) -> dict[str, Any]:
        found = self.client("dynamodb").get_item(TableName=self.outputs["TableName"], Key=key(account_id, version))
        item: dict[str, Any] = found["Item"]
        return item

    def put_row(self, item: dict[str, Any]) -> None:
        self.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item=item)

    def delete_row(self, account_id: str, version: int) -> None:
        self.client("dynamodb").delete_item(TableName=self.outputs["TableName"], Key=key(account_id, version))

    def newest(self, account_id: str) -> int:
        """The version of the account's newest row."""
        found = self.client("dynamodb").query(
            TableName=self.outputs["TableName"], ScanIndexForward=False, Limit=1, **rows_query(account_id)
        )
        return int(found["Items"][0]["Version"]["N"])

    def lake_keys(self, prefix: str) -> list[str]:
        found = self.client("s3").list_objects_v2(Bucket=self.outputs["LakeBucketName"], Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def put_in_lake(self, object_key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.outputs["LakeBucketName"], Key=object_key, Body=body)

    def delete_from_lake(self, object_key: str) -> None:
        self.client("s3").delete_object(Bucket=self.outputs["LakeBucketName"], Key=object_key)

    def start(self) -> None:
        """Start what is stopped, as the next `make up` does."""
        if not self.deployment.mapping.status().running:
            self.deployment.mapping.start()
        if not self.deployment.firehose.status().is_running:
            self.deployment.firehose.start()

    def run(self, command: str) -> None:
        """Run a command that a finding names."""
        if " && " in command:
            for each in command.split(" && "):
                self.run(each)
            return
        if command == "make up":
            self.start()
            return
        if command.startswith("aws "):
            run_aws(command, self.client)
            return
        program, *arguments = shlex.split(command)
        assert program == "account-events", command
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code in (0, 1), (command, done.output, done.exception)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        LocalDeployment() as deployment,
        Api(deployment) as api,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(address, "ADDRESS_FILE", tmp_path_factory.mktemp("address") / "address.json")
        patched.setattr(run, "read_template", cache(read_template))
        with deployment.address.published():
            examined = SharedClients(Outputs(deployment.address.outputs), deployment.address)
            found = World(deployment, examined, api, api.open_account("10.00"), api.open_account("20.00"))
            for _ in range(12):
                found.credit(found.first)
            found.settle()
            yield found


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


PERMISSION = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
"""The permissions of operations whose names differ from theirs."""
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


@fault("a row is changed by hand", "ledger-row-wrong", first=lambda world: world.put_row(SAVED.pop()))
def changed_row(world: World) -> None:
    SAVED.append(row := world.row(world.first, 3))
    world.put_row(row | {"Balance": {"N": "1000000.00"}})


@fault("a snapshot is wrong", "ledger-row-wrong", first=lambda world: world.put_row(SAVED.pop()))
def wrong_snapshot(world: World) -> None:
    SAVED.append(row := world.row(world.first, 10))
    world.put_row(row | {"Balance": {"N": "0.01"}})


@fault("a row is deleted", "ledger-row-wrong", first=lambda world: world.put_row(SAVED.pop()))
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
    tables = (world.outputs["OwnedTableName"], world.outputs["OwnedInboxTableName"])
    before = {table: client.get_item(TableName=table, Key=account)["Item"] for table in tables}
    world.credit(world.second)
    world.settle()
    for table, item in before.items():
        client.put_item(TableName=table, Item=item)
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


def test_doctor_uses_exactly_the_permissions_that_are_documented(world: World) -> None:
    """On the path with most requests: an event is missing in the read model, so the event stream is read as well."""
    used: set[str] = set()
    for service in (*SERVICES, "cloudformation", "s3"):
        record = partial(lambda service, model, **_: used.add(f"{service}:{model.name}"), service)
        world.examined.client(service).meta.events.register("before-call", record)
    lost_view(world)
    found, recorded = world.findings(), used.copy()
    world.run(found[0].repair)
    table = (Path(__file__).parents[2] / "docs/operating.md").read_text()
    documented = set(
        re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", table.partition("It needs these permissions")[2].partition("##")[0])
    )
    on_aws_only = {"events:DescribeRule", "firehose:DescribeDeliveryStream", "sns:GetTopicAttributes"}
    on_aws_only |= {"cloudwatch:DescribeAlarms"}
    assert {PERMISSION.get(each, each) for each in recorded} == documented - on_aws_only


def test_totals_that_lack_the_newest_files_are_stale_after_two_hours(world: World) -> None:
    deployment = Deployment.local(world.deployment.address)

    def kinds(hours: int) -> list[str]:
        view = stack_view(deployment, world.outputs["StackName"], 0)
        later = replace(view, now=view.now + timedelta(hours=hours))
        return [finding.kind for finding in totals.check(later)]

    world.settle()
    assert (kinds(0), kinds(3)) == ([], ["totals-stale"])
    world.run("account-events lake totals")
    assert kinds(3) == []


def test_a_healthy_stack_has_no_finding(world: World) -> None:
    assert world.findings() == []


@pytest.mark.parametrize("each", FAULTS, ids=lambda each: each.name)
def test_doctor_names_the_fault_and_its_command_repairs_it(world: World, each: Fault) -> None:
    each.inject(world)
    found = world.findings()
    assert {finding.kind for finding in found} == each.kinds, found
    each.first(world)
    world.repair()
