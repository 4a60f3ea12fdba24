"""The check of a whole table, on a table that somebody has tampered with."""

from decimal import Decimal
from typing import Any

import pytest

from account_core.commands import CreateAccount, Credit
from account_core.dynamodb_store import DynamoDBAccountStore
from account_core.events import SnapshotRow
from account_core.head import Origin
from account_core.items import digest
from account_core.service import AccountService
from ops.ledger_scan import check_ledger
from tests.contract.tables import make_table, session

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
    return {check.account_id: check.findings for check in check_ledger(*table)}


def change(table: tuple[Any, str], version: int, **attributes: dict[str, str]) -> None:
    client, name = table
    key = {"AccountId": {"S": "a"}, "Version": {"N": str(version)}}
    item = client.get_item(TableName=name, Key=key)["Item"]
    client.put_item(TableName=name, Item={**item, **attributes})


def test_a_sound_ledger(table: tuple[Any, str]) -> None:
    assert findings(table) == {"a": [], "b": []}
    assert [(check.rows, check.snapshots) for check in check_ledger(*table)] == [(27, 2)] * 2


def test_a_snapshot_whose_digest_is_wrong(table: tuple[Any, str]) -> None:
    change(table, 20, Balance={"N": "1000000"})
    assert findings(table) == {"a": ["snapshot 20 is ignored: its digest is not that of its state"], "b": []}


def test_a_snapshot_forged_with_its_digest(table: tuple[Any, str]) -> None:
    forged = SnapshotRow("a", 20, 18, ORIGIN.occurred_at, "owner-1", "EUR", Decimal("1000000.00"))
    change(table, 20, Balance={"N": "1000000"}, Digest={"S": digest(forged)})
    assert findings(table) == {"a": ["snapshot 20 differs from the events before it"], "b": []}


def test_a_changed_event_and_one_that_cannot_be_read(table: tuple[Any, str]) -> None:
    change(table, 5, Amount={"N": "7"})
    [finding] = findings(table)["a"]
    assert "row a/5" in finding
    change(table, 5, Type={"S": "BONUS"})
    assert any("BONUS" in finding for finding in findings(table)["a"])


def test_a_missing_row(table: tuple[Any, str]) -> None:
    client, name = table
    client.delete_item(TableName=name, Key={"AccountId": {"S": "a"}, "Version": {"N": "10"}})
    assert findings(table) == {"a": ["row 11 follows row 9: versions have no holes"], "b": []}


def test_an_older_format_is_no_finding(table: tuple[Any, str]) -> None:
    change(table, 10, Format={"N": "1"})
    assert findings(table) == {"a": [], "b": []}
    assert next(check_ledger(*table)).outdated == 1
