"""Whom the console answers."""

import pytest

from ops.console.access import BODY_BYTES_MAX, Access, body_refused, is_from_own_site

ACCESS = Access(4711, "secret")
HOST = {"host": "127.0.0.1:4711"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("host", ["127.0.0.1:4711", "localhost:4711"])
def test_requests_to_its_own_address_are_answered(host: str) -> None:
    assert ACCESS.foreign("/", {"host": host}) is None
    assert ACCESS.foreign("/", {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}) is None


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1", "127.0.0.1:80", "evil.example:4711", "127.0.0.1.evil.example:4711", "[::1]:4711"]
)
def test_a_foreign_host_is_refused(host: str) -> None:
    refusal = ACCESS.foreign("/", {"host": host})
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "foreign_host")
    assert "http://127.0.0.1:4711/" in refusal.advice


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "null"},
        {"origin": "https://127.0.0.1:4711"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_requests_that_another_page_makes_are_refused(headers: dict[str, str]) -> None:
    refusal = ACCESS.foreign("/", HOST | headers)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "foreign_origin")


def test_a_link_in_another_page_may_open_the_console() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert ACCESS.foreign("/", HOST | headers) is None
    assert not is_from_own_site(headers)


@pytest.mark.parametrize("path", ["/api/charts", "/api/events", "//", "/static/main.js"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_in_another_page_opens_nothing_else(site: str, path: str) -> None:
    """A page at another port of this machine is of the same site, so its requests have the cookie."""
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    refusal = ACCESS.foreign(path, HOST | headers)
    assert refusal is not None
    assert refusal.code == "foreign_origin"


def test_the_default_port_is_left_out_of_a_host() -> None:
    access = Access(80, "secret")
    assert access.foreign("/", {"host": "127.0.0.1", "origin": "http://127.0.0.1"}) is None
    assert access.foreign("/", {"host": "evil.example"}) is not None


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"cookie": "account-events-console-4711=secret"}, "page"),
        ({"cookie": 'a="b; c; account-events-console-4711=secret; account-events-console-8000=other'}, "page"),
        ({"authorization": "Bearer secret"}, "script"),
        ({"authorization": "bearer  secret"}, "script"),
        ({"authorization": "Bearer wrong", "cookie": "account-events-console-4711=secret"}, "page"),
        ({}, None),
        ({"cookie": "account-events-console-4711="}, None),
        ({"cookie": "account-events-console-4711"}, None),
        ({"cookie": "account-events-console-8000=secret"}, None),
        ({"cookie": "xaccount-events-console-4711=secret"}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Basic secret"}, None),
        ({"authorization": "Bearer sécret"}, None),
    ],
)
def test_only_requests_with_the_token_have_a_caller(headers: dict[str, str], caller: str | None) -> None:
    assert ACCESS.caller(headers) == caller


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (JSON, None),
        (JSON | {"content-length": str(BODY_BYTES_MAX)}, None),
        ({"content-type": "application/json; charset=utf-8"}, None),
        (JSON | {"content-length": str(BODY_BYTES_MAX + 1)}, "too_large"),
        (JSON | {"content-length": "9" * 5_000}, "too_large"),
        (JSON | {"content-length": "-1"}, "no_length"),
        (JSON | {"content-length": "²"}, "no_length"),
        (JSON | {"transfer-encoding": "chunked"}, "no_length"),
        ({}, "not_json"),
        ({"content-type": "text/plain"}, "not_json"),
        ({"content-type": "application/x-www-form-urlencoded"}, "not_json"),
    ],
)
def test_a_post_needs_a_short_body_of_json(headers: dict[str, str], code: str | None) -> None:
    refusal = body_refused("POST", headers)
    assert (refusal.code if refusal else None) == code


def test_a_get_needs_no_body() -> None:
    assert body_refused("GET", {}) is None
