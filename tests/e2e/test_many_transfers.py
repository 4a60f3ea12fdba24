"""32 clients that move money between eight accounts over HTTP, drop responses and send the transfers again."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

import httpx

from account_core.domain.events import EventRow
from local_stack.local_deployment import LocalDeployment
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api, assert_no_findings, audited
from tests.support.linearizability import CONFLICT
from tests.support.serializability import Operation, Read, Shown, Transfer, violations
from tests.support.transfer_rows import entries_of, euros, in_cents

CLIENTS = 32
REQUESTS_EACH = 5
ACCOUNTS = 8
FUNDS_CENTS = 1_000
SEED = 20_260_131
IMPATIENCE_S = 0.03
"""Shorter than most responses take, so the connection is dropped while the transfer may still run."""
TRIES_MAX = 60


@dataclass
class Client:
    """A client of the API. Attributes: `operations` has every request that was sent, with its outcome."""

    number: int
    deployment: LocalDeployment
    accounts: list[str]
    operations: list[Operation] = field(default_factory=list)

    def run(self) -> list[Operation]:
        random = Random(SEED + self.number)  # noqa: S311 -- seeded
        with Api(self.deployment) as api:
            for number in range(REQUESTS_EACH):
                payer, receiver = random.sample(self.accounts, 2)
                key = f"client-{self.number}-{number}"
                self._send(api, random, Transfer(payer, receiver, random.randrange(1, 900), key))
                self._send_once(api, Read(random.choice(self.accounts)), timeout_s=60)
        return self.operations

    def _send(self, api: Api, random: Random, request: Transfer) -> None:
        for _ in range(TRIES_MAX):
            outcome = self._send_once(api, request, IMPATIENCE_S if random.random() < 0.4 else 60)
            if outcome not in (None, CONFLICT):
                return
        raise AssertionError(f"no final answer to {request} in {TRIES_MAX} tries")

    def _send_once(self, api: Api, request: Transfer | Read, timeout_s: float) -> Shown | str | None:
        invoked = time.monotonic_ns()
        outcome = _outcome(api, request, timeout_s)
        self.operations.append(Operation(f"client-{self.number}", request, invoked, time.monotonic_ns(), outcome))
        return outcome


def _outcome(api: Api, request: Transfer | Read, timeout_s: float) -> Shown | str | None:
    try:
        if isinstance(request, Read):
            answer = api.get(f"/accounts/{request.account_id}", timeout=timeout_s)
        else:
            answer = api.post(
                f"/accounts/{request.payer}/transfer",
                json={"to": request.receiver, "amount": str(euros(request.cents))},
                headers={"Idempotency-Key": request.key or ""},
                timeout=timeout_s,
            )
    except httpx.TimeoutException:
        return None
    if answer.status_code == 503:
        return None
    body = answer.json()
    if answer.status_code == 200:
        return Shown(body["sequence"], int(body["balance"].replace(".", "")), body.get("transferId"))
    code: str = body.get("code", answer.text)
    return code


def test_transfers_over_http_are_strictly_serializable(deployment: LocalDeployment) -> None:
    with Api(deployment) as api:
        accounts = [api.open_account(str(euros(FUNDS_CENTS))) for _ in range(ACCOUNTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = pool.map(Client.run, [Client(number, deployment, accounts) for number in range(CLIENTS)])
        operations = [operation for found in clients for operation in found]
    assert deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
    rows = [row for row in deployment.rows() if isinstance(row, EventRow)]
    ledger = {each: entries_of(row for row in rows if row.account_id == each) for each in accounts}
    assert violations(ledger, operations) == []
    assert sum(entries[-1].balance for entries in ledger.values()) == FUNDS_CENTS * ACCOUNTS
    outcomes = [operation.outcome for operation in operations if isinstance(operation.request, Transfer)]
    assert outcomes.count(None) > CLIENTS / 4, "too few responses were dropped to prove anything"
    audits = audited(deployment, *accounts)
    assert_no_findings(audits)
    assert sum(in_cents(found.balance or euros(0)) for found in audits) == FUNDS_CENTS * ACCOUNTS
    assert {found.account_id: found.published for found in audits} == {
        account_id: [entry.sequence for entry in entries] for account_id, entries in ledger.items()
    }
