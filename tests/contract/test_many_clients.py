"""The ledger has exactly the results that 32 clients received, each once, although many clients were killed."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from account_core.domain.commands import CreateAccount, Credit
from account_core.domain.events import Credited, EventRow, Withdrawn
from account_core.service.head import Origin
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from local_stack.emulator import loopback_config
from local_stack.local_tables import make_table, session
from tests.support.clients import CLIENTS, EXTERNAL_KILLS_MAX, HOT, OTHERS, PlannedRequest, planned_requests
from tests.support.histories import OCCURRED_AT, rows_violation

ROOT = Path(__file__).parents[2]
SEED = 20260131
FUNDS = Decimal("3.00")
TIMEOUT_S = 200


def test_killed_clients_lose_and_duplicate_no_event(dynamodb_local_url: str, tmp_path: Path) -> None:
    client = session().client("dynamodb", endpoint_url=dynamodb_local_url, config=loopback_config())
    table = make_table(client)
    store = DynamoDBAccountStore(client, client, table)
    service, origin = AccountService(store), Origin(OCCURRED_AT, "correlation-1", "request-1")
    for account_id in (HOT, *OTHERS):
        service.execute(account_id, CreateAccount("owner-1", "EUR"), origin)
        service.execute(account_id, Credit(FUNDS), origin)
    command = [sys.executable, "-m", "tests.support.clients", dynamodb_local_url, table, str(tmp_path), str(SEED)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 -- fixed arguments
    assert ended.returncode == 0, f"seed {SEED}: {ended.stderr}"
    assert int(ended.stdout) >= EXTERNAL_KILLS_MAX

    planned, acknowledged = _planned(), _acknowledged(tmp_path)
    assert any(answer["is_replay"] for answers in acknowledged.values() for answer in answers), (
        "no client was killed between a command and its answer"
    )
    stored: set[str] = set()
    for account_id in (HOT, *OTHERS):
        rows = store.newest(account_id, Usage(), limit=1_000)
        assert rows_violation(rows) is None, f"seed {SEED}"
        keyed = {row.command_id: row for row in rows if isinstance(row, EventRow) and row.command_id is not None}
        stored |= set(keyed)
        for key, row in keyed.items():
            assert _agree(planned[key], acknowledged[key], row), f"seed {SEED}: {acknowledged[key]}, but {row}"
        change = sum((_change(row) for row in keyed.values()), Decimal(0))
        assert service.read(account_id).balance == FUNDS + change
    assert stored == set(acknowledged), f"seed {SEED}: acknowledged but not stored, or stored but not acknowledged"


def _planned() -> dict[str, PlannedRequest]:
    """All requests, by key."""
    return {each.request.key or "": each for client in range(CLIENTS) for each in planned_requests(SEED, client)}


def _acknowledged(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """Every answer to an accepted request, by key. Checks that every request was answered."""
    acknowledged: dict[str, list[dict[str, Any]]] = {}
    for client in range(CLIENTS):
        lines = [json.loads(line) for line in (directory / f"{client}.jsonl").read_bytes().splitlines()]
        assert [line["key"] for line in lines] == [each.request.key for each in planned_requests(SEED, client)]
        for line in lines:
            if "refused" not in line:
                acknowledged.setdefault(line["key"], []).append(line)
            else:
                assert line["refused"] == "insufficient_funds"
    return acknowledged


def _agree(planned: PlannedRequest, answers: list[dict[str, Any]], row: EventRow) -> bool:
    """Whether the row is the event of this request, and every answer shows its result."""
    shown = {(answer["cents"], answer["sequence"]) for answer in answers}
    request = planned.request
    change = Decimal(request.cents if request.kind == "credit" else -request.cents) / 100
    is_same = (row.account_id, _change(row)) == (planned.account_id, change)
    return is_same and shown == {(int(row.balance * 100), row.sequence)}


def _change(row: EventRow) -> Decimal:
    match row.event:
        case Credited(amount=amount):
            return amount
        case Withdrawn(amount=amount):
            return -amount
    raise AssertionError(row)
