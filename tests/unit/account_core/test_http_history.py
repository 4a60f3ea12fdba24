"""Past states and an account's events, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.api import Api


@pytest.fixture
def api() -> Api:
    """An account with 25 events, one per minute. Event n credits n.00, and rows 10 and 20 are snapshots."""
    api = Api()
    api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    for number in range(2, 26):
        api.now += timedelta(minutes=1)
        api("POST", "/accounts/account-1/credit", f'{{"amount": {number}}}')
    return api


def balance_of(events: int) -> str:
    return f"{sum(range(2, events + 1))}.00"


@pytest.mark.parametrize("sequence", range(1, 26))
def test_an_account_can_be_read_as_of_a_sequence(api: Api, sequence: int) -> None:
    status, body, headers = api("GET", f"/accounts/account-1?atSequence={sequence}")
    assert (status, body["sequence"], body["balance"]) == (200, sequence, balance_of(sequence))
    assert headers["ETag"] == f'"s-{sequence}"'
    assert api.log.lines[-1]["used"].requests == 1


@pytest.mark.parametrize(
    ("moment", "events"),
    [
        ("2026-01-31T09:30:00.000001Z", 1),
        ("2026-01-31T09:30:59Z", 1),
        ("2026-01-31t09:30:59z", 1),
        ("2026-01-31T09:31:00.000001Z", 2),
        ("2026-01-31T09:31:00.000000Z", 1),
        ("2026-01-31T10:38:30%2B01:00", 9),
        ("2026-01-31T09:39:30Z", 10),
        ("2026-01-31T09:50Z", 20),
        ("2999-01-01T00:00Z", 25),
    ],
)
def test_an_account_can_be_read_as_of_a_moment(api: Api, moment: str, events: int) -> None:
    status, body, _ = api("GET", f"/accounts/account-1?at={moment}")
    assert (status, body["sequence"], body["balance"]) == (200, events, balance_of(events))


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("account-1?atSequence=26", 404, "sequence_not_found"),
        ("account-1?at=2026-01-31T09:30:00.000000Z", 404, "account_not_found"),
        ("account-1?at=0999-01-01T00:00:00Z", 404, "account_not_found"),
        ("account-1?at=0001-01-01T00:00:00Z", 404, "account_not_found"),
        ("nobody?atSequence=1", 404, "account_not_found"),
        ("nobody?at=2026-01-31T09:30:00Z", 404, "account_not_found"),
        ("account-1?atSequence=0", 400, "invalid_parameter"),
        ("account-1?atSequence=-1", 400, "invalid_parameter"),
        ("account-1?atSequence=1.0", 400, "invalid_parameter"),
        ("account-1?atSequence=", 400, "invalid_parameter"),
        ("account-1?atSequence=99999999999", 400, "invalid_parameter"),
        ("account-1?atSequence=%D9%A1", 400, "invalid_parameter"),
        ("account-1?atSequence=1&atSequence=2", 400, "invalid_parameter"),
        ("account-1?atSequence=1&at=2026-01-31T09:30:00Z", 400, "invalid_parameter"),
        ("account-1?at=2026-01-31T09:30:00", 400, "invalid_parameter"),
        ("account-1?at=2026-01-31T09:30:00+01:00", 400, "invalid_parameter"),
        ("account-1?at=yesterday", 400, "invalid_parameter"),
        ("account-1?at=0001-01-01T00:00:00%2B14:00", 400, "invalid_parameter"),
        ("account-1?atsequence=1", 400, "invalid_parameter"),
        ("account-1/events?limit=0", 400, "invalid_parameter"),
        ("account-1/events?limit=101", 400, "invalid_parameter"),
        ("account-1/events?after=x", 400, "invalid_parameter"),
        ("account-1/events?order=desc", 400, "invalid_parameter"),
        ("nobody/events", 404, "account_not_found"),
        ("nobody/events?after=1&order=newest", 404, "account_not_found"),
        ("nobody/events?after=100", 404, "account_not_found"),
    ],
)
def test_invalid_queries_are_refused(api: Api, target: str, status: int, code: str) -> None:
    found, problem, _ = api("GET", f"/accounts/{target}")
    assert (found, problem["code"]) == (status, code)


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("limit", [1, 2, 8, 9, 10, 24, 25, 26, 100])
def test_pages_return_every_event_once_with_one_request_each(api: Api, limit: int, order: str) -> None:
    found: list[dict[str, Any]] = []
    target: str | None = f"/accounts/account-1/events?limit={limit}&order={order}"
    while target:
        status, page, _ = api("GET", target)
        assert status == 200
        assert len(page["events"]) <= limit
        assert api.log.lines[-1]["used"].requests == 1
        found, target = found + page["events"], page["next"]
    numbers = list(range(1, 26))
    assert [event["sequence"] for event in found] == (numbers if order == "oldest" else numbers[::-1])


def test_an_event_is_listed_with_all_its_fields(api: Api) -> None:
    api("POST", "/accounts/account-1/withdraw", '{"amount": 5}', idempotency_key="key-1", x_correlation_id="order-7")
    [created], [withdrawn] = (
        api("GET", f"/accounts/account-1/events?limit=1&order={order}")[1]["events"] for order in ("oldest", "newest")
    )
    assert (created["type"], created["owner"]) == ("AccountCreated", "owner-1")
    assert withdrawn == {
        "sequence": 26,
        "type": "BalanceWithdrawn",
        "occurredAt": "2026-01-31T09:54:00.000001Z",
        "amount": "5.00",
        "balance": "319.00",
        "currency": "EUR",
        "correlationId": "order-7",
        "requestId": "request-26",
        "idempotencyKey": "key-1",
        "transferId": None,
        "counterpartyAccountId": None,
    }


def test_a_page_after_the_last_event_is_empty(api: Api) -> None:
    for target in ("after=25", "after=1000", "after=1&order=newest", "after=0&order=newest"):
        assert api("GET", f"/accounts/account-1/events?{target}")[1] == {"events": [], "next": None}


def test_a_clock_that_is_set_back_does_not_disorder_the_history(api: Api) -> None:
    api.now -= timedelta(hours=1)
    api("POST", "/accounts/account-1/credit", '{"amount": 26}')
    newest = api("GET", "/accounts/account-1/events?limit=2&order=newest")[1]["events"]
    assert newest[0]["occurredAt"] == newest[1]["occurredAt"] == "2026-01-31T09:54:00.000001Z"
    assert api("GET", "/accounts/account-1?at=2026-01-31T09:54:01Z")[1]["sequence"] == 26
