"""The read model applies each event once, in order, whatever lanes and invocations run concurrently."""

import pytest

from account_events.lambda_mapping import lanes
from account_events.lambda_mapping.records import StreamRecord
from tests.simulation.read_model import Scenario
from tests.support.seeds import play_each, seeds_of

SEEDS, SEEDS_PER_TEST = seeds_of("read model", 300), 100


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_scenario_keeps_every_promise(first: int) -> None:
    play_each(lambda seed: Scenario(seed).play(), "read model", SEEDS[first : first + SEEDS_PER_TEST])


def _of_the_record(record: StreamRecord) -> str:
    return record.sequence_number


def test_lanes_that_ignore_the_partition_key_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_key", _of_the_record)
    assert _is_detected()


def test_the_scenarios_cover_concurrency_and_failures() -> None:
    scenarios = [Scenario(seed) for seed in range(100)]  # fixed seeds, so that every run covers all of them
    for scenario in scenarios:
        scenario.play()
    for count in ("seen_concurrent", "seen_not_applied", "seen_restarts"):
        assert sum(getattr(scenario, count) > 0 for scenario in scenarios) > 10, count


def _is_detected() -> bool:
    """Whether a scenario of fixed seeds fails. With fresh seeds, the result would depend on chance."""
    for seed in range(100):
        try:
            Scenario(seed).play()
        except (AssertionError, KeyError):
            return True
    return False
