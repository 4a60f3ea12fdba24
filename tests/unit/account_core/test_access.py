"""With JWT, the subject owns what it creates and sees no more; with IAM, callers are not told apart."""

from typing import Any

import pytest

from account_core.access import Caller, caller_of
from account_core.errors import InvalidRequest
from tests.api import IAM_CALLER, OPERATOR_SCOPE, Api, jwt_caller

EUR = '{"currency": "EUR"}'


@pytest.fixture
def api() -> Api:
    """Alice owns account-1, with 100.00 on it."""
    api = Api("JWT")
    api.caller = jwt_caller("alice")
    assert api("POST", "/accounts", EUR)[0] == 201
    assert api("POST", "/accounts/account-1/credit", '{"amount": 100}', idempotency_key="key-1")[0] == 200
    return api


REQUESTS = [
    ("GET", "/accounts/account-1", None),
    ("GET", "/accounts/account-1?atVersion=1", None),
    ("GET", "/accounts/account-1?atVersion=99", None),
    ("GET", "/accounts/account-1?at=2026-01-31T09:30:01Z", None),
    ("GET", "/accounts/account-1/events", None),
    ("GET", "/accounts/account-1/events?order=newest&after=1", None),
    ("HEAD", "/accounts/account-1", None),
    ("POST", "/accounts/account-1/credit", '{"amount": 100}'),
    ("POST", "/accounts/account-1/withdraw", '{"amount": 1000}'),
]


@pytest.mark.parametrize(("method", "target", "body"), REQUESTS)
@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "key-1"}, {"if_match": '"9"'}], ids=str)
def test_for_others_the_account_does_not_exist(
    api: Api, method: str, target: str, body: str | None, headers: dict[str, Any]
) -> None:
    """And nothing tells it apart from one that really does not."""
    api.caller = jwt_caller("mallory")
    status, problem, _ = api(method, target, body, **headers)
    unknown = api(method, target.replace("account-1", "account-9"), body, **headers)
    assert status == unknown[0] == 404
    if problem is not None:
        assert {**problem, "requestId": ""} == {**unknown[1], "requestId": ""}
    assert len(api.items()) == 2


def test_the_owner_and_an_operator_see_it(api: Api) -> None:
    for caller in (
        jwt_caller("alice"),
        jwt_caller("bob", f"openid {OPERATOR_SCOPE}"),
        jwt_caller("b", "[accounts/operator x]"),
    ):
        api.caller = caller
        assert api("GET", "/accounts/account-1")[0] == 200
        assert api("GET", "/accounts/account-1/events")[1]["events"][0]["owner"] == "alice"
        assert api("POST", "/accounts/account-1/withdraw", '{"amount": 1}')[0] == 200


def test_whose_account_is_created(api: Api) -> None:
    assert api("POST", "/accounts", '{"currency": "EUR", "owner": "alice"}')[0] == 201
    status, problem, _ = api("POST", "/accounts", '{"currency": "EUR", "owner": "bob"}')
    assert (status, problem["code"]) == (403, "owner_not_allowed")
    api.caller = jwt_caller("teller", OPERATOR_SCOPE)
    created = api("POST", "/accounts", '{"currency": "EUR", "owner": "bob"}')[1]["accountId"]
    api.caller = jwt_caller("bob")
    assert api("GET", f"/accounts/{created}")[0] == 200


def test_the_same_key_of_two_subjects_makes_two_accounts(api: Api) -> None:
    first = api("POST", "/accounts", EUR, idempotency_key="key-1")[1]["accountId"]
    api.caller = jwt_caller("bob")
    status, account, headers = api("POST", "/accounts", EUR, idempotency_key="key-1")
    assert status == 201
    assert account["accountId"] != first
    assert "Idempotent-Replayed" not in headers


@pytest.mark.parametrize(
    "authorizer",
    [
        {},
        {"iam": None},
        {"jwt": None},
        IAM_CALLER,
        {"jwt": {"claims": {}}},
        {"jwt": {"claims": {"scope": OPERATOR_SCOPE}}},
    ],
    ids=str,
)
def test_without_a_token_nothing_is_done(authorizer: dict[str, Any]) -> None:
    api = Api("JWT")
    api.caller = authorizer
    status, problem, _ = api("POST", "/accounts", EUR)
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert api("OPTIONS", "/accounts")[0] == 401


def test_a_token_is_no_signature() -> None:
    api = Api("IAM")
    api.caller = jwt_caller("alice", OPERATOR_SCOPE)
    assert api("GET", "/accounts/account-1")[0] == 401


@pytest.mark.parametrize("subject", ["Jane Doe", "jane@example.org", "x" * 65, "a/b"])
def test_a_subject_that_cannot_own_accounts_is_told_so(subject: str) -> None:
    with pytest.raises(InvalidRequest, match="subject") as refused:
        caller_of(jwt_caller(subject), "JWT", OPERATOR_SCOPE)
    assert refused.value.code == "owner_not_allowed"


def test_a_scope_counts_whole(api: Api) -> None:
    for scope in ("accounts/operators", "accounts", "xaccounts/operator", ""):
        assert caller_of(jwt_caller("alice", scope), "JWT", OPERATOR_SCOPE) == Caller("alice", is_operator=False)
    assert caller_of(IAM_CALLER, "IAM", OPERATOR_SCOPE).owner is None
    assert api.caller == jwt_caller("alice")
