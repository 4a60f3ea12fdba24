"""The commands `restore` report half a transfer, and what docs/backup.md describes makes it whole."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from account_core.domain.events import EventRow, Row
from account_core.rows.items import to_item
from account_core.rows.layout import key
from local_stack.local_tables import make_table, session
from ops.cli import restore
from ops.cli.app import app
from ops.ledger.scan import check_ledger, with_transfers
from ops.ledger.transfer_check import TransferCheck
from ops.restore.put_back import put_published
from ops.restore.table import LedgerTable
from tests.support.transfer_corruptions import TRANSFERS

BACKUP = (Path(__file__).parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")
HALF = "p-2: row p-2/3: transfer t-2 has no valid credit on account p-3"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def client(emulator_url: str) -> Any:  # noqa: ANN401 -- a client
    return session().client("dynamodb", endpoint_url=emulator_url)


@pytest.fixture
def live(client: Any) -> LedgerTable:  # noqa: ANN401 -- as above
    """A table that lacks the credits of t-2 and t-3."""
    table = filled(client)
    for account_id, version in (("p-3", 2), ("p-2", 4)):
        client.delete_item(TableName=table.name, Key=key(account_id, version))
    return table


@pytest.fixture
def command(client: Any, live: LedgerTable, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ANN401 -- as above
    """Runs `restore` on a stack with this table; returns exit code and output."""
    stack = SimpleNamespace(client=lambda _service: client, outputs={"TableName": live.name})
    monkeypatch.setattr(restore, "Deployment", SimpleNamespace(connect=lambda _stack: stack))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["restore", *arguments])
        return done.exit_code, done.output

    return run


def filled(client: Any) -> LedgerTable:  # noqa: ANN401 -- as above
    table = LedgerTable(client, make_table(client))
    for row in TRANSFERS:
        client.put_item(TableName=table.name, Item=to_item(row))
    return table


def unpaired(client: Any, table: LedgerTable) -> list[str]:  # noqa: ANN401 -- as above
    with TransferCheck() as transfers:
        checks = check_ledger(client, table.name, wait=lambda _: None)
        found = list(with_transfers(client, table.name, checks, transfers, is_whole=True))
        assert not [finding for check in found for finding in check.findings]
        return [each.note for each in transfers.unpaired()]


@pytest.mark.parametrize("accounts", [["--all"], ["p-2"], ["p-1", "p-2", "p-3"]])
def test_restore_snapshots_reports_half_transfers(command: Run, accounts: list[str]) -> None:
    code, output = command("snapshots", *accounts)
    assert code == 1
    assert HALF in output
    assert "docs/backup.md#half-a-transfer" in output
    assert "2 findings left" in output, "p-2 lacks an event, too; the accounts that its transfers name are read as well"


def test_rows_of_one_account_leave_half_a_transfer(client: Any, live: LedgerTable, command: Run) -> None:  # noqa: ANN401
    """The command that puts back one account reports the transfer whose other account lacks its event, too."""
    copy = filled(client).name
    code, output = command("rows", copy, "p-2", "--write")
    assert code == 1
    assert "1 stored, 0 missing or different" in output
    assert HALF in output
    assert unpaired(client, live) == ["transfer t-2 has no valid credit on account p-3"]
    code, output = command("rows", copy, "p-2", "p-3", "--write")
    assert (code, HALF in output) == (0, False)
    assert unpaired(client, live) == []


def test_restore_rows_without_accounts_makes_transfers_whole(client: Any, live: LedgerTable, command: Run) -> None:  # noqa: ANN401
    assert command("rows", filled(client).name, "--write")[0] == 0
    assert unpaired(client, live) == []


def test_published_events_make_a_restored_table_whole(client: Any, live: LedgerTable) -> None:  # noqa: ANN401 -- as above
    events = [row for row in TRANSFERS if isinstance(row, EventRow)]
    by_account = [(name, [row for row in events if row.account_id == name]) for name in ("p-1", "p-2", "p-3")]
    assert put_published([lambda: by_account], live).findings == {}
    assert unpaired(client, live) == []


def test_the_row_in_the_docs_makes_a_transfer_whole(client: Any, live: LedgerTable) -> None:  # noqa: ANN401 -- as above
    text = BACKUP.partition("### Half a transfer")[2]
    block = next(each for each in text.split("```") if '"CounterpartyId"' in each)
    withdrawal = next(row for row in TRANSFERS if (row.account_id, row.version) == ("p-2", 3))
    lost = next(row for row in TRANSFERS if (row.account_id, row.version) == ("p-3", 2))
    stored = row_in(block, withdrawal)
    assert stored == to_item(lost)
    client.put_item(TableName=live.name, Item=stored)
    assert unpaired(client, live) == ["transfer t-3 has no valid credit on account p-2"]


def row_in(block: str, withdrawal: Row) -> dict[str, Any]:
    values = {
        "OTHER_ACCOUNT": "p-3",
        "VERSION": "2",
        "SEQUENCE": "2",
        "TIMESTAMP": withdrawal.occurred_at,
        "CURRENCY": "EUR",
        "AMOUNT": "5",
        "BALANCE": "5",
        "TRANSFER": "t-2",
        "ACCOUNT": "p-2",
    }
    for word, value in values.items():
        block = block.replace(f'"{word}"', f'"{value}"')
    item: dict[str, Any] = json.loads(block)
    return item


def test_a_receipt_from_another_transfer_at_the_same_time_is_kept(client: Any, live: LedgerTable, command: Run) -> None:  # noqa: ANN401
    """Rows of a receiving account have no request id, and take the time of the event before if a clock is behind."""
    copy = filled(client).name
    item = client.get_item(TableName=copy, Key=key("p-2", 4))["Item"] | {"TransferId": {"S": "t-5"}}
    client.put_item(TableName=live.name, Item=item)
    code, output = command("rows", copy, "p-2", "--write", "--replace")
    assert code == 1
    assert "row p-2/4 is different: a command took the version for another event, which stays" in output
    assert client.get_item(TableName=live.name, Key=key("p-2", 4))["Item"] == item
