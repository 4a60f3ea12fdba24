"""The simulation of the whole system detects deliberate bugs, each within SEEDS_MAX scenarios.

The seeds are fixed, so that the result does not depend on chance.
"""

import pytest

from tests.simulation.projector.planting import Mutant, planted
from tests.simulation.system.mutants import MUTANTS
from tests.simulation.system.scenario import play

SEEDS_MAX = 200


def first_caught(mutant: Mutant) -> int | None:
    """Return the seed of the first scenario in which a promise is broken, or a consumer fails."""
    with planted(mutant):
        for seed in range(SEEDS_MAX):
            try:
                play(seed)
            except AssertionError:
                return seed
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.why)
def test_a_bug_is_caught(mutant: Mutant) -> None:
    assert first_caught(mutant) is not None
