"""An owner's accounts, over HTTP: pages and access."""

import json
from urllib.parse import quote, unquote, urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_core.api.requests import OWNER
from tests.support.api import OPERATOR_SCOPE, Api, jwt_caller

TIME = "2026-01-31T09:30:00.000001Z"


@pytest.fixture
def api() -> Api:
    """Owner-1 has five accounts, owner-2 has one. The balance of account-1 is 12.50."""
    api = Api()
    for owner in ("owner-1", "owner-1", "owner-2", "owner-1", "owner-1", "owner-1"):
        assert api("POST", "/accounts", json.dumps({"owner": owner, "currency": "EUR"}))[0] == 201
    assert api("POST", "/accounts/account-1/credit", '{"amount": "12.50"}')[0] == 200
    return api


def listed(api: Api, target: str) -> list[str]:
    status, body, _ = api("GET", target)
    assert status == 200, body
    return [account["accountId"] for account in body["accounts"]]


def test_accounts_are_listed_with_their_balances(api: Api) -> None:
    _, body, _ = api("GET", "/owners/owner-1/accounts?limit=1")
    times = {"openedAt": TIME, "updatedAt": TIME}
    assert body["accounts"] == [
        {"accountId": "account-1", "balance": "12.50", "currency": "EUR", "sequence": 2, **times}
    ]
    assert listed(api, "/owners/owner-2/accounts") == ["account-3"]
    assert api("GET", "/owners/nobody/accounts")[1] == {"accounts": [], "next": None}
    assert api.log.lines[-1]["operation"] == "list_accounts"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_pages_have_every_account_once_and_the_last_has_no_next(api: Api, limit: int) -> None:
    target, found = f"/owners/owner-1/accounts?limit={limit}", list[str]()
    while target:
        page = listed(api, target)
        assert 0 < len(page) <= limit
        found += page
        target = api("GET", target)[1]["next"]
    assert found == ["account-1", "account-2", "account-4", "account-5", "account-6"]


def test_the_path_of_the_next_page_is_valid_for_every_owner() -> None:
    api = Api()
    for _ in range(2):
        api("POST", "/accounts", '{"owner": "auth0|a:b.c", "currency": "EUR"}')
    following = api("GET", "/owners/auth0|a:b.c/accounts?limit=1")[1]["next"]
    assert following == "/owners/auth0%7Ca%3Ab.c/accounts?afterAccount=account-1&limit=1"


ADDRESS = "https://api.example.com"


@given(st.text(st.sampled_from("ab9._:|-"), min_size=1, max_size=4) | st.from_regex(f"(?:{OWNER})", fullmatch=True))
@example("...")
@example(".a")
@example("a.")
def test_every_valid_owner_can_be_listed_by_a_url(owner: str) -> None:
    """A client joins the path to the API's address, which removes `.` and `..`; the gateway decodes it."""
    api = Api()
    statuses = {api("POST", "/accounts", json.dumps({"owner": owner, "currency": "EUR"}))[0] for _ in range(2)}
    assert statuses == ({400} if owner in (".", "..") else {201})
    if statuses == {201}:
        path = urljoin(ADDRESS, f"/owners/{quote(owner, safe='')}/accounts?limit=1")
        status, body, _ = api("GET", unquote(path.removeprefix(ADDRESS)))
        assert (status, len(body["accounts"])) == (200, 1)
        following = urljoin(path, body["next"])
        assert listed(api, unquote(following.removeprefix(ADDRESS))) == ["account-2"]


@pytest.mark.parametrize(
    "owner",
    [
        *(
            ".",
            "..",
            "%2e",
            "%2e%2e",
            ".%2E",
            "a/b",
            "a%2Fb",
            "/",
            "",
            "?",
            "a?b",
            "#",
            "a#b",
            "\\",
            "a\\b",
            ";",
            "a;b",
        ),
        *(" ", " a", "a ", "a\n", "\x00", "a\tb", "\u2025", "\ud800", "o" * 65),
    ],
)
def test_an_owner_that_a_url_cannot_carry_is_refused(owner: str) -> None:
    status, problem, _ = Api()("POST", "/accounts", json.dumps({"owner": owner, "currency": "EUR"}))
    assert (status, problem["code"]) == (400, "invalid_owner")
    api = Api("JWT")
    api.caller = jwt_caller(owner or "..")
    status, problem, _ = api("POST", "/accounts", '{"currency": "EUR"}')
    assert (status, problem["code"]) == (403, "owner_not_allowed")


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/owners/Jane Doe/accounts", 400, "invalid_owner"),
        ("/owners/./accounts", 400, "invalid_owner"),
        ("/owners/../accounts", 400, "invalid_owner"),
        ("/owners/%2e%2e/accounts", 400, "invalid_owner"),
        ("/owners/a%2Fb/accounts", 400, "invalid_owner"),
        ("/owners/a;b/accounts", 400, "invalid_owner"),
        ("/owners/a\\b/accounts", 400, "invalid_owner"),
        ("/owners/ a/accounts", 400, "invalid_owner"),
        ("/owners/a\x00/accounts", 400, "invalid_owner"),
        ("/owners/a/b/accounts", 404, "route_not_found"),
        ("/owners/owner-1/accounts?limit=0", 400, "invalid_parameter"),
        ("/owners/owner-1/accounts?limit=101", 400, "invalid_parameter"),
        ("/owners/owner-1/accounts?afterAccount=a%20b", 400, "invalid_parameter"),
        ("/owners/owner-1/accounts?after=1", 400, "invalid_parameter"),
        ("/owners//accounts", 404, "route_not_found"),
        ("/owners/owner-1", 404, "route_not_found"),
    ],
)
def test_invalid_requests_for_lists_are_refused(api: Api, target: str, status: int, code: str) -> None:
    found, body, _ = api("GET", target)
    assert (found, body["code"]) == (status, code)


def test_a_subject_lists_its_own_accounts_and_an_operator_any() -> None:
    api = Api("JWT")
    api.caller = jwt_caller("owner-1")
    api("POST", "/accounts", '{"currency": "EUR"}')
    assert listed(api, "/owners/owner-1/accounts") == ["account-1"]
    for other in ("owner-2", "Owner-1", "nobody"):
        status, body, _ = api("GET", f"/owners/{other}/accounts")
        assert (status, body["code"]) == (403, "owner_not_allowed")
    api.caller = jwt_caller("operator", OPERATOR_SCOPE)
    assert listed(api, "/owners/owner-1/accounts") == ["account-1"]


def test_other_methods_are_refused_and_options_is_answered() -> None:
    api = Api()
    assert api("HEAD", "/owners/owner-1/accounts")[:2] == (200, None)
    assert api("OPTIONS", "/owners/owner-1/accounts")[2]["Allow"] == "GET, HEAD, OPTIONS"
    assert api("POST", "/owners/owner-1/accounts", "{}")[0] == 405
