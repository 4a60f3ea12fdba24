"""`account-events replay` on a stack on AWS: its output, what it writes, and its exit codes."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from uuid import UUID

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from account_core.rows.items import to_item
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from account_events.avro.encoder import ENCODERS
from local_stack.errors import CommandError
from local_stack.local_tables import make_table
from ops.cli.app import app
from ops.replay import reading
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.file_format import FileFormat, events_in
from ops.replay.file_sink import FileSink
from ops.replay.source import Item, Page, Part
from projector.outgoing import Outgoing
from projector.parse import parse
from tests.support.rows import history, stream_records

VERSION_IDS = {encoder.fingerprint.hex(): str(UUID(int=n)) for n, encoder in enumerate(ENCODERS.values(), 1)}


def published(account_id: str, events: int) -> list[bytes]:
    arrivals = parse({"Records": stream_records(history(account_id, events))}).arrivals[account_id]
    return [arrival.data for arrival in arrivals if isinstance(arrival, Outgoing)]


class Stack:
    """A deployed stack with accounts a and b of 12 events each, and a stream for a new consumer."""

    def __init__(self) -> None:
        self.table, self.kinesis = boto3.client("dynamodb"), boto3.client("kinesis")
        self.outputs = {
            "TableName": make_table(self.table),
            "EventStreamName": "events",
            "Aggregation": "on",
            "Framing": "single-object",
            "Buckets": "32",
        }
        for name in ("events", "newcomer"):
            self.kinesis.create_stream(StreamName=name, ShardCount=1)
        for account_id in "ab":
            for row in history(account_id, 12):
                self.table.put_item(TableName=self.outputs["TableName"], Item=to_item(row))
        self.runner = CliRunner(env={"COLUMNS": "200"})

    def delete_row(self, account_id: str, version: int) -> None:
        key = {"AccountId": {"S": account_id}, "Version": {"N": str(version)}}
        self.table.delete_item(TableName=self.outputs["TableName"], Key=key)

    def run(self, *arguments: str) -> Result:
        return self.runner.invoke(app, ["replay", *arguments, "--stack", "bank"])

    def on_stream(self, name: str) -> list[bytes]:
        shard = self.kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
        iterator = self.kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = self.kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return [data for record in records for data in unpack(record["Data"])]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        yield


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Only CloudFormation's response is faked; tests/e2e/test_replay.py uses a deployed stack."""
    stack = Stack()
    monkeypatch.setattr("ops.deployment.stack.outputs_of", {"bank": stack.outputs}.__getitem__)
    return stack


def of(datas: list[bytes], account_id: str) -> list[bytes]:
    return [data for data in datas if decode(data).fields["account_id"] == account_id]


def test_everything_can_be_replayed_to_a_separate_stream(stack: Stack) -> None:
    result = stack.run("--all", "--to-stream", "newcomer")
    assert result.exit_code == 0, result.output
    assert "has about 26 rows" in result.output
    assert "2 accounts, 24 events, " in result.output
    assert "PUT units of 25 KB" in result.output
    datas = stack.on_stream("newcomer")
    for account_id in "ab":
        assert of(datas, account_id) == published(account_id, 12)
    assert stack.on_stream("events") == []
    assert list(Path(".account-events-replay").iterdir()) == []


@pytest.mark.parametrize("file_format", ["jsonl", "framed"])
def test_a_file_has_the_bytes_of_the_stream(stack: Stack, file_format: FileFormat, tmp_path: Path) -> None:
    path = tmp_path / "events"
    result = stack.run("--all", "--to-file", str(path), "--format", file_format, "--page-rows", "5")
    assert result.exit_code == 0, result.output
    with path.open("rb") as file:
        datas = list(events_in(file, file_format))
    for account_id in "ab":
        assert of(datas, account_id) == published(account_id, 12)
    assert [each.name for each in tmp_path.iterdir()] == ["events"]


def test_a_jsonl_line_is_readable_without_this_project(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    stack.run("--account", "a", "--to-file", str(path))
    first, second = (json.loads(line) for line in path.read_bytes().splitlines()[:2])
    assert first["name"] == "AccountCreated"
    assert second["event"] | {"correlation_id": ""} == {
        "event_id": "a:2",
        "account_id": "a",
        "sequence": 2,
        "occurred_at": "2026-01-31T09:00:02.000001Z",
        "correlation_id": "",
        "causation_id": None,
        "request_id": None,
        "amount": "10.10",
        "currency": "EUR",
        "balance": "10.10",
        "transfer_id": None,
        "counterparty_account_id": None,
    }


def test_stdout_receives_only_events(stack: Stack) -> None:
    result = stack.run("--account", "b", "--to-stdout", "--format", "framed")
    assert result.exit_code == 0, result.output
    assert list(events_in(BytesIO(result.stdout_bytes), "framed")) == published("b", 12)
    assert "1 account, 12 events" in result.stderr
    assert not Path(".account-events-replay").exists()


def test_a_dry_run_counts_and_writes_nothing(stack: Stack) -> None:
    result = stack.run("--all", "--dry-run", "--read-units-max", "100")
    assert result.exit_code == 0, result.output
    size = sum(map(len, published("a", 12) + published("b", 12)))
    assert f"2 accounts, 24 events, {size} bytes; 26 rows read with" in result.output
    assert "2 PUT units of 25 KB" in result.output
    assert "Nothing was written. A replay takes about" in result.output
    assert stack.on_stream("newcomer") == stack.on_stream("events") == []
    assert stack.run("--all", "--dry-run", "--to-file", "x").exit_code == 0
    assert list(Path().iterdir()) == []


def test_the_live_stream_requires_the_option_live(stack: Stack) -> None:
    result = stack.run("--all", "--to-stream", "events")
    assert isinstance(result.exception, CommandError)
    assert "--live" in str(result.exception)
    assert stack.on_stream("events") == []
    assert stack.run("--all", "--to-stream", "events", "--live").exit_code == 0
    assert len(stack.on_stream("events")) == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to-stdout"], "give exactly one of: --account, --from/--until, --all"),
        (["--all", "--account", "a", "--to-stdout"], "give exactly one of: --account"),
        (["--all", "--from", "2026-01-01T00:00:00Z", "--to-stdout"], "give exactly one of: --account"),
        (["--account", "", "--to-stdout"], "an account id must not be empty"),
        (["--all"], "give exactly one of: --to-stream, --to-file, --to-stdout; or give --dry-run"),
        (["--all", "--to-stdout", "--to-file", "x"], "give exactly one of: --to-stream"),
        (["--all", "--to-stream", "arn:aws:kinesis:x"], "is not a valid stream name"),
        (["--all", "--to-stdout", "--resume"], "--resume and --checkpoint cannot be used with"),
        (["--all", "--dry-run", "--checkpoint", "x"], "--resume and --checkpoint cannot be used with"),
        (["--all", "--to-stdout", "--segments", "0"], "--segments"),
        (["--all", "--to-stdout", "--read-units-max", "nan"], "--read-units-max"),
        (["--all", "--to-file", "x", "--checkpoint", "./x"], "--checkpoint and --to-file must be different files"),
    ],
)
def test_a_usage_error_exits_with_2(stack: Stack, arguments: list[str], message: str) -> None:
    result = stack.run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday", "--to-stdout"], "'yesterday' is not an ISO 8601 time with an offset"),
        (["--from", "2026-01-31T09:30:00", "--to-stdout"], "with an offset"),
        (["--from", "2026-01-31", "--to-stdout"], "with an offset"),
        (["--from", "2026-01-31x09:30:00Z", "--to-stdout"], "with an offset"),
        (["--until", "2026-01-31T09:30:00.0000019Z", "--to-stdout"], "with an offset"),
        (["--until", "2026-02-30T09:30:00Z", "--to-stdout"], "with an offset"),
        (["--until", "2026-W05-6T09:30:00Z", "--to-stdout"], "with an offset"),
        (["--from", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z", "--to-stdout"], "the range is empty"),
        (["--all", "--to-stream", "nowhere"], "There is no stream nowhere"),
        (["--all", "--to-stdout", "--table", "nowhere"], "There is no table nowhere"),
        (["--all", "--to-file", "x", "--resume"], "There is no checkpoint"),
    ],
)
def test_an_impossible_request_is_reported_in_one_line(stack: Stack, arguments: list[str], message: str) -> None:
    result = stack.run(*arguments)
    assert isinstance(result.exception, CommandError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_table_that_is_not_an_accounts_table_is_refused(stack: Stack) -> None:
    stack.table.create_table(
        TableName="parked",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "AccountId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "AccountId", "KeyType": "HASH"}],
    )
    result = stack.run("--all", "--to-stdout", "--table", "parked")
    assert "not an accounts table" in str(result.exception)
    copy = make_table(stack.table)
    stack.table.put_item(TableName=copy, Item=to_item(next(iter(history("c", 1)))))
    result = stack.run("--all", "--to-stdout", "--table", copy, "--format", "framed")
    assert list(events_in(BytesIO(result.stdout_bytes), "framed")) == published("c", 1)


def test_a_missing_row_is_reported_with_exit_code_1(stack: Stack) -> None:
    stack.delete_row("a", 5)
    result = stack.run("--all", "--to-stream", "newcomer")
    assert result.exit_code == 1
    assert "a: stopped before event 5, row 5: the table has no such row" in result.output
    assert "; 1 account stopped early" in result.output
    datas = stack.on_stream("newcomer")
    assert of(datas, "a") == published("a", 4)
    assert of(datas, "b") == published("b", 12)


def test_a_file_that_is_not_empty_is_not_changed(stack: Stack) -> None:
    Path("x").write_text("precious")
    result = stack.run("--all", "--to-file", "x")
    assert "not empty" in str(result.exception)
    assert Path("x").read_text() == "precious"
    assert [each.name for each in Path().iterdir()] == ["x"]


class Interrupting(DynamoDBSource):
    """Raises KeyboardInterrupt at the fourth page."""

    pages = 0

    def read(self, part: Part, after: Item | None) -> Page:
        type(self).pages += 1
        if self.pages == 4:
            raise KeyboardInterrupt
        return super().read(part, after)


def test_a_missing_folder_is_not_created(stack: Stack) -> None:
    result = stack.run("--all", "--to-file", "mistyped/x")
    assert isinstance(result.exception, CommandError)
    assert str(result.exception) == "There is no folder mistyped: create it first."
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--to-file", "/dev/null"],
            "/dev/null is a device or a pipe, not a file: use --to-stdout and redirect it",
        ),
        (["--to-file", "."], ". is a folder: give the path of a file"),
        (["--to-file", "nothing"], "nothing is a broken symbolic link"),
        (["--to-file", "notes/x"], "There is no folder notes"),
        (["--to-file", "x" * 300], "cannot be used as a file: File name too long"),
        (["--to-file", "x" * 240], "cannot be used as a file: File name too long"),
        (["--to-file", "x", "--checkpoint", "mistyped/c"], "There is no folder mistyped"),
        (["--to-file", "x", "--checkpoint", "/dev/null"], "/dev/null is a device or a pipe, not a file"),
        (["--to-file", "x", "--checkpoint", "notes"], "notes is not a replay checkpoint: choose another file"),
        (["--to-file", "x", "--checkpoint", "notes", "--resume"], "notes is not a replay checkpoint"),
        (["--to-file", "x", "--checkpoint", "c"], "c.lock is not a replay's lock file"),
        (["--to-stream", "newcomer", "--checkpoint", "notes"], "notes is not a replay checkpoint"),
    ],
)
def test_an_unusable_path_is_reported_and_not_changed(stack: Stack, arguments: list[str], message: str) -> None:
    Path("notes").write_text("[]")
    Path("c.lock").write_text("precious")
    Path("nothing").symlink_to("gone")
    result = stack.run("--all", *arguments)
    assert isinstance(result.exception, CommandError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert (Path("notes").read_text(), Path("c.lock").read_text()) == ("[]", "precious")
    assert sorted(each.name for each in Path().iterdir()) == ["c.lock", "notes", "nothing"]
    assert stack.on_stream("newcomer") == []


def test_a_run_can_be_resumed_after_a_full_disk(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ["--all", "--to-file", "x", "--page-rows", "4", "--segments", "1"]
    flush, calls = FileSink.flush, iter(range(99))

    def full(sink: FileSink) -> int:
        if next(calls) == 3:
            raise OSError(28, "No space left on device")
        return flush(sink)

    with monkeypatch.context() as patched:
        patched.setattr(FileSink, "flush", full)
        result = stack.run(*call)
    assert "No space left on device. Once that is resolved, repeat the same command with --resume" in str(
        result.exception
    )
    assert stack.run(*call, "--resume").exit_code == 0
    with Path("x").open("rb") as file:
        assert len(list(events_in(file, "jsonl"))) == 24


def test_the_widest_time_range_is_accepted(stack: Stack) -> None:
    result = stack.run("--from", "0001-01-01T00:00:00+14:00", "--until", "9999-12-31T23:59:59-14:00", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "24 events" in result.output


@pytest.mark.parametrize("target", [["--to-file", "x"], ["--to-stream", "newcomer"]])
def test_a_run_is_interrupted_and_resumed(stack: Stack, monkeypatch: pytest.MonkeyPatch, target: list[str]) -> None:
    call = ["--all", *target, "--page-rows", "4", "--segments", "1"]
    with monkeypatch.context() as patched:
        Interrupting.pages = 0
        patched.setattr(reading, "DynamoDBSource", Interrupting)
        result = stack.run(*call)
    assert result.exit_code == 130
    assert "repeat the same command with --resume" in result.output
    again = stack.run(*call)
    assert "continue it with --resume" in str(again.exception)
    other = stack.run(*call[:-1], "2", "--resume")
    assert "belongs to a run with a different segments" in str(other.exception)
    if "x" not in target:
        with monkeypatch.context() as patched:
            patched.setitem(stack.outputs, "Buckets", "16")
            other = stack.run(*call, "--resume")
        assert "belongs to a run with a different sink" in str(other.exception)
    with monkeypatch.context() as patched:
        patched.setitem(stack.outputs, "Framing", "glue")
        patched.setitem(stack.outputs, "SchemaVersions", json.dumps(VERSION_IDS))
        patched.setitem(stack.outputs, "SchemaRegistryArn", "arn:aws:glue:eu-central-1:123456789012:registry/bank")
        other = stack.run(*call, "--resume")
    assert "belongs to a run with a different sink" in str(other.exception)
    if "x" in target:
        Path("x").write_bytes(Path("x").read_bytes() + b'{"half a li')
    result = stack.run(*call, "--resume")
    assert result.exit_code == 0, result.output
    assert "2 accounts, 24 events" in result.output
    if "x" in target:
        with Path("x").open("rb") as file:
            datas = list(events_in(file, "jsonl"))
        assert len(datas) == 24
    else:
        datas = stack.on_stream("newcomer")
    for account_id in "ab":
        assert list(dict.fromkeys(of(datas, account_id))) == published(account_id, 12)


def test_a_truncated_file_cannot_be_resumed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ["--all", "--to-file", "x", "--page-rows", "4", "--segments", "1"]
    with monkeypatch.context() as patched:
        Interrupting.pages = 0
        patched.setattr(reading, "DynamoDBSource", Interrupting)
        stack.run(*call)
    Path("x").write_bytes(b"")
    result = stack.run(*call, "--resume")
    assert "shorter than its checkpoint records" in str(result.exception)
