"""With JWT, a subject owns and sees the accounts that it creates; with IAM, all callers are equal."""

from typing import Any

import pytest

from account_core.api.access import Caller, caller_of
from account_core.api.requests import account_id_of
from account_core.domain.errors import InvalidRequest
from tests.support.api import IAM_CALLER, OPERATOR_SCOPE, Api, jwt_caller

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
    ("GET", "/accounts/account-1?atSequence=1", None),
    ("GET", "/accounts/account-1?atSequence=99", None),
    ("GET", "/accounts/account-1?at=2026-01-31T09:30:01Z", None),
    ("GET", "/accounts/account-1/events", None),
    ("GET", "/accounts/account-1/events?order=newest&after=1", None),
    ("HEAD", "/accounts/account-1", None),
    ("POST", "/accounts/account-1/credit", '{"amount": 100}'),
    ("POST", "/accounts/account-1/withdraw", '{"amount": 1000}'),
]


@pytest.mark.parametrize(("method", "target", "body"), REQUESTS)
@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "key-1"}, {"if_match": '"s-9"'}], ids=str)
@pytest.mark.parametrize("stranger", ["mallory", "ali", "alice2", "ALICE"])
@pytest.mark.parametrize("is_cold", [True, False])
def test_another_owners_account_looks_like_an_unknown_one(  # noqa: PLR0917 -- every combination
    api: Api, method: str, target: str, body: str | None, headers: dict[str, Any], stranger: str, *, is_cold: bool
) -> None:
    """The answers are equal, so they do not reveal that the account exists."""
    if is_cold:
        api.forget()
    api.caller = jwt_caller(stranger)
    status, problem, _ = api(method, target, body, **headers)
    requests = api.log.lines[-1]["used"].requests
    unknown = api(method, target.replace("account-1", "account-9"), body, **headers)
    assert status == unknown[0] == 404
    if problem is not None:
        assert {**problem, "requestId": ""} == {**unknown[1], "requestId": ""}
    assert len(api.items()) == 2
    assert api.log.lines[-1]["used"].requests == requests, "the response time must not reveal the account"


def test_the_owner_and_an_operator_see_the_account(api: Api) -> None:
    for caller in (
        jwt_caller("alice"),
        jwt_caller("bob", f"openid {OPERATOR_SCOPE}"),
        jwt_caller("b", "[accounts/operator x]"),
    ):
        api.caller = caller
        assert api("GET", "/accounts/account-1")[0] == 200
        assert api("GET", "/accounts/account-1/events")[1]["events"][0]["owner"] == "alice"
        assert api("POST", "/accounts/account-1/withdraw", '{"amount": 1}')[0] == 200


def test_an_account_belongs_to_the_subject_or_the_named_owner(api: Api) -> None:
    assert api("POST", "/accounts", '{"currency": "EUR", "owner": "alice"}')[0] == 201
    status, problem, _ = api("POST", "/accounts", '{"currency": "EUR", "owner": "bob"}')
    assert (status, problem["code"]) == (403, "owner_not_allowed")
    api.caller = jwt_caller("api-test-user", OPERATOR_SCOPE)
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


@pytest.mark.parametrize(("one", "other"), [(("alic", "ek"), ("alice", "k")), (("a", '"b'), ('a"', "b"))])
def test_different_callers_keys_give_different_account_ids(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert account_id_of(one[1], one[0]) != account_id_of(other[1], other[0])


def test_operators_keys_are_separate_from_all_others(api: Api) -> None:
    """Nobody can use up an operator's next key by guessing it, neither an owner nor another operator."""
    sent = ("POST", "/accounts/account-1/withdraw", '{"amount": 10}')
    balances = []
    for caller in (jwt_caller("alice"), jwt_caller("ops-1", OPERATOR_SCOPE), jwt_caller("ops-2", OPERATOR_SCOPE)):
        api.caller = caller
        status, account, headers = api(*sent, idempotency_key="fee-1")
        balances.append((status, account["balance"], headers.get("Idempotent-Replayed")))
        assert api(*sent, idempotency_key="fee-1")[2]["Idempotent-Replayed"] == "true"
    assert balances == [(200, "90.00", None), (200, "80.00", None), (200, "70.00", None)]
    events = api("GET", "/accounts/account-1/events?order=newest&limit=3")[1]["events"]
    assert [event["idempotencyKey"] for event in events] == ["fee-1"] * 3
    api.caller = jwt_caller("ops-1", OPERATOR_SCOPE)
    created = [api("POST", "/accounts", '{"currency": "EUR", "owner": "o"}', idempotency_key="k")[1]["accountId"]]
    api.caller = jwt_caller("ops-2", OPERATOR_SCOPE)
    created.append(api("POST", "/accounts", '{"currency": "EUR", "owner": "o"}', idempotency_key="k")[1]["accountId"])
    assert created[0] != created[1]


@pytest.mark.parametrize("claim", ["scope", "scp"])
def test_an_operator_may_be_a_machine_that_owns_nothing(claim: str) -> None:
    claims = {"sub": "abc@clients", claim: f"[openid {OPERATOR_SCOPE}]"}
    assert caller_of({"jwt": {"claims": claims}}, "JWT", OPERATOR_SCOPE) == Caller("abc@clients", True, "abc@clients")
    with pytest.raises(InvalidRequest):
        caller_of(jwt_caller("abc clients", OPERATOR_SCOPE), "JWT", OPERATOR_SCOPE)


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
def test_a_request_without_a_token_is_refused(authorizer: dict[str, Any]) -> None:
    api = Api("JWT")
    api.caller = authorizer
    status, problem, _ = api("POST", "/accounts", EUR)
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert api("OPTIONS", "/accounts")[0] == 401


def test_a_token_is_refused_where_a_signature_is_required() -> None:
    api = Api("IAM")
    api.caller = jwt_caller("alice", OPERATOR_SCOPE)
    assert api("GET", "/accounts/account-1")[0] == 401


@pytest.mark.parametrize("subject", ["Jane Doe", "jane@example.org", "x" * 65, "a/b", "jane\n"])
def test_a_subject_that_cannot_own_accounts_is_refused(subject: str) -> None:
    with pytest.raises(InvalidRequest, match="subject") as refused:
        caller_of(jwt_caller(subject), "JWT", OPERATOR_SCOPE)
    assert refused.value.code == "owner_not_allowed"


def test_a_scope_must_match_as_a_whole(api: Api) -> None:
    for scope in ("accounts/operators", "accounts", "xaccounts/operator", ""):
        assert caller_of(jwt_caller("alice", scope), "JWT", OPERATOR_SCOPE) == Caller("alice", False, "alice")
    assert caller_of(IAM_CALLER, "IAM", OPERATOR_SCOPE).owner is None
    assert api.caller == jwt_caller("alice")
