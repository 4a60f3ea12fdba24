"""Many concurrent transfers of the same accounts: conflicts and refusals stay bounded, even if nobody wins some."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import pytest

from account_core.domain.commands import CreateAccount, Credit, TransferMoney
from account_core.domain.errors import Conflict
from account_core.domain.events import Row
from account_core.service.execution import ATTEMPTS_MAX, backoff_s
from account_core.service.head_cache import HeadCache
from account_core.service.ports import WriteConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from tests.simulation.test_contention import CLIENTS, COMMANDS, ORIGIN, DistantStore
from tests.simulation.virtual_time import VirtualTime
from tests.support.seeds import KEPT, play_each, seeds_of
from tests.support.serializability import Operation, Shown, Transfer, violations
from tests.support.transfer_rows import ledger_of, shown_of

ALL = CLIENTS * COMMANDS
FUNDS = Decimal("200.00")
PAYERS = [f"payer-{number}" for number in range(CLIENTS)]
FEW = [f"account-{number}" for number in range(8)]


Choose = Callable[[Random, int], Sequence[str]]
"""Returns the paying and the receiving account of a client's next transfer."""


class TransactingStore(DistantStore):
    """A store whose transactions take two to four milliseconds. Meanwhile, it cancels others with one of their keys."""

    def __init__(self, time: VirtualTime, random: Random) -> None:
        super().__init__(time, random)
        self._writing: set[tuple[str, int]] = set()

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        keys = {(row.account_id, row.version) for row in rows}
        self._travel()
        if keys & self._writing:
            self._travel()
            raise WriteConflict
        self._writing |= keys
        try:
            super().append(rows, used)
        finally:
            self._writing -= keys


@dataclass
class Played:
    """Attributes: `conflicts` of each command, and the number of commands that were `refused` because of them."""

    conflicts: list[int] = field(default_factory=list)
    refused: int = 0


def play(seed: int, choose: Choose, pause_s: float = 0.0, *, with_backoff: bool = True) -> Played:
    """32 clients, each with a cache of its own, send five transfers between the accounts that `choose` returns."""
    random, time = Random(seed), VirtualTime()  # noqa: S311 -- seeded
    store, played, operations = TransactingStore(time, random), Played(), list[Operation]()

    def pause(conflicts: int) -> None:
        if with_backoff:
            time.sleep(backoff_s(conflicts, random.random()))

    def client(number: int) -> Callable[[], None]:
        service = AccountService(store, HeadCache(lambda: time.now_s), pause=pause)

        def send() -> None:
            for sent in range(COMMANDS):
                time.sleep(random.random() * 2 * pause_s)
                payer, receiver = choose(random, number)
                transfer_id, used, invoked = f"transfer-{number}-{sent}", Usage(), time.now_s
                outcome: Shown | str
                try:
                    command = TransferMoney(receiver, Decimal("1.00"), transfer_id)
                    outcome = shown_of(service.execute(payer, command, ORIGIN, used=used))
                except Conflict as error:
                    played.refused += 1
                    outcome = error.code
                played.conflicts.append(used.conflicts)
                request = Transfer(payer, receiver, 100)
                operations.append(Operation(f"{number}", request, invoked, time.now_s, outcome, transfer_id))

        return send

    accounts = [*PAYERS, *FEW, "receiver"]
    for account_id in accounts:
        AccountService(store).execute(account_id, CreateAccount("owner-1", "EUR"), ORIGIN)
        AccountService(store).execute(account_id, Credit(FUNDS), ORIGIN)
    time.run([client(number) for number in range(CLIENTS)])
    assert violations(ledger_of(store, accounts), operations) == []
    assert len(played.conflicts) == ALL
    assert max(played.conflicts) <= ATTEMPTS_MAX
    return played


def to_one(_: Random, client: int) -> Sequence[str]:
    return PAYERS[client], "receiver"


def among_few(random: Random, _: int) -> Sequence[str]:
    return random.sample(FEW, 2)


LOADS: dict[str, tuple[Choose, float, float, float]] = {
    "32 payers to one receiver, without pauses": (to_one, 0.0, 0.13, 2.4),
    "32 payers to one receiver, a second apart": (to_one, 1.0, 0.02, 2.4),
    "among eight accounts, without pauses": (among_few, 0.0, 0.13, 3.2),
    "among eight accounts, a second apart": (among_few, 1.0, 0.03, 2.0),
}
"""By name: the choice, the pause, and the greatest share of refusals and number of conflicts of each command."""


@pytest.mark.parametrize("seed", KEPT["contention of transfers"])
@pytest.mark.parametrize("name", LOADS)
def test_concurrent_transfers_are_bounded_and_serializable(name: str, seed: int) -> None:
    """The seeds are fixed, because a fresh seed may exceed these typical figures."""
    choose, pause_s, refused_max, conflicts_max = LOADS[name]
    played = play(seed, choose, pause_s)
    assert played.refused <= ALL * refused_max
    assert sum(played.conflicts) <= ALL * conflicts_max


def test_fresh_seeds_keep_refused_transfers_bounded() -> None:
    def play_fresh(seed: int) -> None:
        choose, pause_s, refused_max, conflicts_max = LOADS[sorted(LOADS)[seed % len(LOADS)]]
        played = play(seed, choose, pause_s)
        assert played.refused <= ALL * (refused_max + 0.1)
        assert sum(played.conflicts) <= ALL * (conflicts_max + 1)

    kept = len(KEPT["contention of transfers"])
    play_each(play_fresh, "contention of transfers", seeds_of("contention of transfers", kept + 5)[kept:])


def test_without_the_backoff_most_transfers_are_refused() -> None:
    assert play(0, to_one, with_backoff=False).refused > ALL / 3
