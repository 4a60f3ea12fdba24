import base64
import json
import logging
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from account_core.errors import Conflict, Corrupt, Unavailable
from account_core.http_api import HttpApi
from account_core.memory_store import MemoryAccountStore
from account_core.service import AccountService


class Api:
    """The API on an in-memory store, called as API Gateway calls it."""

    def __init__(self) -> None:
        self.store = MemoryAccountStore()
        ids = count(1)
        self.api = HttpApi(
            AccountService(self.store),
            now=lambda: datetime(2026, 1, 31, 9, 30, 0, 1, UTC),
            new_id=lambda: f"account-{next(ids)}",
            logger=Logger(service="test", level=logging.CRITICAL),
        )

    def __call__(
        self, method: str, path: str, body: str | None = None, *, encoded: bool = False, **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, Any]]:
        answer = self.api(
            {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": "",
                "headers": {name.replace("_", "-"): value for name, value in headers.items()},
                "requestContext": {
                    "requestId": "request-1",
                    "stage": "$default",
                    "http": {"method": method, "path": path},
                },
                "body": body,
                "isBase64Encoded": encoded,
            },
            None,
        )
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    def items(self) -> list[Any]:
        return list(self.store._items["account-1"].values())  # noqa: SLF001 -- what was stored


@pytest.fixture
def api() -> Api:
    api = Api()
    status, body, headers = api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    assert (status, headers["Location"]) == (201, "/accounts/account-1")
    assert body == {"accountId": "account-1", "balance": "0.00", "currency": "EUR", "version": 1, "sequence": 1}
    return api


def test_credit_withdraw_read(api: Api) -> None:
    assert api("POST", "/accounts/account-1/credit", '{"amount": "100"}')[1]["balance"] == "100.00"
    status, answer, _ = api("POST", "/accounts/account-1/withdraw", '{"amount": 40.5}')
    expected = {"accountId": "account-1", "balance": "59.50", "currency": "EUR", "version": 3, "sequence": 3}
    assert (status, answer) == (200, expected)
    assert api("GET", "/accounts/account-1")[:2] == (200, expected)


@pytest.mark.parametrize(
    "amount", ['"0.01"', "1e2", "1E+2", "9999999999999999.99", '"9999999999999999.99"', "5.0", "7"]
)
def test_amounts_that_are_money(api: Api, amount: str) -> None:
    assert api("POST", "/accounts/account-1/credit", f'{{"amount": {amount}}}')[0] == 200


def test_a_json_number_is_read_digit_by_digit(api: Api) -> None:
    assert api("POST", "/accounts/account-1/credit", '{"amount": 9007199254740993.07}')[1]["balance"] == (
        "9007199254740993.07"
    )


BAD_AMOUNTS = [
    *("0", "-1", "0.00", '"0"', '"-5"', '"+5"', "0.001", '"1.005"', "10.000", "1e400", "1e-400", '"1e2"', '"0x10"'),
    *("NaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"', '"sNaN"', "1e99999999999999999999"),
    *("10000000000000000.00", '"12345678901234567890"', "1234567890123456789", "true", "false", "null"),
    *("[]", "{}", "[1]", '{"amount": 1}', '""', '" 5"', '"5 "', '"1,000"', '"1_000"', '"\\u0661"', '"five"'),
]


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_amounts_that_are_not_money_are_refused_and_nothing_is_stored(api: Api, amount: str) -> None:
    status, problem, headers = api("POST", "/accounts/account-1/credit", f'{{"amount": {amount}}}')
    assert status == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["code"] in {"invalid_amount", "invalid_json"}
    assert len(api.items()) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "invalid_json"),
        ("", "invalid_json"),
        ("amount=5", "invalid_json"),
        ("[]", "invalid_json"),
        ("{}", "missing_field"),
        ('{"Amount": "5"}', "missing_field"),
        ('{"amount": "5", "currency": "USD"}', "unknown_field"),
        ('{"amount": "5", "amount": "6"}', "invalid_json"),
        ("[" * 4000, "invalid_json"),
        ('{"amount": ' + "9" * 7000 + "}", "invalid_amount"),
        ('{"amount": "' + "9" * 9000 + '"}', "body_too_large"),
        ("\ud800", "invalid_encoding"),
    ],
)
def test_bodies_that_are_refused(api: Api, body: str | None, code: str) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/withdraw", body)
    assert problem["code"] == code
    assert status in {400, 413}
    assert problem["status"] == status
    assert problem["type"].endswith(code)
    assert problem["detail"]


@pytest.mark.parametrize("body", [base64.b64encode(b'{"amount": "\xff"}').decode(), "!", "\u00fc"])
def test_bytes_that_are_not_utf8_are_refused(api: Api, body: str) -> None:
    assert api("POST", "/accounts/account-1/credit", body, encoded=True)[1]["code"] == "invalid_encoding"


def test_a_base64_body_is_read(api: Api) -> None:
    body = base64.b64encode(b'{"amount": "5"}').decode()
    assert api("POST", "/accounts/account-1/credit", body, encoded=True)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        '{"owner": "", "currency": "EUR"}',
        '{"owner": "Jane Doe", "currency": "EUR"}',
        '{"owner": 5, "currency": "EUR"}',
        '{"owner": "o", "currency": "eur"}',
        '{"owner": "o", "currency": "XXX"}',
        '{"owner": "o", "currency": "JPY"}',
        '{"owner": "o", "currency": ["EUR"]}',
        '{"owner": "o"}',
    ],
)
def test_accounts_that_cannot_be_created(api: Api, body: str) -> None:
    status, problem, _ = api("POST", "/accounts", body)
    assert status == 400
    assert problem["code"] in {"invalid_owner", "invalid_currency", "missing_field"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/accounts/unknown", 404, "account_not_found"),
        ("GET", "/accounts/%20", 400, "invalid_account_id"),
        ("GET", "/accounts/" + "a" * 65, 400, "invalid_account_id"),
        ("GET", "/accounts/..", 400, "invalid_account_id"),
        ("GET", "/", 404, "route_not_found"),
        ("GET", "/accounts", 404, "route_not_found"),
        ("DELETE", "/accounts/account-1", 404, "route_not_found"),
        ("GET", "/accounts/a/b/c", 404, "route_not_found"),
    ],
)
def test_what_is_not_there(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = api(method, path)
    assert (answer[0], answer[1]["code"]) == (status, code)


def test_the_domain_says_no(api: Api) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/withdraw", '{"amount": "0.01"}')
    assert (status, problem["code"]) == (422, "insufficient_funds")
    assert api("POST", "/accounts/nobody/credit", '{"amount": "5"}')[0] == 404


def test_only_json_is_taken(api: Api) -> None:
    answer = api(
        "POST", "/accounts/account-1/credit", '{"amount": 5}', content_type="application/x-www-form-urlencoded"
    )
    assert answer[0] == 415
    assert (
        api("POST", "/accounts/account-1/credit", '{"amount": 5}', content_type="Application/JSON; charset=utf-8")[0]
        == 200
    )


def test_correlation_id_is_stored_or_the_request_id_in_its_place(api: Api) -> None:
    api("POST", "/accounts/account-1/credit", '{"amount": 5}', x_correlation_id="order-7")
    assert [item["CorrelationId"]["S"] for item in api.items()] == ["request-1", "order-7"]
    assert api("POST", "/accounts/account-1/credit", '{"amount": 5}', x_correlation_id="a b")[0] == 400


def test_an_idempotency_key_is_not_silently_ignored(api: Api) -> None:
    answer = api("POST", "/accounts/account-1/credit", '{"amount": 5}', idempotency_key="k")
    assert (answer[0], answer[1]["code"]) == (400, "idempotency_key_unsupported")
    assert len(api.items()) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(Conflict("x"), 409), (Unavailable("x"), 503), (Corrupt("secret"), 500), (RuntimeError("secret"), 500)],
)
def test_what_goes_wrong_inside(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(api.store, "newest", fail)
    answer = api("GET", "/accounts/account-1")
    assert answer[0] == status
    assert "secret" not in json.dumps(answer[1])
    assert ("Retry-After" in answer[2]) == (status == 503)


def test_an_account_that_may_have_been_created_is_named(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def store_and_lose_the_answer(_: object) -> None:
        raise Unavailable("x")

    monkeypatch.setattr(api.store, "append", store_and_lose_the_answer)
    status, problem, _ = api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    assert status == 503
    assert "/accounts/account-2" in problem["detail"]


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_body_whatever_is_a_server_error(body: str | bytes) -> None:
    api = Api()
    encoded = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    assert api("POST", "/accounts/account-1/credit", text, encoded=encoded)[0] in {400, 404}
    assert api("POST", "/accounts", text, encoded=encoded)[0] == 400
