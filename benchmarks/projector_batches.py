"""Batches of the table's stream as the projector's function receives them, without repeated events.

One account in ten has two events in a batch. Snapshots, one row in ten of a real table, are left out, because both
projectors ignore them. Ids are as long as those of the API and API Gateway. Commands have no idempotency key unless
requested.
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
"""Of every 11 consecutive records, the last belongs to the same account as the one before it."""
SEQUENCES = 2, 200
"""The range of an account's first sequence in a first batch; never 1, because that event has a different type."""
_RANDOM = random.Random(4711)  # noqa: S311 -- the same values in every run


class Accounts:
    """Accounts whose next events form each batch. After the first batch, a projector knows the accounts.

    Args:
        records: per batch.
        keyed: whether commands have an idempotency key.
        sequences: the range of an account's first sequence.
    """

    def __init__(self, records: int, *, keyed: bool = False, sequences: tuple[int, int] = SEQUENCES) -> None:
        self.records = records
        self._keyed = keyed
        self._turns: list[str] = []
        """The account of each record."""
        for number in range(records):
            is_second = number % (ACCOUNTS_OF_11 + 1) == ACCOUNTS_OF_11
            self._turns.append(self._turns[-1] if is_second else account_id())
        self._next = {account: _RANDOM.randint(*sequences) for account in self._turns}

    def __len__(self) -> int:
        return len(self._next)

    def batch(self) -> Batch:
        """Return the next batch."""
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
    return Decimal(_RANDOM.randint(1, cents_max)).scaleb(-2)
