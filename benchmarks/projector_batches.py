"""Batches of the table's stream as the projector's function gets them: no event in them comes twice.

One account in ten has two events in a batch. Snapshots, one row in ten of a real table, are left out: both projectors
only pass over them. Names are as long as the API's and API Gateway's own; commands have no idempotency key, unless
asked.
"""

import random
from decimal import Decimal
from typing import Any

from account_core.domain.events import Credited, Event, EventRow, Withdrawn
from account_core.rows.items import to_item, version_of
from account_events.testing import TableKey
from account_events.testing.records import image_record
from benchmarks.world import account_id, origin

Batch = dict[str, Any]

KEY = TableKey("AccountId", "Version")
ACCOUNTS_OF_11 = 10
"""Of so many events that follow each other in a batch, the last is of the account in front of it."""
SEQUENCES = 2, 200
"""The first event of an account in a first batch: never the account's own first, whose type is another."""
_ROLL = random.Random(4711)  # noqa: S311 -- the same mix in every run


class Accounts:
    """Accounts of which each batch has the next events. After the first batch a projector knows them.

    Args:
        records: in a batch.
        keyed: whether commands have an idempotency key.
    """

    def __init__(self, records: int, *, keyed: bool = False) -> None:
        self._keyed = keyed
        self._turns: list[str] = []
        """The account of each record."""
        for number in range(records):
            is_second = number % (ACCOUNTS_OF_11 + 1) == ACCOUNTS_OF_11
            self._turns.append(self._turns[-1] if is_second else account_id())
        self._next = {account: _ROLL.randint(*SEQUENCES) for account in self._turns}

    def __len__(self) -> int:
        return len(self._next)

    def batch(self) -> Batch:
        """The next."""
        images = [to_item(self._row(account)) for account in self._turns]
        return {"Records": [image_record(image, number, KEY) for number, image in enumerate(images)]}

    def _row(self, account: str) -> EventRow:
        sequence = self._next[account]
        self._next[account] += 1
        at = origin(account_id() if self._keyed else None)
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
    return (Credited if sequence % 3 else Withdrawn)(_money(50_000))


def _money(cents_max: int) -> Decimal:
    return Decimal(_ROLL.randint(1, cents_max)).scaleb(-2)
