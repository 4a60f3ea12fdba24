from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Credited, Event, EventRow, Row, SnapshotRow, Withdrawn
from account_core.service.head import Head, Origin, advance, fold, rows_for
from account_core.service.ports import ROWS_MAX
from tests.support.amounts import cents

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")


def ledger(events: list[Event]) -> tuple[Head, list[Row]]:
    """The head and all rows, oldest first, of an account with these events."""
    head, rows = Head(), []
    for event in events:
        appended = rows_for("a", head, event, ORIGIN)
        rows += appended
        head = advance(head, appended[0])
    return head, rows


def credits_of(count: int) -> list[Event]:
    return [Created("owner-1", "EUR"), *[Credited(Decimal("1.00"))] * (count - 1)]


@given(st.lists(cents(most="99.99"), max_size=60))
def test_the_newest_ten_rows_are_enough_at_any_age(amounts: list[Decimal]) -> None:
    events: list[Event] = [Created("owner-1", "EUR")]
    for amount in amounts:
        events += [Credited(amount * 2), Withdrawn(amount)]
    for age in range(1, len(events) + 1):
        head, rows = ledger(events[:age])
        assert fold(rows[: -ROWS_MAX - 1 : -1]) == head
        assert head.sequence == age
        assert head.version == len(rows)


def test_every_tenth_row_is_a_snapshot_and_no_other() -> None:
    _, rows = ledger(credits_of(50))
    assert [row.version for row in rows] == list(range(1, len(rows) + 1))
    assert all(isinstance(row, SnapshotRow) == (row.version % 10 == 0) for row in rows)
    assert [row.sequence for row in rows if isinstance(row, EventRow)] == list(range(1, 51))


def test_only_the_ninth_event_of_an_interval_is_written_with_a_snapshot() -> None:
    head = Head()
    for event in credits_of(28):
        rows = rows_for("a", head, event, ORIGIN)
        assert len(rows) == (2 if rows[0].version % 10 == 9 else 1)
        head = advance(head, rows[0])


def test_without_rows_there_is_no_account() -> None:
    assert fold([]) == Head(None, 0, 0)


def _with_changed_row(index: int, **changed: Any) -> list[Row]:  # noqa: ANN401 -- as replace takes them
    _, rows = ledger(credits_of(15))
    rows[index] = replace(rows[index], **changed)
    return rows[: -ROWS_MAX - 1 : -1]


def _created_again() -> list[Row]:
    """A second creation at a balance of zero, which looks like a first one."""
    _, rows = ledger([*credits_of(2), Withdrawn(Decimal("1.00"))])
    rows[-1] = replace(rows[-1], event=Created("thief", "EUR"))  # type: ignore[arg-type]  # an event row
    return rows[::-1]


@pytest.mark.parametrize(
    "newest",
    [
        _with_changed_row(-1, balance=Decimal("99.00")),
        _with_changed_row(-1, sequence=14),
        _with_changed_row(-2, version=99),
        _with_changed_row(-1, currency="USD"),
        _with_changed_row(-2, event=Created("owner-1", "EUR")),
        _with_changed_row(9, sequence=8),
        _created_again(),
        ledger(credits_of(5))[1][:0:-1],
        ledger([*credits_of(15)])[1][:11:-1],
    ],
    ids=[
        "balance",
        "sequence",
        "version",
        "currency",
        "type",
        "snapshot",
        "created twice",
        "no first row",
        "no snapshot",
    ],
)
def test_rows_that_contradict_each_other_are_corrupt(newest: list[Row]) -> None:
    with pytest.raises(Corrupt):
        fold(newest)
