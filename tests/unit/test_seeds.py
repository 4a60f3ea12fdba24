"""Simulations use fresh seeds in every run, and a failure prints how to repeat it."""

import pytest

from tests.support import seeds

SCENARIO = """
from tests.support.seeds import play_each, seeds_of

def play(seed):
    assert seed in range(200)

def test_scenarios():
    play_each(play, "projector", seeds_of("projector", 201))
"""


def run(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    monkeypatch.setenv(seeds.VARIABLE, str(number))
    return seeds.seeds_of("consumers", 120)


def test_a_run_plays_the_kept_seeds_then_fresh_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [*seeds.KEPT["consumers"]]
    first, again, other = (run(monkeypatch, number) for number in (1, 1, 2))
    assert first == again
    assert first[: len(kept)] == other[: len(kept)] == kept
    assert len({*first, *other}) == len(kept) + 2 * (120 - len(kept))


def test_each_run_draws_one_new_number(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for _ in range(3):
        monkeypatch.delenv(seeds.VARIABLE, raising=False)
        drawn.append(seeds.run_seed())
        assert seeds.run_seed() == drawn[-1]
        assert str(drawn[-1]) in seeds.announcement()
    assert len(set(drawn)) == 3


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣"])
def test_an_invalid_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(seeds.VARIABLE, text)
    with pytest.raises(ValueError, match=r"SIMULATION_SEED is .*; set it to the number that a run has printed"):
        seeds.run_seed()


def test_a_failure_prints_its_seed_and_the_command(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(seeds.VARIABLE, "7")
    pytester.makepyfile(test_it=SCENARIO)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    fresh = seeds.seeds_of("projector", 201)[-1]
    result.stdout.fnmatch_lines(
        [
            f"*projector, seed {fresh}. To repeat the test:",
            "*SIMULATION_SEED=7 .venv/bin/python -m pytest 'test_it.py::test_scenarios'",
        ]
    )
