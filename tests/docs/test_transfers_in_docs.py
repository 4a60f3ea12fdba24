"""What docs/api.md and docs/guarantees.md state about transfers: the example runs, and refusals reveal nothing."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from account_core.domain.events import Credited
from account_core.domain.money import MONEY_MAX
from account_core.service.head import Head, Origin, fold, rows_for
from account_core.service.usage import Usage
from tests.support.api import Api, jwt_caller

SECTION = (Path(__file__).parents[2] / "docs/api.md").read_text().partition("\n## Transfers\n")[2].partition("\n## ")[0]
NAMES = {"0b9c": "account-1", "7f3e": "account-2", "c1d7a3a2": "account-3"}
"""The document's ids, and those that the API makes here, in order."""


def as_made(text: str) -> str:
    return re.sub("|".join(NAMES), lambda found: NAMES[found[0]], text)


@pytest.fixture
def api() -> Api:
    """The document's account, with a balance of 60.00 EUR, and another one."""
    api = Api()
    for owner in ("owner-1", "owner-2"):
        assert api("POST", "/accounts", json.dumps({"owner": owner, "currency": "EUR"}))[0] == 201
    for command, amount in (("credit", "100.00"), ("withdraw", "40.00")):
        assert api("POST", f"/accounts/account-1/{command}", json.dumps({"amount": amount}))[0] == 200
    return api


def test_the_example_of_a_transfer_runs_as_written(api: Api) -> None:
    [request] = re.findall(r"```\nPOST (\S+)\n```", SECTION)
    body, response = re.findall(r"```json\n(.*?)\n```", SECTION, re.DOTALL)
    answer = api("POST", as_made(request), as_made(body), correlation_id="mine", idempotency_key="mine")
    assert answer[:2] == (200, json.loads(as_made(response)))
    [paid], [received] = (
        api("GET", f"/accounts/{account_id}/events?after={after}")[1]["events"]
        for account_id, after in (("account-1", 3), ("account-2", 1))
    )
    for name in ("transferId", "amount", "occurredAt"):
        assert paid[name] == received[name]
    assert (paid["type"], received["type"]) == ("BalanceWithdrawn", "BalanceCredited")
    assert (paid["counterpartyAccountId"], received["counterpartyAccountId"]) == ("account-2", "account-1")
    assert received["correlationId"] == paid["transferId"] == "account-3"
    assert "mine" not in json.dumps(received)
    others = api("GET", "/accounts/account-1/events?after=1&limit=2")[1]["events"]
    assert [(each["transferId"], each["counterpartyAccountId"]) for each in others] == [(None, None)] * 2


def full(api: Api, account_id: str) -> None:
    """Credits an account until it can hold nothing more."""
    head: Head = fold(api.store.newest(account_id, Usage()))
    assert head.account is not None
    event = Credited(MONEY_MAX - head.account.balance)
    api.store.append(rows_for(account_id, head, event, Origin("2026-01-31T09:30:00.000002Z", "c", "r")), Usage())
    api.forget()


def test_the_receivers_refusals_are_one_and_the_same(api: Api) -> None:
    for owner, currency in (("owner-3", "USD"), ("owner-4", "EUR")):
        assert api("POST", "/accounts", json.dumps({"owner": owner, "currency": currency}))[0] == 201
    full(api, "account-4")
    answers: list[dict[str, Any]] = []
    for to in ("account-3", "account-4", "unknown"):
        status, body, headers = api("POST", "/accounts/account-1/transfer", json.dumps({"to": to, "amount": "1.00"}))
        assert (status, body["code"]) == (422, "receiver_refused")
        assert "ETag" not in headers
        answers.append({**body, "requestId": ""})
    assert answers == answers[:1] * 3


def test_another_owners_paying_account_looks_like_an_unknown_one(api: Api) -> None:
    api = Api("JWT")
    for subject in ("alice", "mallory"):
        api.caller = jwt_caller(subject)
        assert api("POST", "/accounts", json.dumps({"currency": "EUR"}))[0] == 201
    body = json.dumps({"to": "account-2", "amount": "1.00"})
    answers = [api("POST", f"/accounts/{payer}/transfer", body)[:2] for payer in ("account-1", "unknown")]
    assert [status for status, _ in answers] == [404, 404]
    assert len({json.dumps({**problem, "requestId": ""}) for _, problem in answers}) == 1


def test_the_least_transfer_is_a_cent(api: Api) -> None:
    for amount, expected in ((Decimal("0.00"), 400), (Decimal("0.01"), 200)):
        body = json.dumps({"to": "account-2", "amount": str(amount)})
        assert api("POST", "/accounts/account-1/transfer", body)[0] == expected


def test_a_repetition_returns_the_first_result_whatever_has_changed(api: Api) -> None:
    body = json.dumps({"to": "account-2", "amount": "60.00"})
    first = api("POST", "/accounts/account-1/transfer", body, idempotency_key="k")
    assert first[0] == 200
    full(api, "account-2")
    again = api("POST", "/accounts/account-1/transfer", body, idempotency_key="k")
    assert again[:2] == first[:2], "neither the balance nor the receiver could take it now"
    for changes in ({"to": "account-9"}, {"amount": "59.99"}):
        status, problem, _ = api(
            "POST", "/accounts/account-1/transfer", json.dumps(json.loads(body) | changes), idempotency_key="k"
        )
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert api("POST", "/accounts/account-2/withdraw", json.dumps({"amount": "0.01"}), idempotency_key="k")[0] == 200
