"""Rehearsals of docs/backup.md: its commands, as they are written, repair a damaged table and replace a deleted one."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from account_core.rows.items import key_of
from account_core.rows.layout import key
from local_stack import address
from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.event_source_mapping.stack_mappings import stack_mappings
from local_stack.local_deployment import STACK_NAME, LocalDeployment
from local_stack.progress_metrics import ProgressMetrics
from ops.cli.app import app
from ops.cli.exit_handling import error_line
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api, assert_no_findings, audited
from tests.support.aws_cli import AwsCli
from tests.support.practice_shell import Answer, Shell
from tests.support.runbook import headed, preparation, scripts

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = dict(headed((DOCS / "backup.md").read_text(encoding="utf-8"), "##"))
DAMAGED, GONE = (SECTIONS[heading] for heading in ("Rows are wrong or missing", "The table is gone"))
PARAMETERS = {"Target": "local", "Auth": "IAM"}
BUCKET = "restore-templates"
DELIVERY = f"{STACK_NAME}-lake"


class Restorer:
    """Runs the blocks of a procedure against a local stack."""

    def __init__(self, deployment: LocalDeployment, api: Api, folder: Path) -> None:
        self.deployment, self.api = deployment, api
        self.outputs, self.client = deployment.address.outputs, deployment.address.client
        self.table = self.outputs["TableName"]
        self.metrics: ProgressMetrics | None = None
        self._aws_cli = AwsCli(self.client)
        programs = {"account-events": self._account_events, "aws": self._aws, "sam": self._sam}
        self._shell = Shell(preparation((DOCS / "runbook.md").read_text(encoding="utf-8")), programs, folder)

    def run(self, section: str, containing: str, *, status: int = 0, **words: str) -> str:
        """Run the one block with this text, and return what it prints. Its last command must exit with `status`."""
        [script] = [each for each in scripts(section.partition("\n### ")[0], set()) if containing in each]
        words["https://BUCKET.s3.amazonaws.com"] = f"{self.deployment.address.endpoint_url}/{BUCKET}"
        for word in sorted({*words, "BUCKET"}, key=len, reverse=True):
            script = script.replace(word, words.get(word, BUCKET))
        ran = self._shell.run(script)
        assert ran.calls, script
        statuses = [answer.status for _, answer in ran.calls]
        assert statuses == [0] * (len(statuses) - 1) + [status], ran.seen
        return ran.seen

    def items(self) -> dict[str, Any]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return {key_of(item): item for page in pages for item in page["Items"]}

    def settle(self) -> None:
        assert self.deployment.wait_until_idle(IDLE_TIMEOUT_S), self.deployment.mapping.status()

    def back_up(self) -> str:
        found = self.client("dynamodb").create_backup(TableName=self.table, BackupName="nightly")
        arn: str = found["BackupDetails"]["BackupArn"]
        return arn

    def credit(self, account_id: str, times: int, idempotency_key: str | None = None) -> None:
        for _ in range(times):
            assert self.api.command(account_id, "credit", "1.00", idempotency_key).status_code == 200

    def lose(self, account_id: str, *versions: int) -> None:
        for version in versions:
            self.client("dynamodb").delete_item(TableName=self.table, Key=key(account_id, version))

    def assert_views_agree(self, *account_ids: str) -> None:
        """The ledger, the stream, the read model, the lake and doctor's checks."""
        self.settle()
        assert_no_findings(audited(self.deployment, *account_ids))
        for command in ("check", "owners check", "reconcile --grace-s 0", "lake totals", "doctor --grace-s 0"):
            answer = self.command(command)
            assert answer.status == 0, (command, answer)

    def command(self, line: str) -> Answer:
        return self._account_events(line.split())

    def read_new_stream(self) -> None:
        """Poll the table's new stream, as Lambda does once the mapping is replaced."""
        clients = MappingClients(
            streams=self.client("dynamodbstreams"),
            kinesis=self.client("kinesis"),
            functions=self.deployment.address.client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
            s3=self.client("s3"),
            sqs=self.client("sqs"),
        )
        config = stack_mappings(self.client("cloudformation"), clients, STACK_NAME)["ProjectorMapping"]
        self.deployment.mapping = MappingRunner(config, clients)
        self.deployment.mappings = {**self.deployment.mappings, "ProjectorMapping": self.deployment.mapping}
        self.deployment.mapping.start()
        runners = {config.uuid: self.deployment.mapping}
        self.metrics = ProgressMetrics(self.client("cloudwatch"), runners, DELIVERY, self.deployment.firehose.status)
        self.metrics.start()

    def stop(self) -> None:
        self.deployment.mapping.stop()
        if self.metrics:
            self.metrics.stop()

    def _account_events(self, arguments: Sequence[str]) -> Answer:
        given = _without(list(arguments), "--stack", STACK_NAME)
        if given[0] == "check":
            given = _without(given, "--table", self.table)
        done = CliRunner().invoke(app, given, env={"COLUMNS": "300"})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            line = error_line(done.exception)
            if line is None:
                raise done.exception
            return Answer(done.stdout, f"{done.stderr}{line}", 1)
        return Answer(done.stdout, done.stderr, done.exit_code)

    def _aws(self, arguments: Sequence[str]) -> Answer:
        answer = Answer(self._aws_cli.text(arguments))
        if "--no-enabled" in arguments:
            self.deployment.mapping.stop()  # the fake mapping follows
        return answer

    def _sam(self, arguments: Sequence[str]) -> Answer:
        if arguments[0] == "deploy":
            zips = {function: build_zip(function, "local") for function in PACKAGES}
            deploy(self.deployment.address.endpoint_url, STACK_NAME, PARAMETERS, zips)
        return Answer()


def _without(arguments: list[str], option: str, value: str) -> list[str]:
    """The arguments without this option: commands find the local stack by themselves."""
    if option not in arguments:
        return arguments
    at = arguments.index(option)
    assert arguments[at + 1] == value, arguments
    return arguments[:at] + arguments[at + 2 :]


@pytest.fixture
def restorer(own_deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Restorer]:
    monkeypatch.setattr(address, "ADDRESS_FILE", tmp_path / "address.json")
    monkeypatch.chdir(tmp_path)
    with own_deployment.address.published(), Api(own_deployment) as api:
        restorer = Restorer(own_deployment, api, tmp_path)
        try:
            yield restorer
        finally:
            restorer.stop()


def test_damaged_rows_are_put_back_from_a_copy(restorer: Restorer) -> None:
    first, second = (restorer.api.open_account("5.00") for _ in range(2))
    restorer.credit(first, 16)  # through row 20, which is a snapshot
    backup = restorer.back_up()
    restorer.credit(first, 11)
    restorer.credit(second, 1)
    restorer.settle()
    intact = restorer.items()
    restorer.lose(first, 3, 9, 10, 30)
    damaged = {**intact[f"{first}/12"], "Balance": {"N": "1000000"}}
    restorer.client("dynamodb").put_item(TableName=restorer.table, Item=damaged)
    restorer.settle()

    restorer.run(DAMAGED, "restore-table-from-backup", BACKUP_ARN=backup)
    found = restorer.run(DAMAGED, 'restore rows "$STACK-copy" --stack', status=1)
    assert re.findall(rf"row {first}/(\d+) is (\w+)", found) == [
        ("3", "missing"), ("9", "missing"), ("10", "missing"), ("12", "different"),
    ]  # fmt: skip
    assert "Nothing was changed" in found
    assert f"{first}/3" not in restorer.items()
    assert "4 stored, 0 missing" in restorer.run(DAMAGED, 'restore rows "$STACK-copy" --write')
    assert "1 snapshot stored" in restorer.run(DAMAGED, "restore snapshots")
    restorer.settle()
    restorer.run(DAMAGED, "update-function-configuration")
    restorer.run(DAMAGED, "release --all")
    restorer.run(DAMAGED, "delete-table")

    assert restorer.items() == intact
    restorer.credit(first, 1)
    restorer.assert_views_agree(first, second)


def test_a_deleted_table_is_replaced(restorer: Restorer) -> None:
    accounts = first, second, third = [restorer.api.open_account("5.00") for _ in range(3)]
    restorer.credit(first, 7)  # through row 9 and the snapshot in row 10
    restorer.credit(second, 6)
    restorer.settle()
    snapshot = restorer.items()[f"{first}/10"]
    restorer.lose(first, 10)  # the backup has one half of a transaction
    backup = restorer.back_up()
    restorer.client("dynamodb").put_item(TableName=restorer.table, Item=snapshot)
    restorer.credit(second, 12)
    restorer.settle()
    assert restorer.deployment.firehose.stop()  # the last events are on the stream, but not in the lake
    restorer.credit(first, 1, "key-1")
    fourth = restorer.api.open_account("7.00")
    assert restorer.deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
    published = restorer.items()
    assert restorer.deployment.mapping.stop()
    restorer.credit(third, 1)  # never published: nobody but its caller knows it
    restorer.client("dynamodb").delete_table(TableName=restorer.table)

    restorer.run(GONE, "put-function-concurrency")
    restorer.run(GONE, "--no-enabled")
    assert "nightly" in restorer.run(GONE, "list-backups")
    restorer.run(GONE, "restore-table-from-backup", BACKUP_ARN=backup)
    assert "15 events and 3 snapshots of 3 accounts stored" in restorer.run(GONE, "restore events")
    assert "0 snapshots stored" in restorer.run(GONE, "restore snapshots")
    assert restorer.items() == published
    restorer.run(GONE, "update-continuous-backups")
    with_stream = restorer.client("dynamodb").describe_table(TableName=restorer.table)["Table"]
    restorer.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": restorer.client("s3").meta.region_name}
    )
    restorer.run(GONE, "restore templates")
    restorer.run(GONE, "sam deploy")
    restorer.read_new_stream()
    restorer.deployment.firehose.start()
    restorer.settle()
    restorer.run(GONE, "account-events reconcile")
    restorer.run(GONE, "delete-function-concurrency")

    stack = restorer.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert (outputs["TableName"], outputs["TableStreamArn"]) == (restorer.table, with_stream["LatestStreamArn"])
    mapping = restorer.client("lambda").get_event_source_mapping(UUID=outputs["MappingId"])
    assert mapping["EventSourceArn"] == with_stream["LatestStreamArn"]
    sequence = restorer.api.get(f"/accounts/{first}").json()["sequence"]
    restorer.credit(first, 1, "key-1")  # a repeated command has its first result
    assert restorer.api.get(f"/accounts/{first}").json()["sequence"] == sequence
    for account_id in (*accounts, fourth):
        restorer.credit(account_id, 1)
    restorer.assert_views_agree(*accounts, fourth)


def test_restore_refuses_a_table_in_use(restorer: Restorer) -> None:
    account_id = restorer.api.open_account("5.00")
    copy, other = "account-events-copy", "account-events-other"
    for name in (copy, other):
        restorer.client("dynamodb").restore_table_from_backup(BackupArn=restorer.back_up(), TargetTableName=name)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    restorer.client("dynamodb").update_table(TableName=other, StreamSpecification=stream)
    restorer.lose(account_id, 2)
    before = restorer.items()
    for command, refusal in {
        f"restore rows {restorer.table} --write": "is the stack's own table",
        f"restore rows {other} --write": "has a stream, so it is in use",
        "restore rows no-table --write": "There is no table no-table",
        "restore events": "has a stream, so it is in use",
    }.items():
        answer = restorer.command(command)
        assert (answer.status, refusal in answer.err) == (1, True), (command, answer)
    assert restorer.items() == before


def test_events_are_put_back_only_while_the_api_is_stopped(restorer: Restorer) -> None:
    restorer.api.open_account("5.00")
    backup, dynamodb = restorer.back_up(), restorer.client("dynamodb")
    assert restorer.deployment.mapping.stop()
    dynamodb.delete_table(TableName=restorer.table)
    dynamodb.restore_table_from_backup(BackupArn=backup, TargetTableName=restorer.table)
    refused = restorer.command("restore events")
    assert (refused.status, "The API accepts commands" in refused.err) == (1, True), refused
    restorer.run(GONE, "put-function-concurrency")
    assert "0 events and 0 snapshots" in restorer.command("restore events").out
