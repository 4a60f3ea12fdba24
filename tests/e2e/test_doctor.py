"""`doctor` on the local stack: it finds each injected fault by its name, and its command repairs it.

Each fault is injected into a healthy stack. `doctor` must then report exactly the expected kinds of finding and, after
the commands that the findings name, none.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from local_stack import address
from local_stack.deploy import read_template
from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment, Outputs
from ops.doctor import run
from ops.doctor.checks import totals
from ops.doctor.run import stack_view
from tests.e2e.doctor_faults import Fault
from tests.e2e.doctor_setting_faults import ALL_FAULTS
from tests.e2e.doctor_world import SharedClients, World
from tests.e2e.test_local_deployment import Api

KEY = "arn:aws:kms:eu-central-1:000000000000:key/2b1d0c0a-1111-2222-3333-444455556666"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        LocalDeployment() as deployment,
        Api(deployment) as api,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(address, "ADDRESS_FILE", tmp_path_factory.mktemp("address") / "address.json")
        patched.setattr(run, "read_template", cache(read_template))
        with deployment.address.published():
            examined = SharedClients(Outputs(deployment.address.outputs), deployment.address)
            found = World(deployment, examined, api, api.open_account("10.00"), api.open_account("20.00"))
            for _ in range(12):
                found.credit(found.first)
            found.settle()
            yield found


def test_totals_that_lack_the_newest_files_are_stale_after_two_hours(world: World) -> None:
    deployment = Deployment.local(world.deployment.address)

    def kinds(hours: int) -> list[str]:
        view = stack_view(deployment, world.outputs["StackName"], 0)
        later = replace(view, now=view.now + timedelta(hours=hours))
        return [finding.kind for finding in totals.check(later)]

    world.settle()
    assert (kinds(0), kinds(3)) == ([], ["totals-stale"])
    world.run("account-events lake totals")
    assert kinds(3) == []


def test_a_healthy_stack_has_no_finding(world: World) -> None:
    assert world.findings() == []


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": "JWT"},
        {
            "parameters": {
                "KmsKeyArn": KEY,
                "ApiReservedConcurrency": "5",
                "LogRetentionDays": "7",
                "Aggregation": "off",
            }
        },
    ],
)
def test_a_new_stack_with_other_parameters_has_no_finding(settings: dict[str, Any]) -> None:
    with LocalDeployment(**settings) as deployment:
        examined = SharedClients(Outputs(deployment.address.outputs), deployment.address)
        found = run.examine(examined, None, grace_s=None, progress=lambda _: None)
    assert list(found.findings) == []
    assert set(found.completed) == set(run.CHECKS)


@pytest.mark.parametrize("each", ALL_FAULTS, ids=lambda each: each.name)
def test_doctor_names_the_fault_and_its_command_repairs_it(world: World, each: Fault) -> None:
    each.inject(world)
    found = world.findings()
    assert {finding.kind for finding in found} == each.kinds, found
    each.first(world)
    world.repair()
