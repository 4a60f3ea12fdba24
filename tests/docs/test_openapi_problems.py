"""Each operation can return exactly the problems that the document lists, and they match its examples."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from account_core.api import http_api
from account_core.api.openapi.problem_responses import BY_OPERATION, EXAMPLES, OF_NO_OPERATION, OF_OPTIONS, UNREACHABLE
from account_core.api.problems import PROBLEMS
from account_core.api.routes import ROUTES
from account_core.domain.errors import Corrupt, Unavailable
from account_core.domain.events import Row
from account_core.service.ports import VersionConflict
from account_core.service.usage import Usage
from account_core.store.dynamodb_errors import account_full
from tests.support.api import IAM_CALLER, OPERATOR_SCOPE, Api, jwt_caller

NEW = {"owner": "owner-1", "currency": "EUR"}
SOME = {"amount": "5.00"}
MOST = {"amount": "9999999999999999.99"}
TRANSFER = {"to": "account-2", **SOME}
BODIES = {"create_account": NEW, "credit": SOME, "withdraw": SOME, "transfer": TRANSFER}

DAYS = {"/accounts/{accountId}/statement": "?from=2026-01-31&until=2026-01-31"}
"""The required query of a path."""


@dataclass(frozen=True)
class Change:
    """A change that makes a request fail.

    Attributes:
        body: makes the wrong body from the right one.
        store: the error that the store raises.
        is_full: whether the account's item collection is full.
        has_transfers: whether the deployment accepts transfers.
        bug: an error that the API's code raises.
    """

    account_id: str = "account-1"
    owner: str = "owner-1"
    query: str = ""
    body: Callable[[dict[str, str]], str] = json.dumps
    headers: dict[str, Any] = field(default_factory=dict)
    caller: dict[str, Any] = field(default_factory=lambda: IAM_CALLER)
    store: Exception | None = None
    is_full: bool = False
    has_transfers: bool = True
    bug: Exception | None = None


CHANGES = {
    "invalid_json": Change(body=lambda _: '{"amount": 1, "amount": 2}'),
    "invalid_encoding": Change(body=lambda _: "\ud800"),
    "missing_field": Change(body=lambda _: '{"owner": "owner-1"}'),
    "unknown_field": Change(body=lambda body: json.dumps({**body, "note": ""})),
    "invalid_amount": Change(body=lambda body: json.dumps({**body, "amount": "0.001"})),
    "invalid_owner": Change(owner="Jane Doe", body=lambda body: json.dumps({**body, "owner": "Jane Doe"})),
    "invalid_currency": Change(body=lambda body: json.dumps({**body, "currency": "JPY"})),
    "invalid_account_id": Change(account_id="a b"),
    "invalid_correlation_id": Change(headers={"x_correlation_id": "a,b"}),
    "invalid_request_id": Change(headers={"x_request_id": "a,b"}),
    "invalid_idempotency_key": Change(headers={"idempotency_key": "a,b"}),
    "invalid_if_match": Change(headers={"if_match": "3"}),
    "invalid_parameter": Change(query="?limit=0"),
    "unauthenticated": Change(caller={}),
    "owner_not_allowed": Change(caller=jwt_caller("Jane Doe")),
    "account_not_found": Change(account_id="nobody"),
    "sequence_not_found": Change(query="?atSequence=4"),
    "conflict": Change(store=VersionConflict()),
    "precondition_failed": Change(headers={"if_match": '"s-2"'}),
    "body_too_large": Change(body=lambda _: "x" * 8193),
    "unsupported_media_type": Change(headers={"content_type": "text/plain"}),
    "insufficient_funds": Change(body=lambda body: json.dumps({**body, **MOST} if "amount" in body else body)),
    "balance_limit_exceeded": Change(body=lambda body: json.dumps({**body, **MOST} if "amount" in body else body)),
    "account_full": Change(is_full=True),
    "transfers_off": Change(has_transfers=False),
    "transfer_to_itself": Change(body=lambda body: json.dumps({**body, "to": "account-1"} if "to" in body else body)),
    "receiver_refused": Change(body=lambda body: json.dumps({**body, "to": "nobody"} if "to" in body else body)),
    "idempotency_key_reused": Change(headers={"idempotency_key": "key-1"}),
    "corrupt": Change(store=Corrupt("x")),
    "internal_error": Change(bug=RuntimeError("x")),
    "unavailable": Change(store=Unavailable("The account could not be read in time. Try again.")),
}


def _api(change: Change, monkeypatch: pytest.MonkeyPatch) -> Api:
    """account-1 is at sequence 3 with 12.00, and key-1 was used for it and for a creation. account-2 is empty."""
    is_jwt = "jwt" in change.caller
    api = Api("JWT" if is_jwt else "IAM", has_transfers=change.has_transfers)
    api.caller = jwt_caller("api-test-user", OPERATOR_SCOPE) if is_jwt else IAM_CALLER
    keys: list[dict[str, Any]] = [{}, {"idempotency_key": "key-1"}]
    for key in keys:
        assert api("POST", "/accounts", json.dumps({**NEW, "owner": "owner-2"}), **key)[0] == 201
        assert api("POST", "/accounts/account-1/credit", '{"amount": "6.00"}', **key)[0] == 200
    assert api("POST", "/accounts", json.dumps({**NEW, "owner": "owner-2"}))[1]["accountId"] == TRANSFER["to"]
    api.caller = change.caller
    for method in ("append",) if isinstance(change.store, VersionConflict) else ("append", "newest", "find"):
        if change.store:
            monkeypatch.setattr(api.store, method, _raising(change.store))
    if change.is_full:
        monkeypatch.setattr(api.store, "append", _full(api.store.append))
    if change.bug:
        monkeypatch.setattr(http_api, "match", _raising(change.bug))
    return api


def _full(append: Callable[..., None]) -> Callable[..., None]:
    """Answer as DynamoDB does: a new account can be stored, but the existing account's item collection is full."""

    def refuse(rows: Sequence[Row], used: Usage) -> None:
        if rows[0].version > 1:
            full: Any = {"Error": {"Code": "ItemCollectionSizeLimitExceededException"}}
            raise account_full(ClientError(full, "PutItem"), rows) or AssertionError
        append(rows, used)

    return refuse


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("code", CHANGES)
def test_an_operation_returns_a_problem_only_if_it_is_listed(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change = CHANGES[code]
    details = set()
    for path, methods in ROUTES.items():
        target = path.replace("{accountId}", change.account_id).replace("{owner}", change.owner)
        target += change.query or DAYS.get(path, "")
        listed = {method: BY_OPERATION[operation] for method, operation in methods.items()}
        for method, codes in {**listed, "OPTIONS": OF_OPTIONS}.items():
            with monkeypatch.context() as patch:
                right_body = BODIES.get(methods.get(method, ""), {})
                status, answer, _ = _api(change, patch)(method, target, change.body(right_body), **change.headers)
            found = answer.get("code") if answer else None
            assert (found == code) == (code in codes), (method, target, status, answer)
            details |= {answer["detail"]} if found == code else set()
    assert EXAMPLES[code]["value"]["detail"] in details


@pytest.mark.parametrize(
    ("code", "method", "path"), [("route_not_found", "GET", "/account"), ("method_not_allowed", "DELETE", "/accounts")]
)
def test_other_paths_and_methods_have_their_own_problems(code: str, method: str, path: str) -> None:
    _, answer, _ = Api()(method, path)
    assert {**answer, "requestId": ""} == {**EXAMPLES[code]["value"], "requestId": ""}


def test_every_problem_is_tested() -> None:
    assert {*CHANGES, *OF_NO_OPERATION, *UNREACHABLE} == set(PROBLEMS)
