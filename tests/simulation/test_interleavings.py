"""Every seed is another interleaving of clients at the store, the same each time; most are fresh in every run."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from account_core.rows.items import SNAPSHOT_EVERY
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.store.memory_store import MemoryAccountStore
from tests.simulation.turns import TurnedStore, Turns
from tests.support.histories import FaultyStore, Play
from tests.support.linearizability import Answer, Operation
from tests.support.seeds import play_each, seeds_of

SEEDS, SEEDS_PER_TEST = seeds_of("interleavings", 300), 50


def play(seed: int) -> list[Operation]:
    """Three instances, two threads on each; the history, judged."""
    store, turns, played = MemoryAccountStore(), Turns(Random(seed)), Play(seed, "a")  # noqa: S311 -- seeded

    def instance() -> Callable[[Random], AccountService]:
        heads = HeadCache(2)
        return lambda faults: AccountService(FaultyStore(TurnedStore(store, turns), faults, played.late), heads)

    clients = played.clients([instance() for _ in range(3)], each=2)
    turns.run([partial(client.run, requests=8) for client in clients])
    played.check(store)
    return played.recorder.operations


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_interleaving_can_be_explained(first: int) -> None:
    play_each(play, "interleavings", SEEDS[first : first + SEEDS_PER_TEST])


def test_a_seed_tells_the_whole_story() -> None:
    assert play(7) == play(7) != play(8)


def test_the_stories_are_of_everything_that_can_happen() -> None:
    """Lest a change of the dice leaves something out and nobody notices. The seeds are fixed: no run may miss any."""
    outcomes = [operation.outcome for seed in range(40) for operation in play(seed)]
    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert {answer.is_replay for answer in answers} == {True, False}
    assert max(answer.sequence for answer in answers) > 2 * (SNAPSHOT_EVERY - 1), "no history went beyond two snapshots"
    assert {outcome for outcome in outcomes if not isinstance(outcome, Answer)} == {
        None,
        "account_not_found",
        "conflict",
        "idempotency_key_reused",
        "insufficient_funds",
        "precondition_failed",
    }
