"""`account-events parked` and `release` on a stack on AWS: their output and exit codes."""

import json
from collections.abc import Callable, Iterator

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from account_core.rows.items import to_item
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import CONTRACT, Codec, DomainEvent, decode
from account_events.avro.encoder import ENCODERS
from local_stack.errors import CommandError
from local_stack.local_tables import make_table
from ops.cli.app import app
from ops.cli.exit_handling import error_line
from projector.dynamodb_parking import DynamoDBParking
from projector.parking import Parked
from tests.contract.test_parking import KEYS as PARKED_KEYS
from tests.support.rows import history, stream_records
from tests.unit.avro.given import IDS, SOURCES

VERSION_IDS = {encoder.fingerprint.hex(): IDS[name] for name, encoder in ENCODERS.items()}
AT = "2026-01-31T09:30:00+00:00"


class Stack:
    """A deployed stack with accounts a and b of 12 events each."""

    def __init__(self) -> None:
        self.table, self.s3, self.kinesis = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("kinesis")
        self.outputs = {
            "TableName": make_table(self.table),
            "ParkedTableName": "parked",
            "EventStreamName": "events",
            "FailureBucketName": "failures",
            "Aggregation": "on",
            "Buckets": "32",
            "Framing": "single-object",
        }
        self.table.create_table(TableName="parked", BillingMode="PAY_PER_REQUEST", **PARKED_KEYS)
        self.kinesis.create_stream(StreamName="events", ShardCount=1)
        self.s3.create_bucket(Bucket="failures", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for account_id in "ab":
            for row in history(account_id, 12):
                self.table.put_item(TableName=self.outputs["TableName"], Item=to_item(row))
        self.decode: Callable[[bytes], DomainEvent] = decode
        self.runner = CliRunner(env={"COLUMNS": "200"})

    def park(self, account_id: str, first: int = 3) -> None:
        parking = DynamoDBParking(self.table, self.outputs["ParkedTableName"])
        parking.park(Parked(account_id, first, 8, first, "unknown type 'INTEREST'", AT))

    def delete_row(self, account_id: str, version: int) -> None:
        key = {"AccountId": {"S": account_id}, "Version": {"N": str(version)}}
        self.table.delete_item(TableName=self.outputs["TableName"], Key=key)

    def put_failure(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.outputs["FailureBucketName"], Key=key, Body=body)

    def run(self, *arguments: str) -> Result:
        return self.runner.invoke(app, [*arguments, "--stack", "bank"])

    def on_stream(self) -> list[str]:
        name = self.outputs["EventStreamName"]
        shard = self.kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
        iterator = self.kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = self.kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return [self.decode(data).fields["event_id"] for record in records for data in unpack(record["Data"])]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Only CloudFormation's response is faked; tests/e2e/test_parking.py uses a deployed stack."""
    stack = Stack()
    monkeypatch.setattr("ops.deployment.stack.outputs_of", {"bank": stack.outputs}.__getitem__)
    return stack


def test_parked_reports_when_no_account_is_parked(stack: Stack) -> None:
    result = stack.run("parked")
    assert result.exit_code == 0
    bucket = stack.outputs["FailureBucketName"]
    assert result.output == f"No account is parked.\n0 objects are in the failure bucket {bucket}\n"


def test_parked_lists_event_row_time_and_reason(stack: Stack) -> None:
    stack.park("a")
    stack.park("b[/]", 8)
    stack.put_failure("1", b"x")
    result = stack.run("parked")
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines() if AT in line]
    assert lines == [
        ["a", "3", "6", "3", AT, "unknown", "type", "'INTEREST'"],
        ["b[/]", "8", "1", "8", AT, "unknown", "type", "'INTEREST'"],
    ]
    assert "`account-events release --failures`" in result.output


def test_an_account_is_released_and_one_not_parked_is_reported(stack: Stack) -> None:
    stack.park("a")
    stack.park("b")
    result = stack.run("release", "a", "c", "a")
    assert result.exit_code == 0
    assert result.output == "✓ a released, 6 events published\n· c is not parked\n1 account released\n"
    assert stack.on_stream() == [f"a:{sequence}" for sequence in range(3, 9)]
    assert AT in stack.run("parked").output


def test_all_accounts_are_released_except_a_damaged_one(stack: Stack) -> None:
    stack.park("a")
    stack.park("b")
    stack.delete_row("a", 5)
    result = stack.run("release", "--all")
    assert result.exit_code == 1
    assert (
        "✗ a stays parked at event 5, row a/5: the table has no such row; 2 events before it were published"
        in result.output
    )
    assert "✓ b released, 6 events published" in result.output
    assert "1 account released, 1 not released" in result.output


def test_a_release_with_nothing_to_do_succeeds(stack: Stack) -> None:
    for what in ("--all", "--failures"):
        result = stack.run("release", what)
        assert (result.exit_code, result.output) == (0, "0 accounts released\n")


def test_discarded_batches_are_released_and_others_reported(stack: Stack) -> None:
    records = [record for record in stream_records(history("a", 5)) if record["dynamodb"]["Keys"]["Version"]["N"] > "3"]
    stack.put_failure("1", json.dumps({"payload": json.dumps({"Records": records})}).encode())
    stack.put_failure("2", b"x")
    result = stack.run("release", "--failures")
    assert result.exit_code == 1
    assert "2 stays: it is not an invocation record with a payload" in result.output
    assert "✓ a released, 9 events published" in result.output
    assert stack.on_stream() == [f"a:{sequence}" for sequence in range(4, 13)]
    assert "1 object is in the failure bucket" in stack.run("parked").output


def test_an_invalid_account_id_stays_parked_and_stops_no_other(stack: Stack) -> None:
    """The event source mapping discarded a record of the account, but DynamoDB rejects the account's id."""
    records = stream_records([*history("", 1), *history("a", 1)])
    stack.put_failure("1", json.dumps({"payload": json.dumps({"Records": records})}).encode())
    result = stack.run("release", "--failures")
    assert result.exit_code == 1, result.exception
    assert "DynamoDB refuses to read the account's rows: ValidationException" in result.output
    assert "✓ a released, 12 events published" in result.output


@pytest.mark.parametrize("arguments", [[], ["a", "--all"], ["--all", "--failures"]])
def test_release_requires_exactly_one_selection(stack: Stack, arguments: list[str]) -> None:
    result = stack.run("release", *arguments)
    assert result.exit_code == 2
    assert "give exactly one of: account ids, --all, --failures" in result.output


def test_a_stack_of_an_older_template_is_reported(stack: Stack) -> None:
    del stack.outputs["ParkedTableName"]
    result = stack.run("parked")
    assert isinstance(result.exception, CommandError)
    assert "no output ParkedTableName" in str(result.exception)


@pytest.mark.parametrize("command", ["parked", "release"])
def test_the_error_states_that_nothing_is_lost(stack: Stack, command: str) -> None:
    stack.table.delete_table(TableName=stack.outputs["ParkedTableName"])
    result = stack.run(command, *(["--all"] if command == "release" else []))
    assert result.exception is not None
    line = error_line(result.exception) or ""
    assert "DynamoDB refuses the request (ResourceNotFoundException). Nothing is lost" in line


def test_a_release_uses_the_stacks_glue_framing(stack: Stack) -> None:
    stack.outputs |= {"Framing": "glue", "SchemaVersions": json.dumps(VERSION_IDS)}
    stack.decode = Codec(CONTRACT, SOURCES.get).decode
    stack.park("a")
    assert stack.run("release", "a").exit_code == 0
    assert stack.on_stream() == [f"a:{sequence}" for sequence in range(3, 9)]


def test_a_stack_of_another_release_is_reported(stack: Stack) -> None:
    stack.outputs |= {"Framing": "glue", "SchemaVersions": '{"0102030405060708": "x"}'}
    result = stack.run("parked")
    assert isinstance(result.exception, CommandError)
    assert "The stack was deployed from a different release" in str(result.exception)


def test_an_interruption_reports_what_stays_parked(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    stack.park("a")
    monkeypatch.setattr(DynamoDBParking, "release", interrupted)
    result = stack.run("release", "--all")
    assert result.exit_code == 130
    assert "still parked" in result.output
