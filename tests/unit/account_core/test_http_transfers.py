"""Transfers over HTTP: who may, what is refused, and what each owner sees."""

import json
from typing import Any

import pytest

from account_core.domain.errors import AccountFull, Unavailable
from account_core.service.ports import WriteConflict
from tests.support.api import Api, jwt_caller

MOST = "9999999999999999.99"
PAYER, RECEIVER, DOLLARS, RICH = "account-1", "account-2", "account-3", "account-4"
"""The accounts of owner-1 (100.00 EUR) and owner-2 (empty), one in USD, and one that is at the limit of a balance."""


WRONG_IDS: list[object] = [None, 2, True, [RECEIVER], {}]
WRONG_AMOUNTS: list[object] = ["0", "-5", "0.001", "five", None, 0, -1, 1e30, "10000000000000000.00", [], {}, True]


def with_accounts(authorisation: Any = "IAM") -> Api:  # noqa: ANN401 -- a literal
    api = Api(authorisation)
    opened = [("owner-1", "EUR"), ("owner-2", "EUR"), ("owner-3", "USD"), ("owner-4", "EUR")]
    for owner, currency in opened:
        api.caller = jwt_caller(owner) if authorisation == "JWT" else api.caller
        account_id = api("POST", "/accounts", json.dumps({"owner": owner, "currency": currency}))[1]["accountId"]
        amount = {PAYER: "100.00", RICH: MOST}.get(account_id)
        if amount:
            assert api("POST", f"/accounts/{account_id}/credit", json.dumps({"amount": amount}))[0] == 200
    api.caller = jwt_caller("owner-1") if authorisation == "JWT" else api.caller
    return api


@pytest.fixture
def api() -> Api:
    return with_accounts()


def transfer(
    api: Api,
    to: object = RECEIVER,
    amount: object = "5.00",
    payer: str = PAYER,
    **headers: Any,  # noqa: ANN401 -- as `Api`
) -> tuple[int, Any, dict[str, Any]]:
    return api("POST", f"/accounts/{payer}/transfer", json.dumps({"to": to, "amount": amount}), **headers)


def events_of(api: Api, account_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = api("GET", f"/accounts/{account_id}/events")[1]["events"]
    return events


def stored(api: Api) -> int:
    return sum(len(api.items(account_id)) for account_id in (PAYER, RECEIVER, DOLLARS, RICH))


def test_a_transfer_answers_with_the_paying_account(api: Api) -> None:
    status, body, headers = transfer(api)
    assert (status, body) == (
        200,
        {"accountId": PAYER, "balance": "95.00", "currency": "EUR", "sequence": 3, "transferId": "account-5"},
    )
    assert headers["ETag"] == '"s-3"'
    assert api("GET", f"/accounts/{RECEIVER}")[1] == {
        "accountId": RECEIVER,
        "balance": "5.00",
        "currency": "EUR",
        "sequence": 2,
    }
    line = next(line for line in reversed(api.log.lines) if line["operation"] == "transfer")
    assert (line["transfer_id"], line["sequence"], line["account_id"]) == ("account-5", 3, PAYER)


def test_both_accounts_list_the_transfer_with_the_other_account(api: Api) -> None:
    transfer(api, idempotency_key="secret-key", x_request_id="secret-request", x_correlation_id="secret-correlation")
    paid, received = events_of(api, PAYER)[-1], events_of(api, RECEIVER)[-1]
    of_both = {"transferId": "account-5", "amount": "5.00", "currency": "EUR", "occurredAt": paid["occurredAt"]}
    assert paid == {
        **of_both,
        "sequence": 3,
        "type": "BalanceWithdrawn",
        "balance": "95.00",
        "counterpartyAccountId": RECEIVER,
        "correlationId": "secret-correlation",
        "requestId": "secret-request",
        "idempotencyKey": "secret-key",
    }
    assert received == {
        **of_both,
        "sequence": 2,
        "type": "BalanceCredited",
        "balance": "5.00",
        "counterpartyAccountId": PAYER,
        "correlationId": "account-5",
        "requestId": None,
        "idempotencyKey": None,
    }
    assert "secret" not in json.dumps(api.items(RECEIVER))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"to": RECEIVER}, 400, "missing_field"),
        ({"amount": "5.00"}, 400, "missing_field"),
        ({"to": RECEIVER, "amount": "5.00", "currency": "EUR"}, 400, "unknown_field"),
        ({"to": RECEIVER, "amount": "5.00", "transferId": "mine"}, 400, "unknown_field"),
        ({"to": "a b", "amount": "5.00"}, 400, "invalid_account_id"),
        ({"to": "", "amount": "5.00"}, 400, "invalid_account_id"),
        ({"to": "x" * 65, "amount": "5.00"}, 400, "invalid_account_id"),
        ({"to": f"{RECEIVER}\n", "amount": "5.00"}, 400, "invalid_account_id"),
        ({"to": "\u00e9", "amount": "5.00"}, 400, "invalid_account_id"),
        *(({"to": to, "amount": "5.00"}, 400, "invalid_account_id") for to in WRONG_IDS),
        *(({"to": RECEIVER, "amount": amount}, 400, "invalid_amount") for amount in WRONG_AMOUNTS),
        ({"to": PAYER, "amount": "5.00"}, 422, "transfer_to_itself"),
        ({"to": RECEIVER, "amount": "100.01"}, 422, "insufficient_funds"),
        ({"to": RECEIVER, "amount": MOST}, 422, "insufficient_funds"),
        ({"to": "nobody", "amount": "5.00"}, 422, "receiver_refused"),
        ({"to": DOLLARS, "amount": "5.00"}, 422, "receiver_refused"),
        ({"to": RICH, "amount": "0.01"}, 422, "receiver_refused"),
    ],
)
def test_a_wrong_transfer_is_a_named_problem_and_writes_nothing(
    api: Api, body: dict[str, Any], status: int, code: str
) -> None:
    before = stored(api)
    found, problem, headers = api("POST", f"/accounts/{PAYER}/transfer", json.dumps(body))
    assert (found, problem["code"]) == (status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert stored(api) == before
    assert api.log.lines[-1]["used"].write_units == 0


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize("key", [{}, {"idempotency_key": "key-1"}], ids=["no key", "key"])
def test_refused_receivers_look_the_same(api: Api, key: dict[str, str], *, is_cached: bool) -> None:
    found = []
    for to in ("nobody", DOLLARS, RICH):
        if not is_cached:
            api.forget()
        status, problem, headers = transfer(api, to, **key)
        same_headers = {name: value for name, value in headers.items() if not name.startswith("X-")}
        found.append((status, {**problem, "requestId": ""}, same_headers, api.log.lines[-1]["used"].requests))
    assert found[0] == found[1] == found[2]
    assert found[0][1]["code"] == "receiver_refused"


def test_a_full_receiver_is_refused_like_an_unknown_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = transfer(api, "nobody")[1]

    def full(*_: object) -> None:
        raise AccountFull(RECEIVER)

    monkeypatch.setattr(api.store, "append", full)
    status, problem, _ = transfer(api)
    assert (status, {**problem, "requestId": ""}) == (422, {**unknown, "requestId": ""})


@pytest.mark.parametrize("is_cached", [True, False])
def test_with_a_token_only_the_owner_can_pay(*, is_cached: bool) -> None:
    api = with_accounts("JWT")
    before, found = stored(api), []
    for payer in (RECEIVER, "nobody"):
        if not is_cached:
            api.forget()
        status, problem, _ = transfer(api, PAYER, payer=payer, idempotency_key="key-1")
        found.append((status, {**problem, "requestId": ""}, api.log.lines[-1]["used"].requests))
    assert found[0] == found[1]
    assert (found[0][0], found[0][1]["code"], found[0][2]) == (404, "account_not_found", 1)
    assert stored(api) == before


def test_with_a_token_the_receiver_may_be_anyones() -> None:
    api = with_accounts("JWT")
    assert transfer(api)[1]["balance"] == "95.00"
    assert api("GET", f"/accounts/{RECEIVER}")[0] == 404, "the payer does not see the receiving account"
    api.caller = jwt_caller("owner-2")
    assert api("GET", f"/accounts/{RECEIVER}")[1]["balance"] == "5.00"


def test_the_same_key_of_another_owner_is_another_command() -> None:
    api = with_accounts("JWT")
    assert transfer(api, idempotency_key="key-1")[0] == 200
    api.caller = jwt_caller("owner-2")
    status, body, headers = transfer(api, PAYER, payer=RECEIVER, idempotency_key="key-1")
    assert (status, body["balance"]) == (200, "0.00")
    assert "Idempotent-Replayed" not in headers


def test_a_repeated_transfer_returns_the_first_result(api: Api) -> None:
    first = transfer(api, idempotency_key="key-1")[1]
    for _ in range(30):
        assert transfer(api, amount="1.00")[0] == 200
    api.forget()
    status, body, headers = transfer(api, idempotency_key="key-1")
    assert (status, body, headers["Idempotent-Replayed"]) == (200, first, "true")
    for to, amount in ((RECEIVER, "5.01"), (DOLLARS, "5.00"), (PAYER, "5.00")):
        status, problem, _ = transfer(api, to, amount, idempotency_key="key-1")
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert api("GET", f"/accounts/{RECEIVER}")[1]["balance"] == "35.00"


def test_if_match_guards_the_paying_account(api: Api) -> None:
    status, problem, _ = transfer(api, if_match='"s-1"')
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert transfer(api, if_match='"s-2"')[0] == 200


def test_transfers_can_be_switched_off() -> None:
    api = Api(has_transfers=False)
    assert api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')[0] == 201
    status, problem, _ = transfer(api)
    assert (status, problem["code"], api.log.lines[-1]["used"].requests) == (403, "transfers_off", 0)


def test_a_conflict_that_nobody_wins_is_answered_with_409(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_: object) -> None:
        raise WriteConflict

    before = stored(api)
    monkeypatch.setattr(api.store, "append", conflict)
    status, problem, headers = transfer(api)
    assert (status, problem["code"], headers["Retry-After"]) == (409, "conflict", "1")
    assert stored(api) == before


def test_a_lost_answer_is_unknown_without_a_key_and_found_with_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    append = api.store.append

    def lose(*arguments: Any) -> None:  # noqa: ANN401 -- the store's own
        append(*arguments)
        raise Unavailable("It is unknown whether the command was carried out.")

    for key in ({}, {"idempotency_key": "key-1"}):
        with monkeypatch.context() as patch:
            patch.setattr(api.store, "append", lose)
            status, problem, _ = transfer(api, **key)
            assert (status, problem["code"]) == (503, "unavailable")
    _, body, headers = transfer(api, idempotency_key="key-1")
    assert (body["balance"], headers["Idempotent-Replayed"]) == ("90.00", "true")
    assert api("GET", f"/accounts/{RECEIVER}")[1]["balance"] == "10.00"
