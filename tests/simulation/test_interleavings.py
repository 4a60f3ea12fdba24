"""Each seed gives a reproducible interleaving of clients at the store; most seeds are fresh in every run."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from account_core.rows.items import SNAPSHOT_EVERY
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.store.memory_store import MemoryAccountStore
from tests.simulation.turns import Turns, TurnTakingStore
from tests.support.histories import FaultyStore, Play
from tests.support.linearizability import Answer, Operation
from tests.support.seeds import play_each, seeds_of

SEEDS, SEEDS_PER_TEST = seeds_of("interleavings", 300), 50


def play(seed: int) -> list[Operation]:
    """Run three instances with two threads each, check the history and return it."""
    store, turns, played = MemoryAccountStore(), Turns(Random(seed)), Play(seed, "a")  # noqa: S311 -- seeded

    def instance() -> Callable[[Random], AccountService]:
        heads = HeadCache(generation_max=2)
        return lambda faults: AccountService(FaultyStore(TurnTakingStore(store, turns), faults, played.late), heads)

    clients = played.clients([instance() for _ in range(3)], each=2)
    turns.run([partial(client.run, requests=8) for client in clients])
    played.check(store)
    return played.recorder.operations


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_interleaving_is_linearizable(first: int) -> None:
    play_each(play, "interleavings", SEEDS[first : first + SEEDS_PER_TEST])


def test_a_seed_determines_its_scenario() -> None:
    assert play(7) == play(7) != play(8)


def test_the_scenarios_cover_every_outcome() -> None:
    """A change to the faults must not silently lose an outcome. The seeds are fixed, so every run covers all."""
    outcomes = [operation.outcome for seed in range(40) for operation in play(seed)]
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert {answer.is_replay for answer in answers} == {True, False}
    assert max(answer.sequence for answer in answers) > 2 * (SNAPSHOT_EVERY - 1), (
        "no history continues after its second snapshot"
    )
    assert {outcome for outcome in outcomes if not isinstance(outcome, Answer)} == {
        None,
        "account_not_found",
        "conflict",
        "idempotency_key_reused",
        "insufficient_funds",
        "precondition_failed",
    }
