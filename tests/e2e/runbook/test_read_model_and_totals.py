"""The entries of the alarms on read model, daily totals and reconciliation work as they are written."""

import pytest

from tests.e2e.doctor_world import World
from tests.e2e.runbook import read_model_entries, reconcile_entries, totals_entries
from tests.e2e.runbook.conftest import Practise
from tests.e2e.runbook.scenarios import Scenario, of_modules

MODULES = (read_model_entries, totals_entries, reconcile_entries)


@pytest.mark.parametrize("scenario", of_modules(*MODULES), ids=lambda each: each.entry)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)


def test_the_stack_is_as_before(world: World) -> None:
    world.settle()
    world.deployment.metrics.publish()
    assert world.findings() == []
