"""32 clients move money between eight accounts; many are killed, and no money appears or disappears."""

import subprocess
import sys
from pathlib import Path

from account_core.domain.commands import CreateAccount, Credit
from account_core.service.head import Origin
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from local_stack.emulator import loopback_config
from local_stack.local_tables import make_table, session
from tests.support.clients import EXTERNAL_KILLS_MAX
from tests.support.histories import OCCURRED_AT, rows_violation
from tests.support.serializability import REFUSED_FOR_FUNDS, Shown, Transfer, violations
from tests.support.transfer_clients import ACCOUNTS, operations
from tests.support.transfer_rows import euros, ledger_of

ROOT = Path(__file__).parents[2]
SEED = 20260131
FUNDS_CENTS = 300
TIMEOUT_S = 200


def test_transfers_of_killed_clients_are_serializable(dynamodb_local_url: str, tmp_path: Path) -> None:
    client = session().client("dynamodb", endpoint_url=dynamodb_local_url, config=loopback_config())
    table = make_table(client)
    store = DynamoDBAccountStore(client, client, table)
    service, origin = AccountService(store), Origin(OCCURRED_AT, "correlation-1", "request-1")
    for account_id in ACCOUNTS:
        service.execute(account_id, CreateAccount("owner-1", "EUR"), origin)
        service.execute(account_id, Credit(euros(FUNDS_CENTS)), origin)
    command = [sys.executable, "-m", "tests.support.transfer_clients", dynamodb_local_url, table]
    ended = subprocess.run(  # noqa: S603 -- fixed arguments
        [*command, str(tmp_path), str(SEED)], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ended.returncode == 0, f"seed {SEED}: {ended.stderr}"
    assert int(ended.stdout) >= EXTERNAL_KILLS_MAX

    ledger, sent = ledger_of(store, ACCOUNTS), operations(tmp_path, SEED)
    assert violations(ledger, sent) == [], f"seed {SEED}"
    for account_id in ACCOUNTS:
        assert rows_violation(store.newest(account_id, Usage(), limit=10_000)) is None
    assert sum(entries[-1].balance for entries in ledger.values()) == FUNDS_CENTS * len(ACCOUNTS)
    outcomes = [operation.outcome for operation in sent if isinstance(operation.request, Transfer)]
    assert REFUSED_FOR_FUNDS in outcomes
    assert outcomes.count(None) > EXTERNAL_KILLS_MAX, "too few answers were lost to prove anything"
    acknowledged = [outcome.transfer_id for outcome in outcomes if isinstance(outcome, Shown)]
    assert len(set(acknowledged)) < len(acknowledged), "no transfer was sent again after it was carried out"
