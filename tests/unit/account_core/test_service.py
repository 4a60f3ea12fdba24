"""Lost races, forced: the rival writes between the service's read and its append."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from account_core.commands import Command, CreateAccount, Credit, Withdraw
from account_core.errors import AccountNotFound, Conflict, InsufficientFunds
from account_core.events import Row
from account_core.head import Origin
from account_core.memory_store import MemoryAccountStore
from account_core.ports import LostRace
from account_core.service import ATTEMPTS_MAX, AccountService

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1")


class RivalledStore(MemoryAccountStore):
    """Before each append, the next command of a rival is carried out. Can hide the winner, as a store may."""

    def __init__(self, rival: list[Command], *, tells_winner: bool = True) -> None:
        super().__init__()
        self.rival = rival
        self.tells_winner = tells_winner
        self.reads = 0

    def newest(self, account_id: str) -> Sequence[Row]:
        self.reads += 1
        return super().newest(account_id)

    def append(self, rows: Sequence[Row]) -> None:
        if self.rival:
            command, rival_store = self.rival.pop(0), MemoryAccountStore()
            rival_store._items, rival_store._lock = self._items, self._lock  # noqa: SLF001 -- the same ledger
            AccountService(rival_store).execute("a", command, ORIGIN)
        try:
            super().append(rows)
        except LostRace as lost:
            raise LostRace(lost.winner if self.tells_winner else None) from None


def opened(store: RivalledStore, *commands: Command) -> AccountService:
    service, store.rival, rival = AccountService(store), [], store.rival
    for command in (CreateAccount("owner-1", "EUR"), *commands):
        service.execute("a", command, ORIGIN)
    store.rival, store.reads = rival, 0
    return service


@pytest.mark.parametrize("tells_winner", [True, False])
@pytest.mark.parametrize("age", range(1, 22))
def test_a_lost_race_folds_the_winner_and_decides_again(age: int, *, tells_winner: bool) -> None:
    store = RivalledStore([Credit(Decimal("5.00"))] * 3, tells_winner=tells_winner)
    service = opened(store, *[Credit(Decimal("1.00"))] * (age - 1))
    receipt = (
        service.execute("a", Withdraw(Decimal("15.00")), ORIGIN)
        if age > 15
        else service.execute("a", Credit(Decimal("15.00")), ORIGIN)
    )
    expected = Decimal(age - 1) + 15 + (Decimal(-15) if age > 15 else Decimal(15))
    assert receipt.account.balance == expected
    assert receipt.conflicts == 3
    assert receipt.sequence == age + 4
    assert store.reads == (1 if tells_winner else 4)
    assert service.read("a").account.balance == expected


def test_the_decision_is_made_again_on_the_winner() -> None:
    store = RivalledStore([Withdraw(Decimal("60.00"))])
    service = opened(store, Credit(Decimal("100.00")))
    with pytest.raises(InsufficientFunds):
        service.execute("a", Withdraw(Decimal("60.00")), ORIGIN)
    assert service.read("a").account.balance == Decimal("40.00")


def test_races_are_bounded() -> None:
    store = RivalledStore([Credit(Decimal("1.00"))] * (ATTEMPTS_MAX + 5))
    service = opened(store)
    with pytest.raises(Conflict):
        service.execute("a", Credit(Decimal("1000.00")), ORIGIN)
    assert service.read("a").account.balance == Decimal(ATTEMPTS_MAX)


def test_creating_twice_writes_once() -> None:
    store = RivalledStore([CreateAccount("owner-1", "EUR")])
    receipt = AccountService(store).execute("a", CreateAccount("owner-1", "EUR"), ORIGIN)
    assert (receipt.sequence, receipt.conflicts) == (1, 1)


def test_an_unknown_account_is_not_found() -> None:
    with pytest.raises(AccountNotFound):
        AccountService(MemoryAccountStore()).read("a")


def test_without_time_for_another_attempt_it_gives_up_and_says_so() -> None:
    store = RivalledStore([Credit(Decimal("1.00"))] * 3)
    service = opened(store)
    answers = iter([True, False])
    with pytest.raises(Conflict):
        service.execute("a", Credit(Decimal("1000.00")), ORIGIN, has_time=lambda: next(answers))
    assert service.read("a").account.balance == Decimal(2)
