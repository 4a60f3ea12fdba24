"""The rows that a poisoned account gets."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from account_core.domain.account import Account
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, version_of
from account_core.service.head import Head, advance, version_after
from local_stack.faults.poison import AMOUNT, poisoned

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(("sequence", "rows"), [(1, 1), (7, 1), (8, 2), (9, 1), (17, 2)])
def test_the_ninth_event_of_an_interval_is_followed_by_its_snapshot(sequence: int, rows: int) -> None:
    version = version_after(version_of(sequence))
    head = Head(Account("owner-1", "EUR", Decimal("5.00")), version, sequence, "2026-01-31T09:00:00.000000Z")
    items = poisoned("a-1", head, NOW)
    assert len(items) == rows
    row = from_item(items[0])
    assert isinstance(row, EventRow)
    after = advance(head, row)
    assert after.account is not None
    assert (after.sequence, after.account.balance) == (sequence + 1, Decimal("5.00") + AMOUNT)
