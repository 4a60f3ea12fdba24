"""The entries of the API's, the tables' and the projector's alarms work as they are written."""

import pytest

from tests.e2e.runbook import api_entries, projector_entries, table_entries
from tests.e2e.runbook.conftest import Practise
from tests.e2e.runbook.scenarios import Scenario, of_module


@pytest.mark.parametrize(
    "scenario",
    [*of_module(api_entries.__name__), *of_module(table_entries.__name__), *of_module(projector_entries.__name__)],
    ids=lambda each: each.entry,
)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)
