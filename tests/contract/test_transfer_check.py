"""`check` and `restore` find transfers whose events do not agree, in a table that was changed by other means."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from account_core.rows.items import to_item
from account_core.rows.layout import key
from local_stack.local_tables import make_table, session
from ops.cli.app import app
from ops.ledger.scan import check_ledger, with_transfers
from ops.ledger.transfer_check import TransferCheck
from tests.support.corruptions import sides
from tests.support.ledger_and_lake import START, history
from tests.support.rows import head_of, transfer_rows
from tests.support.transfer_corruptions import TRANSFER_CORRUPTIONS, TRANSFERS

NOW = START + timedelta(days=9)
Table = tuple[Any, str]
BY_NAME = {each.name: each for each in TRANSFER_CORRUPTIONS}


@pytest.fixture
def table(emulator_url: str) -> Table:
    """A table with the transfers."""
    client = session().client("dynamodb", endpoint_url=emulator_url)
    name = make_table(client)
    for row in TRANSFERS:
        client.put_item(TableName=name, Item=to_item(row))
    return client, name


@pytest.fixture
def command(table: Table, emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs `check` on the table; returns exit code and output."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def run(*account_ids: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["check", *account_ids, "--table", table[1]])
        return done.exit_code, done.output

    return run


def lose(table: Table, account_id: str, version: int) -> None:
    client, name = table
    client.delete_item(TableName=name, Key=key(account_id, version))


def unpaired(table: Table, *account_ids: str, folder: Path | None = None, cut: datetime = NOW) -> list[str]:
    client, name = table
    with TransferCheck(folder, cut=cut, latest=NOW + timedelta(days=1)) as transfers:
        checks = check_ledger(client, name, account_ids or None, wait=lambda _: None)
        for _ in with_transfers(client, name, checks, transfers, is_whole=not account_ids):
            pass
        return [each.finding for each in transfers.unpaired()]


def test_whole_transfers_have_no_findings(table: Table, tmp_path: Path) -> None:
    assert unpaired(table, folder=tmp_path) == []
    assert unpaired(table, "p-1") == unpaired(table, "p-1", "p-2", "p-3") == []


@pytest.mark.parametrize("name", BY_NAME)
def test_check_finds_in_the_table_what_reconcile_finds(table: Table, tmp_path: Path, name: str) -> None:
    client, table_name = table
    items, _ = BY_NAME[name].make(*sides())
    for row in TRANSFERS:
        client.delete_item(TableName=table_name, Key=key(row.account_id, row.version))
    for item in items:
        client.put_item(TableName=table_name, Item=item)
    expected = [each for each in BY_NAME[name].expected if each[0] == "unpaired"]
    rows = [f"row {account_id}/{sequence}: transfer t-" for _, account_id, sequence, _ in expected]
    found = unpaired(table, folder=tmp_path)
    assert [finding[: len(row)] for finding, row in zip(found, rows, strict=True)] == rows
    if "third event" not in name:
        assert sorted({*unpaired(table, "p-2", "p-3"), *unpaired(table, "p-1")}) == sorted(found)


@pytest.mark.parametrize("account_id", ["p-2", "p-3"])
def test_one_account_is_compared_with_the_other_account(table: Table, account_id: str) -> None:
    """The account that lost its event is known from another transfer between the two, if there is one."""
    client, name = table
    heads = {each: head_of([row for row in TRANSFERS if row.account_id == each]) for each in ("p-2", "p-3")}
    for row in transfer_rows(heads, "p-2", "p-3", "1.00", transfer_id="t-4", at=START + timedelta(days=1)):
        client.put_item(TableName=name, Item=to_item(row))
    lose(table, "p-3", 2)
    assert "row p-2/3: transfer t-2 has no valid credit on account p-3" in unpaired(table, account_id)


def test_a_young_transfer_is_not_checked_yet(table: Table) -> None:
    """The rows of two accounts are read one after the other, so a transfer may be written in between."""
    client, name = table
    lose(table, "p-3", 2)
    cut = START + timedelta(hours=5) - timedelta(microseconds=1)
    assert unpaired(table, cut=cut) == []
    with TransferCheck(cut=cut, latest=NOW) as transfers:
        for _ in with_transfers(
            client, name, check_ledger(client, name, wait=lambda _: None), transfers, is_whole=True
        ):
            pass
        assert (list(transfers.unpaired()), transfers.young()) == ([], 1)
    assert len(unpaired(table, cut=cut + timedelta(microseconds=1))) == 1


def test_a_receiving_row_may_not_be_earlier_than_the_row_before(table: Table) -> None:
    """It has no request id, as rows of the first format, whose times may decrease."""
    client, name = table
    item = client.get_item(TableName=name, Key=key("p-2", 4))["Item"]
    client.put_item(TableName=name, Item=item | {"Timestamp": {"S": "2026-08-01T10:00:00.000000Z"}})
    [found] = check_ledger(client, name, ["p-2"], wait=lambda _: None)
    assert found.findings == ["event 4 is earlier than the one before it"]


def test_many_transfers_are_stored_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than EVENTS_MAX are never in memory."""
    monkeypatch.setattr("ops.ledger.transfer_check.EVENTS_MAX", 3)
    stored = list[int]()
    store = TransferCheck._store  # noqa: SLF001 -- to see when it is called

    def counting(check: TransferCheck) -> None:
        stored.append(len(check._waiting))  # noqa: SLF001 -- as above
        store(check)

    monkeypatch.setattr(TransferCheck, "_store", counting)
    with TransferCheck(tmp_path, cut=NOW, latest=NOW) as transfers:
        transfers.add(_events("p-1"))
        transfers.add(_events("p-2"))
        assert stored == [3]
        assert [each.account_id for each in transfers.unpaired()] == ["p-2"]
        transfers.add(_events("p-3"))
        assert list(transfers.unpaired()) == []


def _events(account_id: str) -> Iterator[Any]:
    return (
        row
        for row in TRANSFERS
        if row.account_id == account_id and getattr(row, "event", None) and row.sequence > 1 + (account_id == "p-1")
    )


def test_the_command_names_account_row_and_what_to_do(table: Table, command: Callable[..., tuple[int, str]]) -> None:
    assert command() == (0, "3 accounts, 10 rows: 0 accounts with findings\n")
    lose(table, "p-3", 2)
    for account_ids in ((), ("p-2",)):
        code, output = command(*account_ids)
        assert code == 1
        assert "p-2: row p-2/3: transfer t-2 has no valid credit on account p-3" in output
        assert "docs/backup.md#half-a-transfer" in output
        assert "1 account with findings" in output
    assert command("p-1")[0] == 0


def test_the_command_reports_transfers_that_are_too_young(
    table: Table, command: Callable[..., tuple[int, str]]
) -> None:
    client, name = table
    heads = {each: head_of([row for row in TRANSFERS if row.account_id == each]) for each in ("p-1", "p-2")}
    paid, _ = transfer_rows(heads, "p-1", "p-2", "1.00", transfer_id="t-4", at=datetime.now(UTC))
    client.put_item(TableName=name, Item=to_item(paid))
    code, output = command()
    assert code == 0
    assert "not checked yet, because they are too young: 1 transfer" in output


def test_the_command_names_an_account_without_rows(command: Callable[..., tuple[int, str]]) -> None:
    code, output = command("p-9")
    assert (code, "p-9: the table has no row of this account" in output) == (1, True)


def test_an_account_without_transfers_needs_no_other_account(table: Table) -> None:
    client, name = table
    for row in history("z-1", "1.00"):
        client.put_item(TableName=name, Item=to_item(row))
    assert unpaired(table, "z-1") == []
