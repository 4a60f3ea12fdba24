"""Batches of the table's stream as the projector's function gets them: nothing in them repeats between batches.

Accounts are new in every batch, since the projector skips what it has published; so no cache of it knows them either,
which is the worst it can meet. One account in ten has two events in the batch. Snapshots, one row in ten of a real
table, are left out: both projectors only pass over them. Names are as long as the API's and API Gateway's own; commands
have no idempotency key, unless asked.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from account_core.events import Created, Credited, Event, EventRow, Withdrawn
from account_core.items import version_of
from account_events.testing.records import stream_records
from benchmarks.world import account_id, origin

Batch = dict[str, Any]

ACCOUNTS_OF_11 = 10
"""Of so many events that follow each other in a batch, the last is of the account in front of it."""
SEQUENCE_MAX = 200
OWNER = "customer-4711"
_ROLL = random.Random(4711)  # noqa: S311 -- the same mix in every run


def batch(records: int, *, keyed: bool = False) -> Batch:
    """So many records."""
    rows = _rows(keyed=keyed)
    return {"Records": stream_records(next(rows) for _ in range(records))}


def _rows(*, keyed: bool) -> Iterator[EventRow]:
    while True:
        for _ in range(ACCOUNTS_OF_11):
            account, sequence = account_id(), _ROLL.randint(1, SEQUENCE_MAX)
            yield _row(account, sequence, keyed=keyed)
        yield _row(account, sequence + 1, keyed=keyed)


def _row(account: str, sequence: int, *, keyed: bool) -> EventRow:
    at = origin(account_id() if keyed else None)
    return EventRow(
        account_id=account,
        version=version_of(sequence),
        sequence=sequence,
        occurred_at=at.occurred_at,
        event=_event(sequence),
        balance=_money(1_000_000),
        currency="EUR",
        correlation_id=at.correlation_id,
        request_id=at.request_id,
        command_id=at.command_id,
    )


def _event(sequence: int) -> Event:
    if sequence == 1:
        return Created(OWNER, "EUR")
    return (Credited if sequence % 3 else Withdrawn)(_money(50_000))


def _money(cents_max: int) -> Decimal:
    return Decimal(_ROLL.randint(1, cents_max)).scaleb(-2)
