"""Transfers that meet other writers: conflicts, full accounts and lost answers."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from account_core.domain.commands import Command, Credit, TransferMoney, Withdraw
from account_core.domain.errors import (
    AccountFull,
    Conflict,
    InsufficientFunds,
    ReceiverRefused,
    Rejected,
    Unavailable,
)
from account_core.domain.events import EventRow, Row, SnapshotRow
from account_core.domain.money import MONEY_MAX
from account_core.service.execution import ATTEMPTS_MAX, Receipt
from account_core.service.head import Origin
from account_core.service.ports import VersionConflict, WriteConflict, check_rows
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from tests.support.two_accounts import FUNDS, ORIGIN, Fault, TwoAccounts

KEYED = replace(ORIGIN, command_id="key-1")


@pytest.fixture
def world() -> TwoAccounts:
    return TwoAccounts()


def refuse(error: Exception) -> Fault:
    def fail() -> None:
        raise error

    return fail


def rival(world: TwoAccounts, *commands: tuple[str, Command], origin: Origin = ORIGIN) -> Fault:
    """Commands of another instance, carried out just before the transfer's append."""

    def compete() -> None:
        faults, world.store.faults = world.store.faults, []
        appended = list(world.store.appended)
        for account_id, command in commands:
            AccountService(world.store).execute(account_id, command, origin)
        world.store.faults, world.store.appended = faults, appended

    return compete


CREDIT = Credit(Decimal("1.00"))


@pytest.mark.parametrize("accounts", [("a",), ("b",), ("a", "b")])
@pytest.mark.parametrize("age", [2, 7, 8])
def test_competing_events_are_folded_on_each_account(world: TwoAccounts, accounts: Sequence[str], age: int) -> None:
    world.grow("a", age)
    world.grow("b", age)
    before = world.balances()
    world.watch()
    world.store.faults = [rival(world, *((account_id, CREDIT) for account_id in accounts))]
    used = Usage()
    receipt = world.transfer(used=used)
    assert (used.conflicts, len(world.store.appended)) == (1, 2)
    expected = before[0] - 5 + ("a" in accounts), before[1] + 5 + ("b" in accounts)
    assert (world.balances(), receipt.balance) == (expected, expected[0])
    assert (world.other().read("a").balance, world.other().read("b").balance) == expected


def test_the_balance_is_checked_again_after_a_version_conflict(world: TwoAccounts) -> None:
    world.store.faults = [rival(world, ("a", Withdraw(FUNDS)))]
    with pytest.raises(InsufficientFunds):
        world.transfer()
    assert world.balances() == (0, 100)


def test_the_receiver_is_checked_again_after_a_version_conflict(world: TwoAccounts) -> None:
    world.store.faults = [rival(world, ("b", Credit(MONEY_MAX - FUNDS)))]
    with pytest.raises(ReceiverRefused):
        world.transfer()
    assert world.balances() == (100, MONEY_MAX)


def test_a_competing_event_with_the_key_is_the_first_result(world: TwoAccounts) -> None:
    same = TransferMoney("b", Decimal("5.00"), "first")
    world.store.faults = [rival(world, ("a", same), origin=KEYED)]
    receipt = world.transfer(origin=KEYED)
    assert receipt == Receipt(Decimal("95.00"), "EUR", 3, is_replay=True, transfer_id="first")
    assert world.balances() == (95, 105)


def test_a_key_of_the_receiving_owner_is_not_the_first_result(world: TwoAccounts) -> None:
    """Both accounts have competing events, and only the receiving one's has this key."""
    world.store.faults = [rival(world, ("b", Credit(Decimal("5.00"))), origin=KEYED)]
    receipt = world.transfer(origin=KEYED)
    assert not receipt.is_replay
    assert world.balances() == (95, 110)


def test_a_conflict_that_nobody_won_sends_the_same_rows_again(world: TwoAccounts) -> None:
    world.store.faults = [refuse(WriteConflict())] * 3
    used = Usage()
    assert world.transfer(origin=KEYED, used=used).balance == 95
    assert len(world.store.appended) == 4
    assert len(set(world.store.appended)) == 1
    assert world.store.asked == ["a key-1"]
    assert (used.conflicts, world.pauses) == (3, [1, 2, 3])
    assert world.balances() == (95, 105)


def test_conflicts_that_nobody_wins_end_after_ten_attempts(world: TwoAccounts) -> None:
    world.store.faults = [refuse(WriteConflict())] * ATTEMPTS_MAX
    with pytest.raises(Conflict, match="Nothing was written"):
        world.transfer()
    assert (len(world.store.appended), world.pauses) == (ATTEMPTS_MAX, list(range(1, ATTEMPTS_MAX)))
    assert world.balances() == (100, 100)


def test_without_time_a_conflict_ends_at_once(world: TwoAccounts) -> None:
    world.store.faults = [refuse(WriteConflict())] * 2
    command = TransferMoney("b", Decimal("5.00"), "transfer-1")
    with pytest.raises(Conflict):
        world.service.execute("a", command, ORIGIN, has_time=lambda: False)
    assert (len(world.store.appended), world.pauses) == (1, [])


def test_after_conflicts_without_rows_both_accounts_are_read(world: TwoAccounts) -> None:
    world.store.faults = [refuse(VersionConflict())]
    assert world.transfer().balance == 95
    assert (world.store.asked, world.pauses) == (["a", "b"], [1])


def test_a_busy_account_is_read_and_the_other_one_is_not(world: TwoAccounts) -> None:
    world.store.faults = [rival(world, ("b", CREDIT)) for _ in range(2)]
    assert world.transfer().balance == 95
    assert world.store.asked.count("b") == 3, "two reads of the rivals, and one of the transfer"
    assert "a" not in world.store.asked


@pytest.mark.parametrize(("account_id", "error"), [("a", AccountFull), ("b", ReceiverRefused)])
def test_a_full_account_is_named_only_to_its_own_payer(
    world: TwoAccounts, account_id: str, error: type[Rejected]
) -> None:
    world.store.faults = [refuse(AccountFull(account_id))]
    with pytest.raises(error) as refused:
        world.transfer()
    assert world.balances() == (100, 100)
    assert error is AccountFull or str(refused.value) == str(ReceiverRefused())


def test_a_lost_answer_with_a_key_is_found_by_the_repetition(world: TwoAccounts) -> None:
    world.store.loses_answer = True
    with pytest.raises(Unavailable):
        world.transfer(origin=KEYED)
    world.store.loses_answer = False
    receipt = world.transfer(origin=KEYED)
    assert receipt == Receipt(Decimal("95.00"), "EUR", 3, is_replay=True, transfer_id="transfer-1")
    assert world.balances() == (95, 105)


def test_a_lost_answer_is_not_sent_again_by_the_service(world: TwoAccounts) -> None:
    world.store.loses_answer = True
    with pytest.raises(Unavailable):
        world.transfer()
    assert len(world.store.appended) == 1


def rows_of(*keys: tuple[str, int]) -> list[Row]:
    row = TwoAccounts().last("a")
    return [replace(row, account_id=account_id, version=version) for account_id, version in keys]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        rows_of(("a", 1), ("a", 2), ("a", 3)),
        rows_of(("a", 1), ("b", 1), ("b", 2), ("b", 3)),
        rows_of(("a", 1), ("b", 1), ("c", 1)),
        rows_of(("a", 1), ("b", 1), ("a", 1)),
    ],
    ids=["none", "three of one account", "three of the other", "three accounts", "one key twice"],
)
def test_rows_that_no_command_causes_are_refused(rows: list[Row]) -> None:
    with pytest.raises(ValueError, match="An append takes"):
        check_rows(rows)


def test_the_store_returns_the_first_competing_row_of_each_account(world: TwoAccounts) -> None:
    world.grow("a", 9)
    rows = [row for account_id in ("a", "b") for row in world.rows(account_id)[-2:]]
    with pytest.raises(VersionConflict) as conflict:
        world.store.append([row for row in rows if isinstance(row, EventRow | SnapshotRow)], Usage())
    assert [(row.account_id, row.version) for row in conflict.value.competing] == [("a", 9), ("b", 1)]
