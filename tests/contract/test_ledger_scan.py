"""The check of a whole table whose rows were changed by other means than the service."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.commands import CreateAccount, Credit
from account_core.domain.events import SnapshotRow
from account_core.rows.items import digest, to_item
from account_core.service.head import Origin
from account_core.service.service import AccountService
from account_core.store.dynamodb_store import DynamoDBAccountStore
from local_stack.local_tables import make_table, session
from ops.ledger.scan import PAUSE_S, check_ledger

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")


@pytest.fixture
def table(emulator_url: str) -> tuple[Any, str]:
    """Two accounts of 25 events."""
    client = session().client("dynamodb", endpoint_url=emulator_url)
    name = make_table(client)
    service = AccountService(DynamoDBAccountStore(client, client, name))
    for account_id in ("a", "b"):
        service.execute(account_id, CreateAccount("owner-1", "EUR"), ORIGIN)
        for _ in range(24):
            service.execute(account_id, Credit(Decimal("1.00")), ORIGIN)
    return client, name


def findings(table: tuple[Any, str]) -> dict[str, list[str]]:
    return {check.account_id: check.findings for check in check_ledger(*table, wait=lambda _: None)}


def change(table: tuple[Any, str], version: int, **attributes: dict[str, str]) -> None:
    client, name = table
    key = {"AccountId": {"S": "a"}, "Version": {"N": str(version)}}
    item = client.get_item(TableName=name, Key=key)["Item"]
    client.put_item(TableName=name, Item={**item, **attributes})


def test_an_intact_ledger_has_no_findings(table: tuple[Any, str]) -> None:
    assert findings(table) == {"a": [], "b": []}
    assert [(check.rows, check.snapshots) for check in check_ledger(*table, wait=lambda _: None)] == [(27, 2)] * 2


def test_rows_that_contradict_each_other_are_read_again(table: tuple[Any, str]) -> None:
    """A query during a transaction may return one of its rows. Here the second row comes while the check waits."""
    client, name = table
    key = {"AccountId": {"S": "a"}, "Version": {"N": "20"}}
    snapshot = client.get_item(TableName=name, Key=key)["Item"]
    client.delete_item(TableName=name, Key=key)
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        client.put_item(TableName=name, Item=snapshot)

    assert [check.findings for check in check_ledger(*table, wait=wait)] == [[], []]
    assert waits == [PAUSE_S]


def test_a_snapshot_with_a_wrong_digest_is_a_finding(table: tuple[Any, str]) -> None:
    change(table, 20, Balance={"N": "1000000"})
    assert findings(table) == {"a": ["snapshot 20 is ignored: its digest does not match its state"], "b": []}


def test_a_forged_snapshot_with_its_digest_is_a_finding(table: tuple[Any, str]) -> None:
    forged = SnapshotRow("a", 20, 18, ORIGIN.occurred_at, "owner-1", "EUR", Decimal("1000000.00"))
    change(table, 20, Balance={"N": "1000000"}, Digest={"S": digest(forged)})
    assert findings(table) == {"a": ["snapshot 20 differs from the events before it"], "b": []}


def test_a_forged_owner_or_time_in_a_snapshot_is_a_finding(table: tuple[Any, str]) -> None:
    intact = SnapshotRow("a", 20, 18, ORIGIN.occurred_at, "owner-1", "EUR", Decimal("17.00"))
    for forged in (replace(intact, owner="owner-2"), replace(intact, occurred_at="2999-01-31T09:30:00.000001Z")):
        item = {name: to_item(forged)[name] for name in ("Owner", "Timestamp", "Digest")}
        change(table, 20, **item)
        assert findings(table) == {"a": ["snapshot 20 differs from the events before it"], "b": []}
    change(table, 20, **to_item(intact))
    assert findings(table) == {"a": [], "b": []}


def test_times_that_go_back_and_repeated_keys_are_findings(table: tuple[Any, str]) -> None:
    change(table, 5, Timestamp={"S": "2026-01-31T09:30:00.000000Z"}, CommandId={"S": "key-1"})
    change(table, 21, CommandId={"S": "key-1"})
    assert findings(table)["a"] == [
        "event 5 is earlier than the one before it",
        "event 19 has the idempotency key of an earlier event",
    ]


def test_a_missing_newest_snapshot_is_a_finding(table: tuple[Any, str]) -> None:
    client, name = table
    for version in range(20, 28):
        client.delete_item(TableName=name, Key={"AccountId": {"S": "a"}, "Version": {"N": str(version)}})
    assert findings(table)["a"] == ["snapshot 20 is missing after the account's last event"]


def test_changed_and_unreadable_events_are_findings(table: tuple[Any, str]) -> None:
    change(table, 5, Amount={"N": "7"})
    [finding] = findings(table)["a"]
    assert "row a/5" in finding
    change(table, 5, Type={"S": "BONUS"})
    [finding, next_finding] = findings(table)["a"]  # row 5 is no gap, but event 6 cannot follow event 4
    assert "BONUS" in finding
    assert next_finding.startswith("row a/6: ")


def test_a_missing_row_is_a_finding(table: tuple[Any, str]) -> None:
    client, name = table
    client.delete_item(TableName=name, Key={"AccountId": {"S": "a"}, "Version": {"N": "10"}})
    assert findings(table) == {"a": ["row 11 follows row 9: versions must have no gaps"], "b": []}


def test_an_older_format_is_not_a_finding(table: tuple[Any, str]) -> None:
    change(table, 10, Format={"N": "1"})
    assert findings(table) == {"a": [], "b": []}
    assert next(check_ledger(*table, wait=lambda _: None)).outdated == 1


@pytest.mark.parametrize("version", ["27.5", "1" + "0" * 40, "-1"])
def test_a_row_with_an_impossible_key_is_a_finding(table: tuple[Any, str], version: str) -> None:
    client, name = table
    client.put_item(TableName=name, Item={"AccountId": {"S": "a"}, "Version": {"N": version}, "Type": {"S": "CREDIT"}})
    [finding] = findings(table)["a"]
    assert finding.startswith("row a/")
    assert findings(table)["b"] == []
