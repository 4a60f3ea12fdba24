"""An account's statement over HTTP: bounds, pages, refusals, access and the number of requests."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from account_core.domain.events import Created, Credited, Event, Transfer, Withdrawn
from account_core.rows.items import version_of
from account_core.service.head import Head, Origin, advance, rows_for, timestamp
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from tests.support.api import OPERATOR_SCOPE, Api, jwt_caller

FIRST = datetime(2026, 1, 31, 18, 0, tzinfo=UTC)
BOUNDS = ("opening", "closing")
MARCH = "from=2026-03-01&until=2026-03-31"


def at(hours: int) -> str:
    return timestamp(FIRST + timedelta(hours=hours))


def put(store: MemoryAccountStore, *events: tuple[str, Event], account_id: str = "a") -> None:
    """Store an account with these events, each with its time."""
    head = Head()
    for time, event in events:
        rows = rows_for(account_id, head, event, Origin(time, "order-7", "request-1"))
        store.append(rows, Usage())
        head = advance(head, rows[0])


def grown(store: MemoryAccountStore, events: int, hours: int = 6) -> None:
    """Store an account whose event number n credits n.00, at intervals of that many hours."""
    credits_ = [(at(hours * (number - 1)), Credited(Decimal(number))) for number in range(2, events + 1)]
    put(store, (at(0), Created("owner-1", "EUR")), *credits_)


@pytest.fixture
def api() -> Api:
    return Api()


def statement(api: Api, query: str, account_id: str = "a") -> list[dict[str, Any]]:
    """All pages of a statement."""
    target: str | None = f"/accounts/{account_id}/statement?{query}"
    pages = []
    while target:
        status, page, _ = api("GET", target)
        assert status == 200, page
        pages.append(page)
        target = page["next"]
    return pages


def sequences(pages: list[dict[str, Any]]) -> list[int]:
    return [line["sequence"] for page in pages for line in page["lines"]]


def test_a_statement_has_balances_and_signed_changes(api: Api) -> None:
    transfer = Transfer("transfer-1", "b")
    put(
        api.store,
        ("2026-02-28T23:59:59.999999Z", Created("owner-1", "EUR")),
        ("2026-02-28T23:59:59.999999Z", Credited(Decimal("10.00"))),
        ("2026-03-01T00:00:00.000000Z", Withdrawn(Decimal("4.00"), transfer)),
        ("2026-03-31T23:59:59.999999Z", Credited(Decimal("1.50"))),
        ("2026-04-01T00:00:00.000000Z", Credited(Decimal("9.99"))),
    )
    [page] = statement(api, MARCH)
    common = {"currency": "EUR", "correlationId": "order-7"}
    assert page == {
        "accountId": "a",
        "from": "2026-03-01",
        "until": "2026-03-31",
        "opening": {
            "sequence": 2,
            "occurredAt": "2026-02-28T23:59:59.999999Z",
            "balance": "10.00",
            "currency": "EUR",
        },
        "lines": [
            {
                **common,
                "sequence": 3,
                "type": "BalanceWithdrawn",
                "occurredAt": "2026-03-01T00:00:00.000000Z",
                "change": "-4.00",
                "balance": "6.00",
                "transferId": "transfer-1",
                "counterpartyAccountId": "b",
            },
            {
                **common,
                "sequence": 4,
                "type": "BalanceCredited",
                "occurredAt": "2026-03-31T23:59:59.999999Z",
                "change": "1.50",
                "balance": "7.50",
                "transferId": None,
                "counterpartyAccountId": None,
            },
        ],
        "closing": {
            "sequence": 4,
            "occurredAt": "2026-03-31T23:59:59.999999Z",
            "balance": "7.50",
            "currency": "EUR",
        },
        "next": None,
    }


def test_the_creation_is_a_line_without_a_change(api: Api) -> None:
    put(api.store, ("2026-03-05T12:00:00.000000Z", Created("owner-1", "EUR")))
    [page] = statement(api, MARCH)
    assert page["opening"] is None
    assert [(line["type"], line["change"]) for line in page["lines"]] == [("AccountCreated", None)]
    assert page["closing"]["balance"] == "0.00"


@pytest.mark.parametrize(
    ("days", "opening", "closing"),
    [("from=2020-01-01&until=2026-01-30", None, None), ("from=2026-02-20&until=9999-12-31", 25, 25)],
)
def test_days_without_events_have_no_lines(api: Api, days: str, opening: int | None, closing: int | None) -> None:
    grown(api.store, 25)
    [page] = statement(api, days)
    assert page["lines"] == []
    found = [page[bound] and page[bound]["sequence"] for bound in ("opening", "closing")]
    assert found == [opening, closing]


def test_all_of_time_is_a_valid_range(api: Api) -> None:
    grown(api.store, 25)
    assert sequences(statement(api, "from=0001-01-01&until=9999-12-31")) == list(range(1, 26))


@pytest.mark.parametrize("limit", [1, 2, 8, 9, 10, 18, 99, 100])
def test_all_pages_of_any_range_add_up(api: Api, limit: int) -> None:
    """At six hours, every fourth event is at midnight; one row in ten is a snapshot."""
    grown(api.store, 40)
    days = [f"{FIRST + timedelta(days=number):%Y-%m-%d}" for number in range(-1, 12)]
    for first, last in [(day, day) for day in days] + [(days[0], days[-1]), (days[2], days[6]), (days[5], days[-1])]:
        pages = statement(api, f"from={first}&until={last}&limit={limit}")
        expected = [number for number in range(1, 41) if first <= at(6 * (number - 1))[:10] <= last]
        assert sequences(pages) == expected
        assert all(len(page["lines"]) <= limit for page in pages)
        assert all((page["opening"], page["closing"]) == (pages[0]["opening"], pages[0]["closing"]) for page in pages)
        changes = sum(Decimal(line["change"] or 0) for page in pages for line in page["lines"])
        opening, closing = (Decimal(bound["balance"]) if bound else 0 for bound in map(pages[0].get, BOUNDS))
        assert opening + changes == closing


def test_events_that_arrive_between_two_pages_are_on_none(api: Api) -> None:
    grown(api.store, 25)
    api.now = FIRST + timedelta(days=30)
    days = "from=2026-02-02&until=2026-12-31"
    first = api("GET", f"/accounts/a/statement?{days}&limit=5")[1]
    last_sequence = first["closing"]["sequence"]
    target, pages = first["next"], [first]
    while target:
        assert api("POST", "/accounts/a/credit", '{"amount": "7.00"}')[0] == 200
        page = api("GET", target)[1]
        target, pages = page["next"], [*pages, page]
    assert len(pages) > 2
    assert {page["closing"]["sequence"] for page in pages} == {last_sequence}
    assert sequences(pages)[-1] == last_sequence == 25
    assert sequences(statement(api, f"{days}&limit=5"))[-1] > 25


@pytest.mark.parametrize("events", [1, 9, 10, 11, 100, 333, 1_000])
def test_pages_take_the_documented_number_of_requests(api: Api, events: int) -> None:
    grown(api.store, events)
    newest = FIRST + timedelta(hours=6 * events)
    first_page_max = 2 + 2 * math.ceil(math.log2(max(version_of(events) / 10, 1)))
    step = max(events // 40, 1)
    for day in range(-1, events // 4 + 2, step):
        first = FIRST + timedelta(days=day)
        page = api("GET", f"/accounts/a/statement?from={first:%Y-%m-%d}&until={newest:%Y-%m-%d}&limit=3")[1]
        assert api.log.lines[-1]["used"].requests <= first_page_max
        until = first + timedelta(days=1)
        api("GET", f"/accounts/a/statement?from={first:%Y-%m-%d}&until={until:%Y-%m-%d}&limit=3")
        assert api.log.lines[-1]["used"].requests <= first_page_max
        if page["next"]:
            api("GET", page["next"])
            assert api.log.lines[-1]["used"].requests == 3
    assert api.log.lines[-1]["operation"] == "read_statement"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=2026-03-01",
        "until=2026-03-31",
        "from=2026-03-31&until=2026-03-01",
        "from=2026-02-30&until=2026-03-31",
        "from=20260301&until=2026-03-31",
        "from=2026-W09-1&until=2026-03-31",
        "from=2026-3-1&until=2026-03-31",
        "from=2026-03-01T00:00:00Z&until=2026-03-31",
        "from=0000-01-01&until=2026-03-31",
        "from=&until=2026-03-31",
        "from=%D9%A22026-03-01&until=2026-03-31",
        "from=today&until=2026-03-31",
        f"{MARCH}&from=2026-03-02",
        f"{MARCH}&limit=0",
        f"{MARCH}&limit=101",
        f"{MARCH}&order=newest",
        f"{MARCH}&page=",
        f"{MARCH}&page=1",
        f"{MARCH}&page=1-2-3-4",
        f"{MARCH}&page=-1-2-3",
        f"{MARCH}&page=1-2-99999999999",
    ],
)
def test_invalid_queries_are_refused(api: Api, query: str) -> None:
    grown(api.store, 5)
    status, problem, _ = api("GET", f"/accounts/a/statement?{query}")
    assert (status, problem["code"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("page", ["0-1-20", "2-4-20", "1-1-20", "1-20-20", "1-21-20", "1-4-26", "1-4-22", "21-22-25"])
def test_a_place_that_the_service_did_not_return_is_refused(api: Api, page: str) -> None:
    """The statement of 1 to 5 February has the events 2 to 21; a place may end it earlier, but not later."""
    grown(api.store, 25)
    days = "from=2026-02-01&until=2026-02-05"
    assert sequences(statement(api, days)) == list(range(2, 22))
    assert api("GET", f"/accounts/a/statement?{days}&page=1-4-21")[0] == 200
    status, problem, _ = api("GET", f"/accounts/a/statement?{days}&page={page}")
    assert (status, problem["code"]) == (400, "invalid_parameter")


def test_an_account_that_does_not_exist_is_not_found(api: Api) -> None:
    for query in (MARCH, f"{MARCH}&page=0-1-2", f"{MARCH}&page=1-2-3"):
        status, problem, _ = api("GET", f"/accounts/nobody/statement?{query}")
        assert (status, problem["code"]) == (404, "account_not_found")


def test_a_missing_event_or_a_wrong_balance_is_corrupt(api: Api) -> None:
    days = "from=2026-01-01&until=2026-12-31"
    grown(api.store, 8)
    api.store._items["a"][4]["Balance"] = {"N": "1"}  # noqa: SLF001 -- no public method stores such a row
    assert api("GET", f"/accounts/a/statement?{days}")[1]["code"] == "corrupt"
    del api.store._items["a"][4]  # noqa: SLF001 -- as above
    assert api("GET", f"/accounts/a/statement?{days}")[1]["code"] == "corrupt"


def test_a_missing_event_before_the_first_day_is_corrupt(api: Api) -> None:
    grown(api.store, 25)
    first = api("GET", "/accounts/a/statement?from=2026-02-01&until=2026-02-05&limit=5")[1]
    del api.store._items["a"][first["opening"]["sequence"]]  # noqa: SLF001 -- as above
    assert api("GET", first["next"])[1]["code"] == "corrupt"


def test_the_last_day_is_not_searched_before_the_first(api: Api) -> None:
    """In 112 intervals, the search for the first day takes 7 requests; in the last 5, that for the last day takes 3."""
    grown(api.store, 1_000)
    day = FIRST + timedelta(hours=6 * 955)
    assert sequences(statement(api, f"from={day:%Y-%m-%d}&until={day:%Y-%m-%d}"))
    assert api.log.lines[-1]["used"].requests <= 1 + 7 + 3 + 1


def test_only_the_owner_and_operators_see_a_statement() -> None:
    api = Api("JWT")
    grown(api.store, 25)
    target = "/accounts/{}/statement?from=2026-01-01&until=2026-12-31&limit=5"
    used = []
    for caller, account_id, status in (
        (jwt_caller("owner-1"), "a", 200),
        (jwt_caller("x", OPERATOR_SCOPE), "a", 200),
        (jwt_caller("owner-2"), "a", 404),
        (jwt_caller("owner-2"), "nobody", 404),
    ):
        api.forget()
        api.caller = caller
        assert api("GET", target.format(account_id))[0] == status
        used.append(api.log.lines[-1]["used"].requests)
        assert api("GET", f"{target.format(account_id)}&page=0-5-25")[0] == status
    assert used[2:] == [1, 1]  # the same cost, whether the account exists or not
    assert used[0] == used[1] + 1


def test_head_returns_no_body(api: Api) -> None:
    grown(api.store, 2)
    status, body, _ = api("HEAD", f"/accounts/a/statement?{MARCH}")
    assert (status, body) == (200, None)


def test_snapshots_that_cannot_be_used_do_not_matter(api: Api) -> None:
    grown(api.store, 60)
    expected = statement(api, "from=2026-02-03&until=2026-02-09&limit=7")
    for version in range(10, 67, 10):
        api.store._items["a"][version]["Format"] = {"N": "99"}  # noqa: SLF001 -- as above
    assert statement(api, "from=2026-02-03&until=2026-02-09&limit=7") == expected
    assert all(one["sequence"] + 1 == two["sequence"] for one, two in pairwise(expected[0]["lines"]))
