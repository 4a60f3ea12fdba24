"""A local stack for the scenarios. They leave it as they found it, so they share one per process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local_stack import address
from local_stack.deploy import read_template
from local_stack.local_deployment import LocalDeployment
from ops.cli import owners
from ops.deployment.stack import Deployment, Outputs
from ops.doctor import run
from ops.lake.reconcile import grace
from tests.e2e.doctor_world import SharedClients, World
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import Scenario
from tests.e2e.test_local_deployment import Api


class CommandClients(SharedClients):
    """Commands share their clients, except those of DynamoDB, which `reconcile` changes."""

    def client(self, service: str, read_timeout_s: float = 20.0) -> Any:  # noqa: ANN401 -- a client
        assert self.address is not None
        if service == "dynamodb":
            return self.address.client(service, read_timeout_s)
        return super().client(service, read_timeout_s)


Practise = Callable[[Scenario], None]


@contextmanager
def healthy_world(folder: Path) -> Iterator[World]:
    """A healthy local stack. Commands find it, share their clients, and leave no time for events to arrive.

    Args:
        folder: for the file with its address.
    """
    with (
        LocalDeployment() as deployment,
        Api(deployment) as api,
        pytest.MonkeyPatch.context() as patched,
    ):
        examined = CommandClients(Outputs(deployment.address.outputs), deployment.address)
        patched.setattr(address, "ADDRESS_FILE", folder / "address.json")
        patched.setattr(Deployment, "connect", lambda _stack: examined)
        patched.setattr(run, "read_template", cache(read_template))
        patched.setattr(run, "LOCAL_GRACE_S", 0.0)
        patched.setattr(grace, "LOCAL_GRACE_S", 0.0)
        patched.setattr(owners, "SETTLE_S", 0.0)
        with deployment.address.published():
            found = World(deployment, examined, api, api.open_account("10.00"), api.open_account("20.00"))
            for _ in range(12):
                found.credit(found.first)
            found.settle()
            yield found
            deployment.firehose.stop()  # scenarios replace it


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with healthy_world(tmp_path_factory.mktemp("address")) as found:
        yield found


@pytest.fixture
def practise(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Practise:
    """Act on a scenario in an empty folder."""

    def act(scenario: Scenario) -> None:
        monkeypatch.chdir(tmp_path)
        world.settle()
        operator = Operator(world, scenario, tmp_path)
        scenario.act(operator)
        operator.assert_complete()

    return act
