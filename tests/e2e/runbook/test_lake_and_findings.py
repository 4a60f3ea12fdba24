"""The entries of the lake's alarms and of doctor's findings work as they are written."""

import pytest

from tests.e2e.doctor_world import World
from tests.e2e.runbook import finding_entries, lake_entries, lake_error_entries
from tests.e2e.runbook.conftest import Practise
from tests.e2e.runbook.scenarios import Scenario, of_modules

MODULES = (lake_entries, lake_error_entries, finding_entries)


@pytest.mark.parametrize("scenario", of_modules(*MODULES), ids=lambda each: each.entry)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)


def test_the_stack_is_as_before(world: World) -> None:
    world.settle()
    world.deployment.metrics.publish()
    assert world.findings() == []
