"""The entries of the lake's alarms and of doctor's findings work as they are written."""

import pytest

from tests.e2e.runbook import finding_entries, lake_entries
from tests.e2e.runbook.conftest import Practise
from tests.e2e.runbook.scenarios import Scenario, of_module


@pytest.mark.parametrize(
    "scenario", [*of_module(lake_entries.__name__), *of_module(finding_entries.__name__)], ids=lambda each: each.entry
)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)
