"""Each seed gives a reproducible scenario of the projector; most seeds are fresh in every run."""

from collections import Counter

import pytest

from tests.simulation.projector.fault_plan import CHANCES
from tests.simulation.projector.fixtures import EVENTS_MAX
from tests.simulation.projector.scenario import play
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_records
from tests.support.seeds import play_each, seeds_of

SEEDS, SEEDS_PER_TEST = seeds_of("projector", 2_000), 100
SEEDS_FOR_ALL_OUTCOMES = 400

REACTIONS = {
    "account parked",
    "account released",
    "account not released",
    "row repaired",
    "park refused",
    "hold refused",
    "advance refused",
    "release refused",
    "gap repaired",
    "event twice",
    "events held",
    "events read from the table",
    "accounts seen for the first time",
    "records refused",
    "given up: RecordAgeExceeded",
    "given up: RetryAttemptsExhausted",
    "trimmed",
    "waits: no time left",
    "waits: already parked at this event or earlier",
    "waits: the account was released while its events were being held back",
    "waits: ReadTimeoutError",
    "waits: LimitExceededException",
    "waits: ProvisionedThroughputExceededException",
}


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_every_scenario_keeps_every_promise(first: int) -> None:
    play_each(play, "projector", SEEDS[first : first + SEEDS_PER_TEST])


def test_a_seed_determines_its_scenario() -> None:
    assert play(7).fault_plan.log == play(7).fault_plan.log != play(8).fault_plan.log


def test_the_scenarios_cover_every_outcome() -> None:
    """A change to the faults must not silently lose an outcome. The seeds are fixed, so every run covers all."""
    happened: Counter[str] = Counter()
    for seed in range(SEEDS_FOR_ALL_OUTCOMES):
        happened += play(seed).fault_plan.happened
    assert set(CHANCES) | REACTIONS <= {what for what, often in happened.items() if often}


def test_accounts_have_enough_events_for_three_snapshots() -> None:
    assert EVENTS_MAX > 3 * 9


@pytest.mark.parametrize("again", [slice(1, 2), slice(1, 3)], ids=["late", "delivered again"])
def test_an_event_beyond_the_order_window_is_not_skipped(again: slice) -> None:
    """The record is later than the order window allows: the event is published out of order, but not lost."""
    records = stream_records(history("a", 3))
    projector = MemoryProjector(order_window_s=0.5)
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in records)
    projector.deliver(records[:1])
    projector.restart()
    projector.deliver(records[2:])
    projector.deliver(records[again])
    assert {event.fields["sequence"] for event in projector.kinesis.events()} == {1, 2, 3}
