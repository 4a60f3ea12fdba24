"""Loading an account's state with and without usable snapshots, now and in the past."""

import math
from decimal import Decimal

import pytest

from account_core.domain.account import Account
from account_core.domain.commands import CreateAccount, Credit
from account_core.domain.errors import Corrupt
from account_core.rows.items import version_of
from account_core.service.head import Head, Origin
from account_core.service.loading import PAGE_ROWS_MAX, load, load_moment
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore


def moment_of(second: int) -> str:
    return f"2026-01-31T09:{second // 60:02}:{second % 60:02}.000000Z"


def ledger(events: int) -> MemoryAccountStore:
    """An account whose event number n credits 1.00 in second n."""
    store = MemoryAccountStore()
    service = AccountService(store)
    for number in range(1, events + 1):
        command = CreateAccount("owner-1", "EUR") if number == 1 else Credit(Decimal("1.00"))
        service.execute("a", command, Origin(moment_of(number), "correlation-1", "request-1"))
    return store


def spoil(
    store: MemoryAccountStore, version: int, *, name: str = "Format", value: dict[str, str] | None = None
) -> None:
    store._items["a"][version][name] = value or {"N": "99"}  # noqa: SLF001 -- no public method stores such a row


def head_of(events: int) -> Head:
    account, version = Account("owner-1", "EUR", Decimal(events - 1)), version_of(events)
    return Head(account, version + (version % 10 == 9), events, moment_of(events))


@pytest.mark.parametrize("events", [1, 8, 9, 10, 18, 19, 50])
def test_the_newest_state_takes_one_request(events: int) -> None:
    used = Usage()
    assert load(ledger(events), "a", used) == head_of(events)
    assert used == Usage(requests=1)


def test_without_rows_there_is_no_account() -> None:
    assert load(MemoryAccountStore(), "a", Usage()) == Head()


@pytest.mark.parametrize(
    ("name", "value"),
    [("Format", {"N": "1"}), ("Format", {"N": "99"}), ("Digest", {"S": "0"}), ("Balance", {"N": "7"})],
)
@pytest.mark.parametrize("events", range(9, 31))
def test_a_snapshot_that_cannot_be_used_is_ignored(events: int, name: str, value: dict[str, str]) -> None:
    store, used = ledger(events), Usage()
    spoil(store, (version_of(events) + 1) // 10 * 10, name=name, value=value)
    assert load(store, "a", used) == head_of(events)
    assert used.rebuilt == (events > 9)
    assert used.requests <= 2


def test_without_any_snapshot_the_state_is_rebuilt_page_by_page() -> None:
    store, used = ledger(1_900), Usage()
    for version in range(10, version_of(1_900), 10):
        spoil(store, version)
    assert load(store, "a", used) == head_of(1_900)
    assert used.requests == 1 + math.ceil((version_of(1_900) - 10) / PAGE_ROWS_MAX)


def test_rebuilding_stops_at_the_last_usable_snapshot() -> None:
    store, used = ledger(1_900), Usage()
    for version in range(100, version_of(1_900), 10):
        spoil(store, version)
    del store._items["a"][5]  # noqa: SLF001 -- the missing row is older than the usable snapshot
    assert load(store, "a", used) == head_of(1_900)


@pytest.mark.parametrize("version", [1, 15, 25])
def test_a_gap_is_corrupt(version: int) -> None:
    store = ledger(25)
    for snapshot in (10, 20):
        spoil(store, snapshot)
    del store._items["a"][version]  # noqa: SLF001 -- as above
    with pytest.raises(Corrupt):
        load(store, "a", Usage())


def test_an_ignored_snapshot_at_a_wrong_version_is_corrupt() -> None:
    store = ledger(12)
    del store._items["a"][9]  # noqa: SLF001 -- as above
    spoil(store, 10)
    with pytest.raises(Corrupt):
        load(store, "a", Usage())


@pytest.mark.parametrize("events", [1, 2, 9, 10, 19, 100, 333])
def test_any_moment_is_found_in_a_bounded_number_of_requests(events: int) -> None:
    store = ledger(events)
    for second in range(events + 3):
        used = Usage()
        found = load_moment(store, "a", moment_of(second), used)
        assert found.sequence == min(second, events)
        assert found == (head_of(min(second, events)) if second else Head())
        assert used.requests <= 2 + math.ceil(math.log2(max(version_of(events) / 10, 1)))


def test_all_events_of_the_same_moment_are_included() -> None:
    store, service = MemoryAccountStore(), None
    service = AccountService(store)
    for number in range(40):
        command = CreateAccount("owner-1", "EUR") if number == 0 else Credit(Decimal("1.00"))
        service.execute("a", command, Origin(moment_of(number // 25), "correlation-1", "request-1"))
    assert load_moment(store, "a", moment_of(0), Usage()).sequence == 25
    assert load_moment(store, "a", moment_of(1), Usage()).sequence == 40
