"""Each seed gives a reproducible scenario of the whole system; most seeds are fresh in every run."""

from collections import Counter
from collections.abc import Sequence

import pytest

from account_core.domain.events import Created, EventRow, SnapshotRow
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.clients import CODES
from tests.simulation.system.faults import CHANCES
from tests.simulation.system.ledger import DAY_LENGTH
from tests.simulation.system.reconciliation import reconcile
from tests.simulation.system.scenario import Scenario, play
from tests.support.seeds import KEPT, play_each, seeds_of

FRESH, SEEDS_PER_TEST = seeds_of("system", 200)[len(KEPT["system"]) :], 70
RARE = {
    *(f"{write} {how}" for write in ("park", "hold", "advance", "release") for how in ("failed", "unsure", "late")),
    "operator gave up",
    "stream down for a while",
    "event refused for good",
    "list failed",
    "read failed",
}
"""Faults of the projector's simulation, whose own test shows that they occur."""
REACTIONS = {
    "account parked",
    "account released",
    "applied",
    "applied before",
    "buffered by the inbox",
    "event twice",
    "events read from the table",
    "written late",
}


def played(seeds: Sequence[int]) -> list[Scenario]:
    """Play scenarios, and reconcile them together."""
    scenarios: list[Scenario] = []
    play_each(lambda seed: scenarios.append(play(seed)), "system", seeds)
    reconcile(scenarios)
    return scenarios


@pytest.fixture(scope="module")
def kept() -> list[Scenario]:
    """The scenarios of the kept seeds, which are the same in every run."""
    return played(KEPT["system"])


@pytest.mark.parametrize("first", range(0, len(FRESH), SEEDS_PER_TEST))
def test_every_view_of_the_ledger_agrees_to_the_cent(first: int) -> None:
    played(FRESH[first : first + SEEDS_PER_TEST])


def test_the_kept_seeds_agree_and_cover_every_fault_and_outcome(kept: Sequence[Scenario]) -> None:
    happened: Counter[str] = Counter()
    for scenario in kept:
        happened += scenario.fault_plan.happened
    assert (set(CHANCES) - RARE) | REACTIONS <= {what for what, often in happened.items() if often}
    assert {answer.code for scenario in kept for command in scenario.commands for answer in command.answers} >= {
        None,
        *(CODES - {"balance_limit_exceeded"}),
    }


def test_the_scenarios_have_snapshots_and_transfers_over_midnight(kept: Sequence[Scenario]) -> None:
    rows = [(scenario.seed, row) for scenario in kept for own in scenario.rows.values() for row in own]
    assert sum(isinstance(row, SnapshotRow) for _, row in rows) > len(kept)
    transfers = [
        (seed, row.occurred_at[:DAY_LENGTH])
        for seed, row in rows
        if isinstance(row, EventRow) and not isinstance(row.event, Created) and row.event.transfer
    ]
    assert len(transfers) > 10 * len(kept)
    days = {(seed, day) for seed, day in transfers}
    assert len(days) > len({seed for seed, _ in days}), "no scenario has transfers on two days"


def test_a_seed_determines_its_scenario() -> None:
    first, again, other = (
        [(at_s, what, *map(str, about)) for at_s, what, about in play(seed).fault_plan.log] for seed in (7, 7, 8)
    )
    assert first == again != other


def test_the_reconciliation_names_the_seed_of_an_incomplete_lake() -> None:
    scenario = play(0)
    objects = scenario.lake.bucket.objects
    for key in [key for key in objects if key.startswith("events/")]:
        del objects[key]
    with pytest.raises(PromiseBroken, match=r"seed 0: .*missing"):
        reconcile([scenario])
