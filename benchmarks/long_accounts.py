"""Accounts with any number of events, written in batches without the service.

DynamoDB Local takes about a minute for 100,000 events.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.config import Config
from rich.console import Console

from account_core.domain.events import Created, Credited, Row, StoredRow
from account_core.rows.items import to_item
from account_core.service.head import Head, advance, rows_for, timestamp
from account_core.service.loading import load_moment
from account_core.service.ports import ROWS_MAX
from account_core.service.statement import Days, statement_page
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from benchmarks.world import CREDIT, OPENED, LongAccount, World, account_id, origin
from local_stack.emulator import loopback_config
from local_stack.local_tables import session

FIRST = datetime(2016, 1, 31, 9, 30, tzinfo=UTC)
APART = timedelta(minutes=45)
BATCH_ROWS = 25
"""The most that BatchWriteItem takes."""
THREADS = 4
LOAD_MAX_S = 150.0
REPORT_EVERY_ROWS = 20_000


class LoadTooSlow(Exception):
    """This machine cannot load the long account in time."""


def long_account(world: World, events: int) -> LongAccount:
    """Return this world's account with that many events, loading it at the first call.

    Raises:
        LoadTooSlow: loading took longer than LOAD_MAX_S.
    """
    if events not in world.long_accounts:
        rows = ledger(events)
        _load(world, rows)
        world.long_accounts[events] = LongAccount(rows[0].account_id, len(rows), worst_moment(rows), worst_day(rows))
    return world.long_accounts[events]


def ledger(events: int) -> list[Row]:
    """All rows of a new account with that many events, oldest first, APART in time."""
    head, rows, new_id = Head(), list[Row](), account_id()
    for number in range(events):
        event = Credited(CREDIT.amount) if number else Created(OPENED.owner, OPENED.currency)
        at = replace(origin(), occurred_at=timestamp(FIRST + number * APART))
        appended = rows_for(new_id, head, event, at)
        rows += appended
        head = advance(head, appended[0])
    return rows


def _load(world: World, rows: Sequence[Row]) -> None:
    """Write the rows, reporting progress on stderr."""
    config = loopback_config().merge(Config(parameter_validation=False))
    client = session().client("dynamodb", endpoint_url=world.client.meta.endpoint_url, config=config)
    deadline = time.monotonic() + LOAD_MAX_S
    report = Console(stderr=True).print

    def write(first: int) -> None:
        if time.monotonic() > deadline:
            raise LoadTooSlow(f"Loading {len(rows):,} rows took more than {LOAD_MAX_S:.0f} s.")
        puts: Any = [{"PutRequest": {"Item": to_item(row)}} for row in rows[first : first + BATCH_ROWS]]
        while puts:
            answer = client.batch_write_item(RequestItems={world.table_name: puts})
            puts = answer["UnprocessedItems"].get(world.table_name, [])

    with ThreadPoolExecutor(THREADS) as pool:
        for done, _ in enumerate(pool.map(write, range(0, len(rows), BATCH_ROWS)), 1):
            if not done * BATCH_ROWS % REPORT_EVERY_ROWS:
                report(f"loaded {done * BATCH_ROWS:,} of {len(rows):,} rows")


def worst_moment(rows: Sequence[Row]) -> str:
    """The moment for which `load_moment` needs the most requests: one of the ends of all snapshot intervals."""
    store = _Listed(rows)
    moments = [timestamp(FIRST - APART)]
    for last in range(ROWS_MAX, len(rows), ROWS_MAX):
        # The last row of an interval, and the first row of the next.
        moments += [rows[last - 1].occurred_at, rows[last].occurred_at]
    return max(moments, key=lambda moment: _requests(store, moment))


def worst_day(rows: Sequence[Row]) -> date:
    """The day whose statement needs the most requests."""
    store = _Listed(rows)
    days = sorted({date.fromisoformat(row.occurred_at[: len("2026-01-31")]) for row in rows})

    def requests(day: date) -> int:
        used = Usage()
        statement_page(store, "", Days(day, day), None, limit=ROWS_MAX, used=used)
        return used.requests

    return max(days, key=requests)


def _requests(store: "_Listed", moment: str) -> int:
    used = Usage()
    load_moment(store, "", moment, used)
    return used.requests


class _Listed(MemoryAccountStore):
    """Reads from a list, because sorting the versions for each of the many reads would take minutes."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self._rows = rows

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        del account_id
        used.requests += 1
        end = len(self._rows) if up_to is None else min(up_to, len(self._rows))
        return self._rows[max(end - limit, 0) : end][::-1]
