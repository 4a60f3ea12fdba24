"""Seeds of simulations: fresh ones in every run, in addition to the fixed ones.

A run draws one number, and its fresh seeds follow from that. It is printed before the first test; a failure prints it
again, with the seed of the scenario that failed. `SIMULATION_SEED=<number>` plays a run again.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

VARIABLE = "SIMULATION_SEED"
FRESH_BITS = 32

KEPT: Mapping[str, Sequence[int]] = {
    "projector": (*range(200),),
    "consumers": (*range(100),),
    "interleavings": (*range(50),),
    "histories": (*range(5),),
    "contention": (*range(5),),
}
"""By simulation. A seed that has failed is added, whatever became of it: `(*range(200), 3052768411)`."""


def run_seed() -> int:
    """This run's number, which the processes that it starts inherit.

    Raises:
        ValueError: the environment has something else under its name.
    """
    text = os.environ.setdefault(VARIABLE, str(secrets.randbits(FRESH_BITS)))
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{VARIABLE} is {text!r}; set it to the number that a run has printed, or unset it")
    return int(text)


def seeds_of(simulation: str, count: int) -> list[int]:
    """So many: those that are kept, then fresh ones."""
    random = Random(f"{run_seed()} {simulation}")  # noqa: S311 -- seeded
    kept = KEPT[simulation]
    return [*kept, *(random.getrandbits(FRESH_BITS) for _ in range(count - len(kept)))]


def play_each(play: Callable[[int], object], simulation: str, seeds: Iterable[int]) -> None:
    """Play scenarios. An error names the seed, how to run the test again, and where to keep the seed.

    To keep it at once would move the other seeds to other tests.
    """
    for seed in seeds:
        try:
            play(seed)
        except Exception as error:
            again = f"{VARIABLE}={run_seed()} .venv/bin/python -m pytest '{_running_test()}'"
            keep = (
                ""
                if seed in KEPT[simulation]
                else "\nOnce that has shown the bug, add the seed to KEPT in tests/support/seeds.py."
            )
            error.add_note(f"{simulation}, seed {seed}. This plays the test again:\n{again}{keep}")
            raise


def announcement() -> str:
    """What a run prints."""
    return f"fresh seeds of the simulations: {VARIABLE}={run_seed()} plays this run again"


def _running_test() -> str:
    """As pytest is called for it; see its documentation of PYTEST_CURRENT_TEST."""
    return os.environ.get("PYTEST_CURRENT_TEST", "tests/simulation").removesuffix(" (call)")
