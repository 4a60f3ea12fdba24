"""`account-events owners check` and `owners rebuild` on a stack on AWS: the differences they find and repair."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner, Result

from account_core.domain.events import EventRow
from account_core.rows.items import to_item
from account_events.consumer import Consumer, Decoder, Inbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from account_events.consumer.dynamodb_positions import ATTRIBUTES
from consumers.owners.rows import changes, row_in
from local_stack.local_tables import make_table
from ops.cli import owners
from ops.cli.app import app
from ops.owners.read_model import RebuildingSink
from projector.dynamodb_ledger import DynamoDBLedger
from projector.outgoing import Outgoing, outgoing
from tests.support.read_model import make_table as make_read_model
from tests.support.rows import history
from tests.unit.consumer.given import encoded, records

EVENTS = {"a": 12, "b": 1, "c": 25}


class Stack:
    """A ledger, and its read model as the deployed function builds it."""

    def __init__(self) -> None:
        self.table: Any = boto3.client("dynamodb")
        self.owned, self.inbox = (
            make_read_model(self.table, name) for name in ("AccountsByOwner", "AccountsByOwnerInbox")
        )
        self.outputs = {
            "TableName": make_table(self.table),
            "OwnedTableName": self.owned,
            "OwnedInboxTableName": self.inbox,
            "EventStreamName": "events",
            "Aggregation": "on",
            "Framing": "single-object",
            "Buckets": "32",
        }
        self.store = DynamoDBItemInbox(self.table, self.owned, self.inbox)
        self.consumer = Consumer(Inbox(self.store, changes, run_max=100))
        for account_id, events in EVENTS.items():
            for row in history(account_id, events):
                self.table.put_item(TableName=self.outputs["TableName"], Item=to_item(row))
            assert not self.consumer.receive(records(encoded(account_id, events)), 0.0).failures
        self.correct = self.rows()
        self.runner = CliRunner(env={"COLUMNS": "200"})

    def rows(self) -> dict[str, Any]:
        items = self.table.scan(TableName=self.owned)["Items"]
        return {item["AccountId"]["S"]: row_in(item) for item in items}

    def run(self, *arguments: str) -> Result:
        return self.runner.invoke(app, ["owners", *arguments, "--stack", "bank"])

    def set(self, account_id: str, name: str, value: dict[str, str]) -> None:
        self.table.update_item(
            TableName=self.owned,
            Key={"AccountId": {"S": account_id}},
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )

    def forget(self, account_id: str) -> None:
        """Lose the account's row and position."""
        self.table.delete_item(TableName=self.owned, Key={"AccountId": {"S": account_id}})

    def remove(self, account_id: str, names: Collection[str]) -> None:
        """Lose these attributes of the account's item."""
        self.table.update_item(
            TableName=self.owned,
            Key={"AccountId": {"S": account_id}},
            UpdateExpression="REMOVE " + ", ".join(f"#{name}" for name in names),
            ExpressionAttributeNames={f"#{name}": name for name in names},
        )


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(owners, "SETTLE_S", 0.0)
    with mock_aws():
        stack = Stack()
        monkeypatch.setattr("ops.deployment.stack.outputs_of", lambda _: stack.outputs)
        yield stack


def test_the_functions_read_model_matches_the_ledger(stack: Stack) -> None:
    result = stack.run("check")
    assert (result.exit_code, result.stdout) == (0, "3 accounts: 0 differ from the ledger\n")


def test_each_difference_is_reported(stack: Stack) -> None:
    stack.set("a", "Balance", {"N": "1000000"})
    stack.set("c", "Sequence", {"N": "24"})
    stack.forget("b")
    stack.table.put_item(TableName=stack.owned, Item={**stack.correct["b"], "AccountId": {"S": "x"}})
    result = stack.run("check")
    assert result.exit_code == 1
    for line in (
        "a: at event 12 it differs from the ledger in Balance",
        "b: it is missing; the ledger is at event 1",
        "c: it is at event 24, the ledger at 25",
        "x: the ledger has no such account",
    ):
        assert line in result.stderr
    assert "3 accounts: 4 differ from the ledger" in result.stdout


@pytest.mark.parametrize("lost", ["rows", "positions", "items", "nothing"])
def test_a_rebuild_restores_everything_whatever_was_lost(stack: Stack, lost: str) -> None:
    for account_id in EVENTS:
        if lost == "items":
            stack.forget(account_id)
        elif lost == "rows":
            stack.remove(account_id, stack.correct[account_id].keys() - {"AccountId"})
        else:
            stack.set(account_id, "Balance", {"N": "7"})
        if lost == "positions":
            stack.remove(account_id, ATTRIBUTES)
    result = stack.run("rebuild", "--all")
    assert (result.exit_code, result.stdout) == (0, "3 accounts rebuilt from 38 events\n")
    assert stack.rows() == stack.correct
    assert stack.run("check").exit_code == 0
    outcome = stack.consumer.receive(records(encoded("a", 14)), 0.0)
    assert (outcome.applied, outcome.duplicates, outcome.failures) == (2, 12, []), "the function continues from there"


def test_a_rebuild_applies_events_that_were_buffered_before(stack: Stack) -> None:
    stack.forget("a")
    later = encoded("a", 14)
    assert stack.consumer.receive(records(later[12:]), 0.0).buffered == 2
    assert stack.run("rebuild", "a").exit_code == 0
    assert stack.rows()["a"]["Sequence"] == {"N": "14"}
    assert stack.consumer.receive([], 10_000.0).gaps == []


def test_an_account_that_waits_for_its_first_event_has_no_row(stack: Stack) -> None:
    stack.forget("c")
    assert stack.consumer.receive(records(encoded("c", 14)[12:]), 0.0).buffered == 2
    result = stack.run("check")
    assert "c: it is missing; the ledger is at event 25" in result.stderr
    assert stack.run("rebuild", "c").exit_code == 0
    assert stack.rows() == stack.correct


def test_an_unknown_attribute_is_found_and_removed(stack: Stack) -> None:
    stack.set("a", "Wrong", {"S": "x"})
    assert "a: at event 12 it differs from the ledger in Wrong" in stack.run("check").stderr
    assert stack.run("rebuild", "a").exit_code == 0
    assert stack.rows() == stack.correct


def test_one_account_can_be_rebuilt_alone(stack: Stack) -> None:
    for account_id in ("a", "c"):
        stack.set(account_id, "Balance", {"N": "7"})
    assert stack.run("rebuild", "a").stdout == "1 account rebuilt from 12 events\n"
    assert stack.rows()["a"] == stack.correct["a"]
    assert stack.rows()["c"] != stack.correct["c"]


def test_an_account_with_a_missing_row_is_reported(stack: Stack) -> None:
    key = {"AccountId": {"S": "c"}, "Version": {"N": "7"}}
    stack.table.delete_item(TableName=stack.outputs["TableName"], Key=key)
    result = stack.run("rebuild", "--all")
    assert result.exit_code == 1
    assert "c: stopped before event 7, row 7" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["a", "--all"]])
def test_a_rebuild_takes_either_accounts_or_all(stack: Stack, arguments: list[str]) -> None:
    assert stack.run("rebuild", *arguments).exit_code == 2


def sink_of(stack: Stack) -> RebuildingSink:
    ledger = DynamoDBLedger(stack.table, stack.outputs["TableName"])
    return RebuildingSink(stack.table, stack.owned, stack.inbox, ledger=ledger, decoder=Decoder(), now=lambda: 1_000.0)


def outgoing_of(account_id: str, events: int) -> list[Outgoing]:
    return [outgoing(row, 0) for row in history(account_id, events) if isinstance(row, EventRow)]


def test_a_rebuild_does_not_undo_events_applied_in_the_meantime(stack: Stack) -> None:
    """The function has acknowledged these events, so they are not delivered again."""
    page = outgoing_of("a", 12)
    for row in list(history("a", 14))[-2:]:
        stack.table.put_item(TableName=stack.outputs["TableName"], Item=to_item(row))
    assert stack.consumer.receive(records(encoded("a", 13)[12:]), 0.0).applied == 1
    stack.set("a", "Balance", {"N": "7"})
    sink_of(stack).write(page)
    assert stack.rows()["a"]["Sequence"] == {"N": "13"}
    assert stack.consumer.receive(records(encoded("a", 14)[13:]), 0.0).applied == 1
    assert stack.run("check").exit_code == 0


def test_a_ledger_that_lost_events_is_reported_and_changes_nothing(stack: Stack) -> None:
    key = {"AccountId": {"S": "c"}, "Version": {"N": "27"}}
    stack.table.delete_item(TableName=stack.outputs["TableName"], Key=key)
    stack.set("a", "Balance", {"N": "7"})
    before = stack.rows()["c"]
    result = stack.run("rebuild", "--all")
    assert (result.exit_code, result.stdout) == (1, "2 accounts rebuilt from 37 events\n")
    assert "c was not rebuilt: the read model is at event 25, which the ledger does not have" in result.stderr
    assert stack.rows() == {**stack.correct, "c": before}
    assert stack.run("rebuild", "c", "--reset").exit_code == 0
    assert stack.rows()["c"]["Sequence"] == {"N": "24"}
    assert stack.run("check").exit_code == 0


def test_a_reset_discards_a_wrong_seen_position(stack: Stack) -> None:
    before = stack.store.position("a")
    stack.store.advance("a", before, replace(before, seen=10**15, since_s=0.0, revision=before.revision + 1), None)
    assert stack.run("rebuild", "a").exit_code == 0
    assert stack.consumer.receive([], 10_000.0).gaps
    assert stack.run("rebuild", "a", "--reset").exit_code == 0
    assert stack.consumer.receive([], 10_000.0).gaps == []


def test_an_account_that_cannot_be_rebuilt_stops_no_other(stack: Stack) -> None:
    before = stack.store.position("a")
    buffered = {13: b"\xc3\x01nobody knows"}
    stack.store.advance(
        "a", before, replace(before, buffered=buffered, seen=13, since_s=0.0, revision=before.revision + 1), None
    )
    for account_id in ("a", "c"):
        stack.set(account_id, "Balance", {"N": "7"})
    result = stack.run("rebuild", "--all")
    assert result.exit_code == 1
    assert "a was not rebuilt: UnknownFingerprint" in result.stderr
    assert stack.rows()["c"] == stack.correct["c"]
    assert stack.run("rebuild", "a", "--reset").exit_code == 0
    assert stack.rows() == stack.correct


def test_an_account_that_dynamodb_rejects_stops_no_other(stack: Stack) -> None:
    put = stack.table.put_item
    refused: Any = {"Error": {"Code": "ValidationException", "Message": "Item size has exceeded the maximum"}}

    def rejecting(**request: Any) -> Any:  # noqa: ANN401 -- boto3's
        if request["Item"]["AccountId"] == {"S": "a"}:
            raise ClientError(refused, "PutItem")
        return put(**request)

    stack.table.put_item = rejecting
    for account_id in ("a", "c"):
        stack.set(account_id, "Balance", {"N": "7"})
    sink = sink_of(stack)
    sink.write([*outgoing_of("a", 12), *outgoing_of("c", 25)])
    assert sink.failed["a"].endswith("ValidationException: Item size has exceeded the maximum")
    assert stack.rows()["c"] == stack.correct["c"]
