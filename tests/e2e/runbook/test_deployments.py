"""The entries of doctor's findings that need a deployment or another stream work as they are written."""

from collections.abc import Iterator

import pytest

from tests.e2e.doctor_world import World
from tests.e2e.runbook import deployment_entries
from tests.e2e.runbook.conftest import Practise, healthy_world
from tests.e2e.runbook.scenarios import Scenario, of_modules

MODULES = (deployment_entries,)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A local stack of their own, because they do not leave it as they found it."""
    with healthy_world(tmp_path_factory.mktemp("address")) as found:
        yield found


@pytest.mark.parametrize("scenario", of_modules(*MODULES), ids=lambda each: each.entry)
def test_the_commands_of_the_entry_work(practise: Practise, scenario: Scenario) -> None:
    practise(scenario)
