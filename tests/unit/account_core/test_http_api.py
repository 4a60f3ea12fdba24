import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.api.problems import PROBLEMS
from account_core.domain.errors import AccountFull, Conflict, Corrupt, Unavailable
from tests.support.api import Api


@pytest.fixture
def api() -> Api:
    api = Api()
    status, body, headers = api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    assert (status, headers["Location"]) == (201, "/accounts/account-1")
    assert body == {"accountId": "account-1", "balance": "0.00", "currency": "EUR", "sequence": 1}
    return api


def test_a_credit_and_a_withdrawal_change_the_balance(api: Api) -> None:
    assert api("POST", "/accounts/account-1/credit", '{"amount": "100"}')[1]["balance"] == "100.00"
    status, answer, _ = api("POST", "/accounts/account-1/withdraw", '{"amount": 40.5}')
    expected = {"accountId": "account-1", "balance": "59.50", "currency": "EUR", "sequence": 3}
    assert (status, answer) == (200, expected)
    assert api("GET", "/accounts/account-1")[:2] == (200, expected)


@pytest.mark.parametrize(
    "amount", ['"0.01"', "1e2", "1E+2", "9999999999999999.99", '"9999999999999999.99"', "5.0", "7"]
)
def test_valid_amounts_are_accepted(api: Api, amount: str) -> None:
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
def test_invalid_amounts_are_refused_and_nothing_is_stored(api: Api, amount: str) -> None:
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
        ('{"amount": "5", "note": "' + "x" * 2**20 + '"}', "body_too_large"),
        ("\ud800", "invalid_encoding"),
    ],
)
def test_invalid_bodies_are_refused(api: Api, body: str | None, code: str) -> None:
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
        '{"owner": "o", "currency": "XTS"}',
        '{"owner": "o", "currency": "JPY"}',
        '{"owner": "o", "currency": ["EUR"]}',
        '{"owner": "o"}',
    ],
)
def test_invalid_creations_are_refused(api: Api, body: str) -> None:
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
        ("GET", "/accounts/%2e%2e", 400, "invalid_account_id"),
        ("GET", "/accounts/a%00b", 400, "invalid_account_id"),
        ("GET", "/accounts/\u0661", 400, "invalid_account_id"),
        ("POST", "/accounts/../credit", 400, "invalid_account_id"),
        ("GET", "/", 404, "route_not_found"),
        ("GET", "", 404, "route_not_found"),
        ("GET", "/accounts/", 404, "route_not_found"),
        ("GET", "//accounts", 404, "route_not_found"),
        ("GET", "/accounts/account-1/", 404, "route_not_found"),
        ("GET", "/accounts/../accounts/account-1", 404, "route_not_found"),
        ("GET", "/accounts/a/b/c", 404, "route_not_found"),
        ("GET", "/Accounts/account-1", 404, "route_not_found"),
        ("GET", "/accounts", 405, "method_not_allowed"),
        ("DELETE", "/accounts/account-1", 405, "method_not_allowed"),
        ("PATCH", "/accounts/account-1/credit", 405, "method_not_allowed"),
        ("HEAD", "/accounts/account-1/credit", 405, "method_not_allowed"),
        ("GET", "/accounts/account-1?version=1", 400, "invalid_parameter"),
        ("POST", "/accounts?dry_run=true", 400, "invalid_parameter"),
    ],
)
def test_unknown_paths_accounts_and_methods_are_refused(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    status_found, problem, headers = api(method, path)
    if method == "HEAD":
        assert (status_found, problem) == (status, None)
    else:
        assert (status_found, problem["code"]) == (status, code)
    assert ("Allow" in headers) == (status == 405)


def test_a_withdrawal_beyond_the_balance_is_refused(api: Api) -> None:
    status, problem, _ = api("POST", "/accounts/account-1/withdraw", '{"amount": "0.01"}')
    assert (status, problem["code"]) == (422, "insufficient_funds")
    assert api("POST", "/accounts/nobody/credit", '{"amount": "5"}')[0] == 404


def test_a_full_account_accepts_only_reads_and_replays(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    credit = ("POST", "/accounts/account-1/credit", '{"amount": "5.00"}')
    assert api(*credit, idempotency_key="key-1")[0] == 200

    def full(*_: object) -> None:
        raise AccountFull("account-1")

    monkeypatch.setattr(api.store, "append", full)
    for _ in range(2):
        status, problem, headers = api(*credit, idempotency_key="key-2")
        assert (status, problem["code"]) == (422, "account_full")
        assert "Retry-After" not in headers, "a full account stays full, so a retry is useless"
    status, account, headers = api(*credit, idempotency_key="key-1")
    assert (status, account["balance"], headers["Idempotent-Replayed"]) == (200, "5.00", "true")
    assert api("GET", "/accounts/account-1")[1]["balance"] == "5.00"


def test_media_types_other_than_json_are_refused(api: Api) -> None:
    answer = api(
        "POST", "/accounts/account-1/credit", '{"amount": 5}', content_type="application/x-www-form-urlencoded"
    )
    assert answer[0] == 415
    assert (
        api("POST", "/accounts/account-1/credit", '{"amount": 5}', content_type="Application/JSON; charset=utf-8")[0]
        == 200
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [(Conflict("x"), 409), (Unavailable("x"), 503), (Corrupt("secret"), 500), (RuntimeError("secret"), 500)],
)
def test_internal_failures_are_answered_with_a_problem(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api.store, "newest", fail)
    answer = api("GET", "/accounts/account-1")
    assert answer[0] == status
    assert "secret" not in json.dumps(answer[1])
    assert answer[2].get("Retry-After") == ("1" if status in {409, 503} else None)


def test_an_account_that_may_have_been_created_is_named(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def store_and_lose_the_answer(*_: object) -> None:
        raise Unavailable("x")

    monkeypatch.setattr(api.store, "append", store_and_lose_the_answer)
    status, problem, _ = api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    assert status == 503
    assert "/accounts/account-2" in problem["detail"]


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_arbitrary_bodies_never_cause_a_server_error(body: str | bytes) -> None:
    api = Api()
    encoded = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    assert api("POST", "/accounts/account-1/credit", text, encoded=encoded)[0] in {400, 404}
    assert api("POST", "/accounts", text, encoded=encoded)[0] == 400


def test_ids_are_stored_returned_and_logged(api: Api) -> None:
    _, _, headers = api("POST", "/accounts/account-1/credit", '{"amount": 5}')
    assert (headers["X-Request-Id"], headers["X-Correlation-Id"]) == ("request-2", "request-2")
    own: dict[str, Any] = {"x_request_id": "my-request", "x_correlation_id": "order-7", "idempotency_key": "key-1"}
    _, _, headers = api("POST", "/accounts/account-1/credit", '{"amount": 5}', **own)
    assert (headers["X-Request-Id"], headers["X-Correlation-Id"]) == ("my-request", "order-7")
    stored = [(item["RequestId"]["S"], item["CorrelationId"]["S"], item.get("CommandId")) for item in api.items()]
    assert stored == [
        ("request-1", "request-1", None),
        ("request-2", "request-2", None),
        ("my-request", "order-7", {"S": "key-1"}),
    ]
    line = api.log.lines[-1]
    assert (line["request_id"], line["correlation_id"], line["operation"]) == ("my-request", "order-7", "credit")
    assert "5" not in json.dumps({name: value for name, value in line.items() if name != "used"}), (
        "no amounts are logged"
    )


@pytest.mark.parametrize("header", ["x_request_id", "x_correlation_id", "idempotency_key"])
@pytest.mark.parametrize("value", ["", "a b", "a,b", "\u00fc", "a\n", "x" * 129])
def test_invalid_ids_are_refused(api: Api, header: str, value: str) -> None:
    sent: dict[str, Any] = {header: value}
    status, problem, headers = api("POST", "/accounts/account-1/credit", '{"amount": 5}', **sent)
    name = {"idempotency_key": "idempotency_key"}.get(header, header.removeprefix("x_"))
    assert (status, problem["code"]) == (400, f"invalid_{name}")
    assert headers["X-Request-Id"] == problem["requestId"] == "request-2"
    assert len(api.items()) == 1


def test_a_repeated_command_returns_its_first_result(api: Api) -> None:
    api("POST", "/accounts/account-1/credit", '{"amount": "100"}')
    sent = ("POST", "/accounts/account-1/withdraw", '{"amount": "60.00"}')
    first = api(*sent, idempotency_key="key-1")
    api("POST", "/accounts/account-1/credit", '{"amount": "1"}')
    again = api(*sent, idempotency_key="key-1")
    assert again[:2] == first[:2]
    assert (first[2].get("Idempotent-Replayed"), again[2]["Idempotent-Replayed"]) == (None, "true")
    assert again[2]["ETag"] == first[2]["ETag"] == '"s-3"'
    assert api("POST", "/accounts/account-1/withdraw", '{"amount": 60}', idempotency_key="key-1")[1] == first[1]
    for path, body in (("withdraw", '{"amount": "60.01"}'), ("credit", '{"amount": "60.00"}')):
        status, problem, _ = api("POST", f"/accounts/account-1/{path}", body, idempotency_key="key-1")
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert len(api.items()) == 4


def test_a_repeated_creation_finds_the_first_account(api: Api) -> None:
    sent = ("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    first, again = (api(*sent, idempotency_key="key-1") for _ in range(2))
    assert first[:2] == again[:2]
    assert first[2]["Location"] == again[2]["Location"] == f"/accounts/{first[1]['accountId']}"
    assert again[2]["Idempotent-Replayed"] == "true"
    status, problem, _ = api("POST", "/accounts", '{"owner": "owner-2", "currency": "EUR"}', idempotency_key="key-1")
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert api(*sent, idempotency_key="key-2")[1]["accountId"] != first[1]["accountId"]
    assert len(api.items(first[1]["accountId"])) == 1


def test_if_match_accepts_only_the_etag_of_the_current_sequence(api: Api) -> None:
    sent = ("POST", "/accounts/account-1/credit", '{"amount": 5}')
    assert api("GET", "/accounts/account-1")[2]["ETag"] == '"s-1"'
    assert api(*sent, if_match='"s-1"')[2]["ETag"] == '"s-2"'
    for outdated in ('"s-1"', '"s-3"', 'W/"s-2"', '"two"', '"s-1", "s-3"', '"s-02"', '"S-2"', '"2"', '"s2"'):
        status, problem, _ = api(*sent, if_match=outdated)
        assert (status, problem["code"]) == (412, "precondition_failed")
    assert api(*sent, if_match='"s-1", "s-2"')[2]["ETag"] == '"s-3"'
    assert api(*sent, if_match="*")[2]["ETag"] == '"s-4"'
    for wrong in ("s-4", "4", "", "'s-4'", '"s-4', '"s-4" "s-5"', '"s-4 "', ","):
        assert api(*sent, if_match=wrong)[1]["code"] == "invalid_if_match"
    assert (
        api("POST", "/accounts", '{"owner": "o", "currency": "EUR"}', if_match='"s-1"')[1]["code"] == "invalid_if_match"
    )
    assert len(api.items()) == 4


def test_a_read_with_a_current_etag_returns_304_without_a_body(api: Api) -> None:
    assert api("GET", "/accounts/account-1", if_none_match='"s-1"')[:2] == (304, None)
    for known in ('W/"s-1"', '"s-0", "s-1"', "*"):
        assert api("GET", "/accounts/account-1", if_none_match=known)[:2] == (304, None)
    for unknown in ('"s-2"', "s-1", '"s-1', '"s-1" or so', "", '"1"', 'W/"1"', '"0", "1"', '"s-01"', '"S-1"'):
        assert api("GET", "/accounts/account-1", if_none_match=unknown)[0] == 200


def test_head_and_options_are_supported(api: Api) -> None:
    status, _, headers = api("GET", "/accounts/account-1")
    assert api("HEAD", "/accounts/account-1")[:2] == (status, None)
    assert {**api("HEAD", "/accounts/account-1")[2], "X-Request-Id": "", "X-Correlation-Id": ""} == {
        **headers,
        "X-Request-Id": "",
        "X-Correlation-Id": "",
    }
    assert api("HEAD", "/accounts/nobody")[:2] == (404, None)
    status, body, headers = api("OPTIONS", "/accounts/account-1")
    assert (status, body, headers["Allow"]) == (204, None, "GET, HEAD, OPTIONS")
    assert api("OPTIONS", "/accounts")[2]["Allow"] == "POST, OPTIONS"
    assert api("DELETE", "/accounts/account-1")[2]["Allow"] == "GET, HEAD, OPTIONS"


def test_every_answer_has_ids_and_every_problem_is_in_the_catalogue(api: Api) -> None:
    answers = [
        api("GET", "/accounts/account-1"),
        api("GET", "/nowhere"),
        api("POST", "/accounts", "{"),
        api("HEAD", "/"),
    ]
    for _, body, headers in answers:
        assert headers["X-Request-Id"].startswith("request-")
        assert body is None or "code" not in body or body["status"] == PROBLEMS[body["code"]].status
