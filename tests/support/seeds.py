"""Seeds of simulations: fresh ones in every run, in addition to the fixed ones.

A run draws one number, and its fresh seeds follow from that. It is printed before the first test; a failure prints it
again, with the seed of the scenario that failed. `SIMULATION_SEED=<number>` repeats a run.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

VARIABLE = "SIMULATION_SEED"
FRESH_BITS = 32

KEPT: Mapping[str, Sequence[int]] = {
    "projector": (*range(200), 2067831243),
    "consumers": (*range(100),),
    "read model": (*range(100),),
    "consumers' stores": (*range(6),),
    "interleavings": (*range(50),),
    "histories": (*range(5),),
    "contention": (*range(5),),
    "contention of transfers": (*range(5),),
    "interleavings of transfers": (*range(30),),
    "throttled accounts": (*range(50),),
    "system": (*range(60), 2568210222),
}
"""By simulation. Add every seed that has failed, and keep it when the bug is fixed: `(*range(200), 3052768411)`."""


def run_seed() -> int:
    """This run's number, which the processes that it starts inherit.

    Raises:
        ValueError: the environment variable is not a number.
    """
    text = os.environ.setdefault(VARIABLE, str(secrets.randbits(FRESH_BITS)))
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{VARIABLE} is {text!r}; set it to the number that a run has printed, or unset it")
    return int(text)


def seeds_of(simulation: str, count: int) -> list[int]:
    """`count` seeds: the kept ones, then fresh ones."""
    random = Random(f"{run_seed()} {simulation}")  # noqa: S311 -- seeded
    kept = KEPT[simulation]
    return [*kept, *(random.getrandbits(FRESH_BITS) for _ in range(count - len(kept)))]


def play_each(play: Callable[[int], object], simulation: str, seeds: Iterable[int]) -> None:
    """Play scenarios. An error names the seed, how to run the test again, and where to keep the seed.

    A kept seed moves the other seeds to other tests, so repeat the failure before you keep its seed.
    """
    for seed in seeds:
        try:
            play(seed)
        except Exception as error:
            again = f"{VARIABLE}={run_seed()} .venv/bin/python -m pytest '{_running_test()}'"
            keep = (
                ""
                if seed in KEPT[simulation]
                else "\nWhen you have repeated the failure, add the seed to KEPT in tests/support/seeds.py."
            )
            error.add_note(f"{simulation}, seed {seed}. To repeat the test:\n{again}{keep}")
            raise


def announcement() -> str:
    """The line that a run prints before its first test."""
    return f"simulations use fresh seeds; to repeat this run, set {VARIABLE}={run_seed()}"


def _running_test() -> str:
    """The id of the running test, from the variable PYTEST_CURRENT_TEST (documented by pytest)."""
    return os.environ.get("PYTEST_CURRENT_TEST", "tests/simulation").removesuffix(" (call)")
