"""The entries of the API's, the tables' and the projector's alarms work as they are written."""

import pytest

from tests.e2e.doctor_world import World
from tests.e2e.runbook import api_entries, projector_entries, publishing_entries, table_entries
from tests.e2e.runbook.conftest import Practise
from tests.e2e.runbook.scenarios import Scenario, of_modules

MODULES = (api_entries, table_entries, projector_entries, publishing_entries)


@pytest.mark.parametrize("scenario", of_modules(*MODULES), ids=lambda each: each.entry)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)


def test_the_stack_is_as_before(world: World) -> None:
    world.settle()
    world.deployment.metrics.publish()
    assert world.findings() == []
