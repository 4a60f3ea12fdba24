"""Forced version conflicts: a competing command is stored between the service's read and its append."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from account_core.domain.commands import Command, CreateAccount, Credit, Withdraw
from account_core.domain.errors import (
    AccountNotFound,
    Conflict,
    IdempotencyKeyReused,
    InsufficientFunds,
    PreconditionFailed,
)
from account_core.domain.events import EventRow, Row, SnapshotRow, StoredRow
from account_core.service.execution import ATTEMPTS_MAX, BACKOFF_MAX_S, Conditions, backoff_s
from account_core.service.head import Origin
from account_core.service.ports import ROWS_MAX, VersionConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")


@dataclass(frozen=True)
class Sent:
    command: Command
    key: str | None = None


class ContendedStore(MemoryAccountStore):
    """Carries out the next competing command before each append. It can hide the competing row, as a store may."""

    def __init__(self, competing: Sequence[Command | Sent] = (), *, returns_competing_row: bool = True) -> None:
        super().__init__()
        self.competing = [sent if isinstance(sent, Sent) else Sent(sent) for sent in competing]
        self.returns_competing_row = returns_competing_row
        self.reads = self.lookups = self.appends = 0

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        self.reads += 1
        return super().newest(account_id, used, limit, up_to)

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        self.lookups += 1
        return super().find(account_id, command_id, used)

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        self.appends += 1
        if self.competing:
            sent, other_store = self.competing.pop(0), MemoryAccountStore()
            other_store._items, other_store._lock = self._items, self._lock  # noqa: SLF001 -- the same ledger
            AccountService(other_store).execute("a", sent.command, replace(ORIGIN, command_id=sent.key))
        try:
            super().append(rows, used)
        except VersionConflict as conflict:
            raise VersionConflict(*(conflict.competing if self.returns_competing_row else ())) from None


OPENED = CreateAccount("owner-1", "EUR")


def opened(store: ContendedStore, *commands: Command) -> AccountService:
    """A service that has carried out these commands, and so has the account's head in its cache."""
    service, store.competing, competing = AccountService(store), [], store.competing
    for command in (OPENED, *commands):
        service.execute("a", command, ORIGIN)
    store.competing, store.reads, store.appends = competing, 0, 0
    return service


def credit(amount: str) -> Credit:
    return Credit(Decimal(amount))


def withdraw(amount: str) -> Withdraw:
    return Withdraw(Decimal(amount))


@pytest.mark.parametrize("is_cached", [True, False])
@pytest.mark.parametrize("returns_competing_row", [True, False])
@pytest.mark.parametrize("age", range(1, 22))
def test_a_version_conflict_folds_the_competing_event_and_decides_again(
    age: int, *, returns_competing_row: bool, is_cached: bool
) -> None:
    store = ContendedStore([credit("5.00")] * 2, returns_competing_row=returns_competing_row)
    service = opened(store, *[credit("1.00")] * (age - 1))
    used = Usage()
    service = service if is_cached else AccountService(store)
    receipt = service.execute("a", withdraw("15.00") if age > 15 else credit("15.00"), ORIGIN, used=used)
    expected = Decimal(age - 1) + 10 + (Decimal(-15) if age > 15 else Decimal(15))
    assert receipt.balance == expected
    assert used.conflicts == 2
    assert receipt.sequence == age + 3
    assert store.reads == (2 if not returns_competing_row else 1 if is_cached else 0) + (0 if is_cached else 1)
    assert service.read("a").balance == expected


class SnapshotReturningStore(ContendedStore):
    """Returns only the newest row of a conflict, as a store may if another write of the event's row is in progress."""

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        try:
            super().append(rows, used)
        except VersionConflict:
            raise VersionConflict(self.newest("a", used, limit=1)[0]) from None


def test_a_competing_snapshot_without_its_event_makes_it_read_again() -> None:
    store = SnapshotReturningStore([credit("5.00")])
    service = opened(store, *[credit("1.00")] * 7)
    receipt = service.execute("a", credit("1.00"), ORIGIN)
    assert (receipt.balance, receipt.sequence) == (Decimal("13.00"), 10)
    assert isinstance(store.newest("a", Usage(), up_to=10)[0], SnapshotRow)


def test_a_command_on_a_cached_account_is_one_append_and_no_read() -> None:
    store = ContendedStore()
    service = opened(store)
    for number in range(1, 31):
        used = Usage()
        assert service.execute("a", credit("1.00"), ORIGIN, used=used).balance == number
        assert used == Usage(requests=1)
    assert (store.reads, store.lookups, store.appends) == (0, 0, 30)


def test_one_version_conflict_on_a_cached_account_costs_no_read() -> None:
    store = ContendedStore([credit("5.00")])
    service = opened(store)
    assert service.execute("a", credit("1.00"), ORIGIN).balance == 6
    assert (store.reads, store.appends) == (0, 2)


def test_a_head_that_is_far_behind_is_read_again() -> None:
    store = ContendedStore()
    service = opened(store)
    other = AccountService(store)
    for _ in range(100):
        other.execute("a", credit("1.00"), ORIGIN)
    store.reads = store.appends = 0
    assert service.execute("a", credit("1.00"), ORIGIN).balance == 101
    assert (store.reads, store.appends) == (1, 3)


def test_no_command_is_refused_because_of_a_cached_state() -> None:
    store = ContendedStore()
    service = opened(store)
    AccountService(store).execute("a", credit("50.00"), ORIGIN)
    assert service.execute("a", withdraw("50.00"), ORIGIN).balance == 0
    store.reads = 0
    with pytest.raises(InsufficientFunds):
        service.execute("a", withdraw("0.01"), ORIGIN)
    assert store.reads == 1


def test_no_command_is_refused_because_of_an_old_competing_event() -> None:
    """With an old head, the competing event is only the next one, not the newest."""
    store = ContendedStore()
    service = opened(store, credit("10.00"))
    other = AccountService(store)
    other.execute("a", withdraw("9.00"), ORIGIN)
    other.execute("a", credit("100.00"), ORIGIN)
    assert service.execute("a", withdraw("10.00"), ORIGIN).balance == 91


def test_the_decision_is_made_again_on_the_competing_event() -> None:
    store = ContendedStore([withdraw("60.00")])
    service = opened(store, credit("100.00"))
    with pytest.raises(InsufficientFunds):
        service.execute("a", withdraw("60.00"), ORIGIN)
    assert service.read("a").balance == Decimal("40.00")


def test_attempts_are_bounded() -> None:
    store = ContendedStore([credit("1.00")] * (ATTEMPTS_MAX + 5))
    service = opened(store)
    with pytest.raises(Conflict):
        service.execute("a", credit("1000.00"), ORIGIN)
    assert service.read("a").balance == Decimal(ATTEMPTS_MAX)


def test_a_concurrent_equal_creation_writes_nothing() -> None:
    store, used = ContendedStore([OPENED]), Usage()
    receipt = AccountService(store).execute("a", OPENED, ORIGIN, used=used)
    assert (receipt.sequence, used.conflicts) == (1, 1)


def test_an_unknown_account_is_not_found() -> None:
    with pytest.raises(AccountNotFound):
        AccountService(MemoryAccountStore()).read("a")


def test_without_time_for_another_attempt_conflict_is_raised() -> None:
    store = ContendedStore([credit("1.00")] * 3)
    service = opened(store)
    answers = iter([True, False])
    with pytest.raises(Conflict):
        service.execute("a", credit("1000.00"), ORIGIN, has_time=lambda: next(answers))
    assert service.read("a").balance == Decimal(2)


KEYED = replace(ORIGIN, command_id="key-1")


@pytest.mark.parametrize("age", [0, 1, 7, 8, 9, 40], ids=lambda age: f"{age} later")
@pytest.mark.parametrize("before", [0, 7, 8])
def test_a_repeated_command_returns_its_first_result_at_any_age(before: int, age: int) -> None:
    store = ContendedStore()
    service = opened(store, credit("100.00"), *[credit("1.00")] * before)
    first = service.execute("a", withdraw("60.00"), KEYED)
    for _ in range(age):
        service.execute("a", credit("0.01"), ORIGIN)
    again = [each.execute("a", withdraw("60.00"), KEYED) for each in (service, AccountService(store))]
    assert again == [replace(first, is_replay=True)] * 2
    assert service.read("a").sequence == first.sequence + age


def test_the_key_of_another_command_is_refused() -> None:
    service = opened(ContendedStore(), credit("100.00"))
    service.execute("a", withdraw("60.00"), KEYED)
    for command in (withdraw("60.01"), credit("60.00")):
        with pytest.raises(IdempotencyKeyReused):
            service.execute("a", command, KEYED)
    assert service.read("a").balance == 40


def test_a_key_belongs_to_one_account() -> None:
    store = ContendedStore()
    service = opened(store)
    service.execute("b", OPENED, ORIGIN)
    assert not service.execute("a", credit("1.00"), KEYED).is_replay
    assert not service.execute("b", credit("2.00"), KEYED).is_replay


@pytest.mark.parametrize("returns_competing_row", [True, False])
@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("is_cached", [True, False])
def test_concurrent_duplicates_make_one_event(others: int, *, returns_competing_row: bool, is_cached: bool) -> None:
    """The duplicate is stored after the key was looked up, before or after other commands."""
    competing = [*[Sent(credit("1.00"))] * others, Sent(withdraw("60.00"), "key-1"), Sent(credit("1.00"))]
    store = ContendedStore(competing, returns_competing_row=returns_competing_row)
    service = opened(store, credit("100.00"))
    service = service if is_cached else AccountService(store)
    receipt = service.execute("a", withdraw("60.00"), KEYED)
    assert receipt.is_replay
    assert receipt.balance == 40 + others
    assert service.read("a").balance == 40 + others


def test_a_repeated_creation_returns_the_first_account_at_any_age() -> None:
    store = ContendedStore()
    service = AccountService(store)
    first = service.execute("a", OPENED, KEYED)
    for _ in range(30):
        service.execute("a", credit("1.00"), ORIGIN)
    store.reads = 0
    assert service.execute("a", OPENED, KEYED) == replace(first, is_replay=True)
    with pytest.raises(IdempotencyKeyReused):
        service.execute("a", CreateAccount("owner-1", "USD"), KEYED)
    assert (store.reads, store.lookups) == (0, 0), "the first row has the result, so nothing more is read"


def test_a_refused_command_leaves_its_key_free() -> None:
    service = opened(ContendedStore())
    with pytest.raises(InsufficientFunds):
        service.execute("a", withdraw("1.00"), KEYED)
    service.execute("a", credit("1.00"), ORIGIN)
    assert not service.execute("a", withdraw("1.00"), KEYED).is_replay


def test_a_command_runs_only_at_the_sequences_of_its_condition() -> None:
    store = ContendedStore()
    service = opened(store, credit("10.00"))
    assert service.execute("a", credit("1.00"), ORIGIN, Conditions(frozenset({2}))).sequence == 3
    with pytest.raises(PreconditionFailed):
        service.execute("a", credit("1.00"), ORIGIN, Conditions(frozenset({2})))
    with pytest.raises(PreconditionFailed):
        service.execute("a", credit("1.00"), ORIGIN, Conditions(frozenset()))
    AccountService(store).execute("a", credit("1.00"), ORIGIN)  # the cached head is at 3, the account at 4
    assert service.execute("a", credit("1.00"), ORIGIN, Conditions(frozenset({4, 7}))).sequence == 5
    with pytest.raises(AccountNotFound):
        service.execute("b", credit("1.00"), ORIGIN, Conditions(frozenset({1})))


def test_a_version_conflict_fails_the_precondition() -> None:
    service = opened(ContendedStore([credit("5.00")]), credit("10.00"))
    with pytest.raises(PreconditionFailed):
        service.execute("a", withdraw("1.00"), ORIGIN, Conditions(frozenset({2})))
    assert service.read("a").balance == 15


def test_a_repeated_command_ignores_its_condition() -> None:
    service = opened(ContendedStore(), credit("10.00"))
    for is_replay in (False, True):
        receipt = service.execute("a", withdraw("1.00"), KEYED, Conditions(frozenset({2})))
        assert (receipt.balance, receipt.is_replay) == (Decimal(9), is_replay)


@pytest.mark.parametrize("is_cached", [True, False])
def test_another_owners_account_does_not_exist(*, is_cached: bool) -> None:
    store = ContendedStore()
    service = opened(store, credit("10.00"))
    service.execute("a", withdraw("1.00"), KEYED)
    service = service if is_cached else AccountService(store)
    other_owner = Conditions(owner="owner-2")
    with pytest.raises(AccountNotFound):
        service.execute("a", withdraw("1.00"), KEYED, other_owner)
    with pytest.raises(AccountNotFound):
        service.execute("a", withdraw("100.00"), ORIGIN, replace(other_owner, sequences=frozenset({99})))
    with pytest.raises(AccountNotFound):
        service.read("a", owner="owner-2")
    with pytest.raises(AccountNotFound):
        service.read("a", owner="owner-2", sequence=99)
    with pytest.raises(AccountNotFound):
        service.events("a", None, 10, "owner-2", Usage(), newest_first=True)
    assert service.execute("a", withdraw("1.00"), ORIGIN, Conditions(owner="owner-1")).balance == 8


def test_a_command_after_a_read_needs_no_read() -> None:
    store = ContendedStore()
    opened(store)
    service, used = AccountService(store), Usage()
    service.read("a")
    service.execute("a", credit("1.00"), ORIGIN, used=used)
    assert used == Usage(requests=1)


def test_a_folded_event_is_cached_even_if_the_command_is_refused() -> None:
    store = ContendedStore([withdraw("5.00")])
    service = opened(store, credit("5.00"))
    with pytest.raises(InsufficientFunds):
        service.execute("a", withdraw("5.00"), ORIGIN)
    used = Usage()
    service.execute("a", credit("1.00"), ORIGIN, used=used)
    assert used == Usage(requests=1)


def test_a_keyed_command_refused_on_a_cached_head_is_read_once() -> None:
    store = ContendedStore()
    service, used = opened(store), Usage()
    with pytest.raises(InsufficientFunds):
        service.execute("a", withdraw("5.00"), replace(ORIGIN, command_id="key-1"), used=used)
    assert (store.reads, store.lookups, used.requests) == (1, 1, 2)


@pytest.mark.parametrize(("conflicts", "ceiling"), [(1, 0.02), (2, 0.04), (9, BACKOFF_MAX_S), (50, BACKOFF_MAX_S)])
def test_the_backoff_doubles_up_to_its_ceiling(conflicts: int, ceiling: float) -> None:
    assert backoff_s(conflicts, 1.0) == pytest.approx(ceiling)
    assert backoff_s(conflicts, 0.0) == 0.0


def test_the_service_pauses_only_before_it_reads_again() -> None:
    store, pauses = ContendedStore([credit("1.00")] * 4), list[int]()
    opened(store)
    AccountService(store, pause=pauses.append).execute("a", credit("1.00"), ORIGIN)
    assert pauses == [3, 4]
