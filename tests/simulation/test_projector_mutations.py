"""The simulation detects deliberate bugs, each within SEEDS_MAX scenarios.

The seeds are fixed, so that the result does not depend on chance.
"""

import pytest

from tests.simulation.projector.mutants import MUTANTS
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.projector.planting import Mutant, planted
from tests.simulation.projector.scenario import play

SEEDS_MAX = 2_000


def first_caught(mutant: Mutant) -> int | None:
    """Return the seed of the first scenario that breaks a promise."""
    with planted(mutant):
        for seed in range(SEEDS_MAX):
            try:
                play(seed)
            except PromiseBroken:
                return seed
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.why)
def test_a_bug_is_caught(mutant: Mutant) -> None:
    assert first_caught(mutant) is not None


def test_a_planted_bug_is_removed_again() -> None:
    for mutant in MUTANTS:
        with planted(mutant):
            pass
    play(first_caught(MUTANTS[0]) or 0)
