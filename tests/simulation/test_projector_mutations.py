"""Whether the simulation would notice: deliberate bugs, each of which has to be caught within SEEDS_MAX scenarios.

The seeds are fixed: whether the scenarios can show a bug must not depend on a run's luck.
"""

import pytest

from tests.simulation.projector.mutants import MUTANTS
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.projector.planting import Mutant, planted
from tests.simulation.projector.scenario import play

SEEDS_MAX = 2_000


def first_caught(mutant: Mutant) -> int | None:
    """The seed of the first story that does not end well."""
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


def test_nothing_is_left_of_a_bug() -> None:
    for mutant in MUTANTS:
        with planted(mutant):
            pass
    play(first_caught(MUTANTS[0]) or 0)
