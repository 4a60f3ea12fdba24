"""The API's statement and the lake's query account_statement give the same answer, line by line."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from account_core.domain.events import Created, Credited, Event, Row, Transfer, Withdrawn
from account_core.service.head import Head, Origin, advance, rows_for, timestamp
from account_core.service.usage import Usage
from ops.lake.query.duckdb_engine import DuckDBEngine
from tests.support.api import Api
from tests.support.lake import write
from tests.support.ledger_and_lake import START, lake_rows
from tests.unit.lake.both_engines import run_query

ACCOUNT = "a"
MICROSECOND, DAY = timedelta(microseconds=1), timedelta(days=1)
Step = tuple[str, int, bool]
"""How the time moves on, cents (negative: withdrawn), and whether the event is part of a transfer."""

STEPS = st.tuples(
    st.sampled_from(["same time", "next microsecond", "hours", "last moment of the day", "midnight", "days"]),
    st.integers(-500, 1_000).filter(bool),
    st.booleans(),
)
OFFSETS = st.integers(-2, 12)


def moved(at: datetime, how: str) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    match how:
        case "next microsecond":
            return at + MICROSECOND
        case "hours":
            return at + timedelta(hours=7)
        case "last moment of the day":
            return max(at, midnight - MICROSECOND)
        case "midnight":
            return midnight
        case "days":
            return at + 3 * DAY
    return at


def rows_of(steps: Iterable[Step]) -> list[Row]:
    """The rows of an account, snapshots included, of which some events are part of transfers."""
    at, head, rows = START, Head(), list[Row]()
    event: Event = Created("owner-1", "EUR")
    for number, (how, cents, is_transfer) in enumerate([("same time", 1, False), *steps], 1):
        at = moved(at, how)
        if head.account is not None:
            amount = Decimal(abs(cents)) / 100
            transfer = Transfer(f"transfer-{number}", "b") if is_transfer else None
            is_credit = cents > 0 or head.account.balance < amount
            event = Credited(amount, transfer) if is_credit else Withdrawn(amount, transfer)
        appended = rows_for(ACCOUNT, head, event, Origin(timestamp(at), f"c-{number}", f"r-{number}"))
        rows += appended
        head = advance(head, appended[0])
    return rows


def from_the_lake(engine: DuckDBEngine, first: str, last: str) -> list[tuple[Any, ...]]:
    """The columns that the API has as well: of the bounds the balance, of the lines everything."""
    answer = run_query(engine, "account_statement", {"account": ACCOUNT, "from": first, "until": last}).records()
    common = ("entry", "sequence", "occurred_at", "balance", "currency")
    of_line = ("event_type", "change", "correlation_id", "transfer_id", "counterparty_account_id")
    return [tuple(row[name] for name in ((*common, *of_line) if row["entry"] == "event" else common)) for row in answer]


def from_the_api(api: Api, first: str, last: str, limit: int) -> list[tuple[Any, ...]]:
    target: str | None = f"/accounts/{ACCOUNT}/statement?from={first}&until={last}&limit={limit}"
    lines, page = list[dict[str, Any]](), dict[str, Any]()
    while target:
        status, page, _ = api("GET", target)
        assert status == 200, page
        lines += page["lines"]
        target = page["next"]
    return [
        bound("opening", page["opening"]),
        *(
            (
                *bound("event", line),
                *(line["type"], line["change"] and Decimal(line["change"]), line["correlationId"]),
                *(line["transferId"], line["counterpartyAccountId"]),
            )
            for line in lines
        ),
        bound("closing", page["closing"]),
    ]


def bound(entry: str, found: dict[str, Any] | None) -> tuple[Any, ...]:
    if found is None:
        return (entry, None, None, None, None)
    at = datetime.fromisoformat(found["occurredAt"]).replace(tzinfo=None)
    return (entry, found["sequence"], at, Decimal(found["balance"]), found["currency"])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(STEPS, max_size=45),
    st.lists(st.tuples(OFFSETS, OFFSETS), min_size=1, max_size=4),
    st.sampled_from([1, 4, 9, 50]),
)
def test_the_statement_equals_the_lake_s_answer(steps: list[Step], ranges: list[tuple[int, int]], limit: int) -> None:
    rows, api = rows_of(steps), Api()
    for row in rows:
        api.store.append([row], Usage())
    with TemporaryDirectory() as folder:
        write(Path(folder), lake_rows(rows))
        engine = DuckDBEngine(folder)
        for offsets in ranges:
            first, last = (f"{START + days * DAY:%Y-%m-%d}" for days in sorted(offsets))
            assert from_the_api(api, first, last, limit) == from_the_lake(engine, first, last)
