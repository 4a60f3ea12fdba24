"""The contract of every AccountStore."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from account_core.api.access import Caller
from account_core.api.queries import NUMBER_MAX
from account_core.domain.commands import CreateAccount, Credit, Withdraw
from account_core.domain.errors import Conflict, InsufficientFunds
from account_core.domain.events import Created, Credited, EventRow, Row, SnapshotRow, StoredRow
from account_core.rows.items import is_snapshot_version
from account_core.service.head import Head, Origin, advance, fold, rows_for
from account_core.service.ports import ROWS_MAX, AccountStore, VersionConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")


def grow(store: AccountStore, events: int) -> tuple[Head, list[Row]]:
    """Append this many events to account "a"; return the head and all rows, oldest first."""
    head, rows = Head(), []
    for number in range(events):
        event = Credited(Decimal("1.10")) if number else Created("owner-1", "EUR")
        appended = rows_for("a", head, event, replace(ORIGIN, command_id=f"command-{number}" if number % 2 else None))
        store.append(appended, Usage())
        head = advance(head, appended[0])
        rows += appended
    return head, rows


def test_an_unknown_account_has_no_rows(store: AccountStore) -> None:
    assert list(store.newest("nobody", Usage())) == []


@pytest.mark.parametrize("events", [1, 8, 9, 10, 25])
def test_rows_come_back_newest_first_and_at_most_ten(store: AccountStore, events: int) -> None:
    head, rows = grow(store, events)
    newest = list(store.newest("a", Usage()))
    assert newest == rows[: -ROWS_MAX - 1 : -1]
    assert fold(newest) == head
    assert list(store.newest("b", Usage())) == []


@pytest.mark.parametrize("events", [1, 9, 10])
def test_a_taken_version_is_refused_and_the_competing_row_returned(store: AccountStore, events: int) -> None:
    head = Head()
    for number in range(events):
        event = Credited(Decimal("1.00")) if number else Created("owner-1", "EUR")
        before, rows = head, rows_for("a", head, event, ORIGIN)
        store.append(rows, Usage())
        head = advance(head, rows[0])
    with pytest.raises(VersionConflict) as conflict:
        store.append(
            rows_for("a", before, Credited(Decimal("7.00")) if events > 1 else Created("x", "USD"), ORIGIN), Usage()
        )
    assert conflict.value.competing == rows[:1]
    assert fold(store.newest("a", Usage())) == head


def test_an_event_and_its_snapshot_are_stored_together_or_not_at_all(store: AccountStore) -> None:
    head, _ = grow(store, 8)
    event, snapshot = rows_for("a", head, Credited(Decimal("1.00")), ORIGIN)
    assert isinstance(snapshot, SnapshotRow)
    store.append([snapshot], Usage())
    with pytest.raises(VersionConflict):
        store.append([event, snapshot], Usage())
    assert [row.version for row in store.newest("a", Usage())] == [10, *range(8, 0, -1)]


@pytest.mark.parametrize("events", [1, 2, 9, 10])
def test_a_version_is_stored_once_however_often_it_is_appended(store: AccountStore, events: int) -> None:
    head, rows = grow(store, events)
    for _ in range(2):
        with pytest.raises(VersionConflict) as conflict:
            store.append(rows[-1:], Usage())
        assert conflict.value.competing == rows[-1:]
    assert list(store.newest("a", Usage())) == rows[: -ROWS_MAX - 1 : -1]
    assert fold(store.newest("a", Usage())) == head


@pytest.mark.parametrize("is_same_row", [True, False])
def test_an_append_with_two_rows_of_one_key_stores_neither(store: AccountStore, *, is_same_row: bool) -> None:
    _, rows = grow(store, 2)
    [third] = rows_for("a", fold(list(reversed(rows))), Credited(Decimal("1.00")), ORIGIN)
    other = third if is_same_row else replace(third, balance=Decimal("9.00"))
    with pytest.raises(ValueError, match="a/3"):
        store.append([third, other], Usage())
    assert list(store.newest("a", Usage())) == rows[::-1]


@pytest.mark.parametrize("count", [0, 3, 101])
def test_an_append_takes_one_row_or_an_event_and_its_snapshot(store: AccountStore, count: int) -> None:
    [first] = rows_for("a", Head(), Created("owner-1", "EUR"), ORIGIN)
    with pytest.raises(ValueError, match="an event and its snapshot"):
        store.append([replace(first, version=number + 1) for number in range(count)], Usage())
    assert list(store.newest("a", Usage())) == []


def test_concurrent_writers_lose_and_duplicate_no_event(concurrent_store: AccountStore) -> None:
    threads, each = 16, 4
    service = AccountService(concurrent_store)
    service.execute("a", CreateAccount("owner-1", "EUR"), ORIGIN)
    service.execute("a", Credit(Decimal("50.00")), ORIGIN)

    def withdraw(_: int) -> Decimal:
        try:
            service.execute("a", Withdraw(Decimal("1.00")), ORIGIN)
        except (InsufficientFunds, Conflict):
            return Decimal(0)
        return Decimal(1)

    with ThreadPoolExecutor(threads) as pool:
        withdrawn = sum(pool.map(withdraw, range(threads * each)), Decimal(0))
    receipt = service.read("a")
    assert withdrawn >= threads
    assert receipt.balance == Decimal(50) - withdrawn
    assert receipt.balance >= 0
    assert receipt.sequence == 2 + withdrawn
    _assert_dense(concurrent_store.newest("a", Usage()))


def _assert_dense(newest: Sequence[StoredRow]) -> None:
    versions = [row.version for row in newest]
    assert versions == list(range(versions[0], versions[0] - len(versions), -1))
    assert all(isinstance(row, SnapshotRow) == is_snapshot_version(row.version) for row in newest)


def test_an_event_of_any_age_is_found_by_its_idempotency_key(store: AccountStore) -> None:
    _, rows = grow(store, 25)
    for row in rows:
        if isinstance(row, EventRow) and row.command_id is not None:
            assert store.find("a", row.command_id, Usage()) == row
    assert store.find("a", "command-0", Usage()) is None
    assert store.find("b", "command-1", Usage()) is None


def test_the_longest_ids_and_keys_of_the_api_are_stored(store: AccountStore) -> None:
    """Otherwise a caller could send a request that DynamoDB refuses."""
    operator = Caller("o" * 128, is_operator=True, name="o")
    longest = Origin(ORIGIN.occurred_at, "c" * 128, "r" * 128, operator.command_id("k" * 128))
    [row] = rows_for("a" * 64, Head(), Created("o" * 64, "EUR"), longest)
    store.append([row], Usage())
    assert list(store.newest("a" * 64, Usage(), up_to=NUMBER_MAX)) == [row]
    assert isinstance(row, EventRow)
    assert row.command_id is not None
    assert store.find("a" * 64, row.command_id, Usage()) == row


def test_rows_are_read_up_to_a_version(store: AccountStore) -> None:
    _, rows = grow(store, 25)
    assert list(store.newest("a", Usage(), limit=3, up_to=12)) == rows[11:8:-1]
    assert list(store.newest("a", Usage(), limit=100)) == rows[::-1]
    assert list(store.newest("a", Usage(), up_to=0)) == []
