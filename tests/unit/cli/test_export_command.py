"""`account-events export` and `--from-export` on a stack on AWS: what they print, and how they end."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from account_core.rows.items import to_item
from local_stack.local_tables import make_table
from local_stack.table_export import TableExports
from ops.cli import export as command
from ops.cli.app import app
from ops.deployment.stack import Deployment
from tests.support.rows import history


class DynamoDB:
    """DynamoDB's client, whose exports run for some looks at them."""

    def __init__(self, client: Any, s3: Any) -> None:  # noqa: ANN401 -- boto3's clients
        self._client, self.exports = client, TableExports(client, s3, datetime(2026, 3, 1, 12, tzinfo=UTC))
        self.running, self.started = 0, 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any method of the client
        return getattr(self._client, name)

    def export_table_to_point_in_time(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3's
        self.started += 1
        self.encryption = request["S3SseAlgorithm"]
        return self.exports.export_table_to_point_in_time(**request)

    def describe_export(self, *, ExportArn: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
        if self.running:
            self.running -= 1
            return {"ExportDescription": {"ExportArn": ExportArn, "ExportStatus": "IN_PROGRESS"}}
        return self.exports.describe_export(ExportArn=ExportArn)


class Stack:
    """A deployed stack with two accounts of twelve events each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        s3: Any = boto3.client("s3")
        self.s3 = s3
        self.s3.create_bucket(Bucket="copies", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.s3.put_bucket_encryption(Bucket="copies", ServerSideEncryptionConfiguration={"Rules": [rule]})
        self.dynamodb = DynamoDB(boto3.client("dynamodb"), self.s3)
        self.outputs = {
            "TableName": make_table(self.dynamodb),
            "LedgerExportsName": "copies",
            "EventStreamName": "events",
            "Aggregation": "on",
            "Framing": "single-object",
            "Buckets": "32",
        }
        for account_id in "ab":
            for row in history(account_id, 12):
                self.dynamodb.put_item(TableName=self.outputs["TableName"], Item=to_item(row))
        connected = Deployment.client
        monkeypatch.setattr(
            Deployment, "client", lambda *given: self.dynamodb if given[1] == "dynamodb" else connected(*given)
        )
        monkeypatch.setattr("ops.deployment.stack.outputs_of", {"bank": self.outputs}.__getitem__)

    def run(self, *arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--stack", "bank"])

    def objects(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket="copies").get("Contents", [])]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with mock_aws():
        yield Stack(monkeypatch)


def test_an_export_is_awaited_and_its_location_is_printed(stack: Stack) -> None:
    stack.dynamodb.running = 3
    made = stack.run("export", "--name", "nightly")
    assert made.exit_code == 0, made.output
    assert re.fullmatch(r"s3://copies/exports/nightly/AWSDynamoDB/\d{14}-[0-9a-f]{8}/\n", made.stdout)
    assert "26 rows as of 2026-03-01 12:00:00 UTC, give or take a minute" in made.stderr
    assert (stack.dynamodb.running, stack.dynamodb.encryption) == (0, "AES256")


def test_a_complete_export_is_not_made_again(stack: Stack) -> None:
    first, second = (stack.run("export", "--name", "nightly") for _ in range(2))
    assert first.stdout == second.stdout
    assert stack.dynamodb.started == 1


def test_without_a_name_each_export_has_a_prefix_of_its_own(stack: Stack) -> None:
    assert stack.run("export").exit_code == 0
    assert {key.split("/")[0] for key in stack.objects()} == {"exports"}
    [name] = {key.split("/")[1] for key in stack.objects()}
    assert datetime.strptime(name, "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=UTC).year >= 2026


def test_an_interrupted_export_goes_on_and_can_be_awaited_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    stack.dynamodb.running = 1
    monkeypatch.setattr("time.sleep", interrupted)
    ended = stack.run("export", "--name", "nightly")
    assert ended.exit_code == 130
    assert "the export goes on; to wait for it again, run `account-events export --name nightly --stack bank`" in (
        ended.stderr.replace("\n", " ")
    )


def test_a_running_export_is_reported_now_and_then(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.dynamodb.running = 3
    monkeypatch.setattr(command, "REPORT_EVERY_S", 0.0)
    assert stack.run("export", "--name", "nightly").stderr.count("nightly is still running after 0 min") == 3


@pytest.mark.parametrize("name", ["", "a/b", "-x", "x" * 65, "ä"])
def test_a_name_that_is_no_prefix_is_a_usage_error(stack: Stack, name: str) -> None:
    refused = stack.run("export", f"--name={name}")
    assert (refused.exit_code, stack.dynamodb.started) == (2, 0), refused.output


def test_a_dry_run_of_an_export_uses_no_read_units(stack: Stack) -> None:
    stack.run("export", "--name", "nightly")
    ended = stack.run("replay", "--all", "--dry-run", "--from-export", "latest")
    assert ended.exit_code == 0, ended.output
    assert "2 accounts, 24 events" in ended.stdout
    assert "26 rows read with no read units" in ended.stdout
    assert ended.stdout.endswith("Nothing was written.\n")


def test_a_checkpoint_of_the_table_is_not_continued_with_an_export(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.run("export", "--name", "nightly")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ops.replay.file_sink.FileSink.write", interrupted)
        assert stack.run("replay", "--all", "--to-file", "x", "--page-rows", "4").exit_code == 130
    refused = stack.run("replay", "--all", "--to-file", "x", "--resume", "--from-export", "latest")
    assert refused.exit_code == 1
    assert "a run with a different export" in str(refused.exception)


def test_an_export_of_another_table_is_refused(stack: Stack) -> None:
    stack.run("export", "--name", "nightly")
    other = make_table(stack.dynamodb)
    refused = stack.run("replay", "--all", "--to-file", "x", "--table", other, "--from-export", "s3://copies/exports")
    assert refused.exit_code == 1
    assert "it is an export of another table" in str(refused.exception)
    assert not Path("x").exists()


def test_a_rebuild_with_reset_needs_the_table(stack: Stack) -> None:
    refused = stack.run("owners", "rebuild", "--all", "--reset", "--from-export", "latest")
    assert refused.exit_code == 2
    assert "omit --from-export" in refused.stderr
