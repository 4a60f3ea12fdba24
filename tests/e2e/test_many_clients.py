"""32 clients that sometimes drop a response and send the command again with the same key."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import httpx

from account_core.domain.events import Created, Credited, EventRow
from local_stack.local_deployment import LocalDeployment
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api, assert_no_findings, audited

CLIENTS = 32
COMMANDS_EACH = 5
SEED = 20_260_131
IMPATIENCE_S = 0.02
"""Shorter than most responses take, so the connection is dropped while the command may still run."""
TRIES_MAX = 60
RETRIED = {409, 503}


@dataclass
class Client:
    """A client of the API.

    Attributes:
        acknowledged: amounts of commands answered with 200, by account and key.
        doubtful: commands refused after an earlier response was dropped. The earlier request may still have run and
            may have been accepted later.
        unexpected: responses that no command may return.
    """

    number: int
    deployment: LocalDeployment
    accounts: list[str]
    acknowledged: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    doubtful: set[tuple[str, str]] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    dropped: int = 0

    def run(self) -> "Client":
        random = Random(SEED + self.number)  # noqa: S311 -- seeded
        with Api(self.deployment) as api:
            for number in range(COMMANDS_EACH):
                account_id = random.choice(self.accounts[:1] * 3 + self.accounts[1:])
                command = random.choice(["credit", "withdraw", "withdraw"])
                dropped_before = self.dropped
                amount, key = f"{random.randint(1, 900) / 100:.2f}", f"client-{self.number}-{number}"
                answer = self._send_until_answered(api, random, account_id, command, amount, key)
                if answer.status_code not in {200, 422}:
                    self.unexpected.append(f"{answer.status_code} {answer.text}")
                if answer.status_code == 200:
                    self.acknowledged[account_id, key] = Decimal(amount) * (1 if command == "credit" else -1)
                elif self.dropped > dropped_before:
                    self.doubtful.add((account_id, key))
        return self

    def _send_until_answered(  # noqa: PLR0917 -- a request's parts
        self, api: Api, random: Random, account_id: str, command: str, amount: str, key: str
    ) -> httpx.Response:
        for _ in range(TRIES_MAX):
            timeout_s = IMPATIENCE_S if random.random() < 0.4 else 60.0
            try:
                answer = api.post(
                    f"/accounts/{account_id}/{command}",
                    json={"amount": amount},
                    headers={"Idempotency-Key": key},
                    timeout=timeout_s,
                )
            except httpx.TimeoutException:
                self.dropped += 1
                continue
            if answer.status_code not in RETRIED:
                return answer
        raise AssertionError(f"no final answer to {key} in {TRIES_MAX} tries")


def test_acknowledged_commands_are_stored_exactly_once(deployment: LocalDeployment) -> None:
    with Api(deployment) as api:
        accounts = [api.open_account("60.00") for _ in range(4)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = list(pool.map(Client.run, [Client(number, deployment, accounts) for number in range(CLIENTS)]))
    assert deployment.mapping.wait_until_idle(IDLE_TIMEOUT_S)
    rows = [
        row for row in deployment.rows() if isinstance(row, EventRow) and row.account_id in accounts and row.command_id
    ]
    stored = {
        (row.account_id, str(row.command_id)): row.event.amount * (1 if isinstance(row.event, Credited) else -1)
        for row in rows
        if not isinstance(row.event, Created)
    }
    acknowledged = {key: amount for client in clients for key, amount in client.acknowledged.items()}
    assert len(rows) == len(stored), "a key has two events"
    doubtful = {key for client in clients for key in client.doubtful}
    assert {key: amount for key, amount in stored.items() if key not in doubtful} == acknowledged
    assert [answer for client in clients for answer in client.unexpected] == []
    assert sum(client.dropped for client in clients) > CLIENTS / 4, "too few responses were dropped to prove anything"
    audits = audited(deployment, *accounts)
    assert_no_findings(audits)
    for found in audits:
        assert found.balance is not None
        assert found.balance == 60 + sum(
            amount for (account, _), amount in stored.items() if account == found.account_id
        )
        assert found.balance >= 0
