"""`doctor` on the local stack: it finds each injected fault by its name, and its command repairs it.

Each fault is injected into a healthy stack. `doctor` must then report exactly the expected kinds of finding, and after
the commands that the findings name, none.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment
from ops.doctor.finding import Finding
from ops.doctor.run import CHECKS, examine
from tests.e2e.test_local_deployment import IDLE_TIMEOUT_S, Api
from tests.support.aws_cli import run_aws


@dataclass(frozen=True)
class World:
    """A healthy local stack with two accounts."""

    deployment: LocalDeployment
    accounts: tuple[str, str]
    api: Api

    @property
    def outputs(self) -> dict[str, str]:
        return self.deployment.address.outputs

    def client(self, service: str) -> Any:  # noqa: ANN401 -- a client
        return self.deployment.address.client(service)

    def findings(self) -> list[Finding]:
        """What `doctor` finds now, without a time for events to be on their way."""
        found = examine(Deployment.local(self.deployment.address), None, grace_s=0, progress=lambda _: None)
        assert set(found.completed) == set(CHECKS)
        return list(found.findings)

    def settle(self) -> None:
        assert self.deployment.wait_until_idle(IDLE_TIMEOUT_S)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with LocalDeployment() as deployment, Api(deployment) as api:
        accounts = api.open_account("10.00"), api.open_account("20.00")
        for _ in range(12):
            assert api.command(accounts[0], "credit", "1.00").status_code == 200
        found = World(deployment, accounts, api)
        found.settle()
        yield found


def test_a_healthy_stack_has_no_finding(world: World) -> None:
    assert world.findings() == []
