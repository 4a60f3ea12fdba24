"""Each seed gives a reproducible interleaving of transfers between three accounts, with faults of the store."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from random import Random

import pytest

from account_core.domain.commands import CreateAccount, Credit
from account_core.service.head import Origin
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from tests.simulation.turns import Turns, TurnTakingStore
from tests.support.histories import OCCURRED_AT, FaultyStore, carry_out, rows_violation
from tests.support.seeds import play_each, seeds_of
from tests.support.serializability import Operation, Read, Shown, Transfer, violations
from tests.support.transfer_clients import outcome_of
from tests.support.transfer_rows import euros, ledger_of

SIMULATION = "interleavings of transfers"
SEEDS, SEEDS_PER_TEST = seeds_of(SIMULATION, 200), 50
ACCOUNTS = ("a", "b", "c")
FUNDS_CENTS = 200
REQUESTS = 8


def random_request(random: Random) -> Transfer | Read:
    """Keys come from a small set, so that clients often use one at the same time, or for different transfers."""
    if random.random() < 0.2:
        return Read(random.choice(ACCOUNTS))
    payer, receiver = random.sample(ACCOUNTS, 2)
    if random.random() < 0.6:
        return Transfer(payer, receiver, random.randrange(1, 150))
    key = random.randrange(4)
    usual = Transfer(ACCOUNTS[key % 3], ACCOUNTS[(key + 1) % 3], 20 + key, f"key-{key}")
    return usual if random.random() < 0.9 else replace(usual, cents=19)


def play(seed: int) -> list[Operation]:
    """Run three instances with two threads each, check the rows and the answers, and return the operations."""
    store, turns, ids, ticks = MemoryAccountStore(), Turns(Random(seed)), count(), count()  # noqa: S311 -- seeded
    late, operations = list[Callable[[], None]](), list[Operation]()
    for account_id in ACCOUNTS:
        for command in (CreateAccount("owner-1", "EUR"), Credit(euros(FUNDS_CENTS))):
            AccountService(store).execute(account_id, command, Origin(OCCURRED_AT, "correlation-1", "request-1"))

    def client(name: str, heads: HeadCache) -> None:
        random = Random(f"{seed} {name}")  # noqa: S311 -- seeded
        service = AccountService(FaultyStore(TurnTakingStore(store, turns), random, late), heads)
        for _ in range(REQUESTS):
            request = random_request(random)
            for _ in range(2):
                transfer_id, invoked = f"transfer-{next(ids)}", next(ticks)
                outcome = outcome_of(service, request, transfer_id)
                operations.append(Operation(name, request, invoked, next(ticks), outcome, transfer_id))
                if outcome is not None or not isinstance(request, Transfer) or request.key is None:
                    break

    instances = [HeadCache(generation_max=2) for _ in range(3)]
    turns.run([partial(client, f"client {number}", instances[number % 3]) for number in range(6)])
    while late:
        carry_out(late)
    found = violations(ledger_of(store, ACCOUNTS), operations)
    found += filter(None, (rows_violation(store.newest(each, Usage(), limit=1_000)) for each in ACCOUNTS))
    assert not found, "\n".join([f"seed {seed}:", *found, "operations:", *map(str, operations)])
    return operations


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_interleaving_of_transfers_is_serializable(first: int) -> None:
    play_each(play, SIMULATION, SEEDS[first : first + SEEDS_PER_TEST])


def test_a_seed_determines_its_transfers() -> None:
    assert play(7) == play(7) != play(8)


def test_the_interleavings_cover_every_outcome() -> None:
    """A change to the faults must not silently lose an outcome. The seeds are fixed, so every run covers all."""
    operations = [each for seed in range(30) for each in play(seed) if isinstance(each.request, Transfer)]
    answers = [each for each in operations if isinstance(each.outcome, Shown)]
    replays = [
        each for each in answers if isinstance(each.outcome, Shown) and each.outcome.transfer_id != each.transfer_id
    ]
    assert len(replays) > len(answers) / 20
    assert {each.outcome for each in operations if not isinstance(each.outcome, Shown)} == {
        None,
        "conflict",
        "idempotency_key_reused",
        "insufficient_funds",
    }
