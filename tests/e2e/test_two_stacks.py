"""Two stacks of the real template in one account; one has capitals in its name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import Emulator, client

NAMES = ("account-events", "Account-Events-Test")
SETTINGS = {"Aggregation", "Buckets", "Framing", "LakeBufferSeconds", "LakeFirstDay", "Release"}
"""Outputs with the value of a parameter, which is the same in both stacks."""


@dataclass(frozen=True)
class Stacks:
    endpoint_url: str
    outputs: dict[str, dict[str, str]]

    def client(self, service: str) -> Any:  # noqa: ANN401 -- a boto3 client
        return client(service, self.endpoint_url)


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    zips = {function: build_zip(function, "local") for function in PACKAGES}
    # The emulator accepts the limit but does not enforce it.
    parameters = {"Target": "local", "ApiReservedConcurrency": "5"}
    with Emulator() as emulator:
        yield Stacks(
            emulator.endpoint_url, {name: deploy(emulator.endpoint_url, name, parameters, zips) for name in NAMES}
        )


def test_two_stacks_share_no_resource(stacks: Stacks) -> None:
    one, other = (set(stacks.outputs[name].items()) for name in NAMES)
    assert {name for name, _ in one & other} == SETTINGS


@pytest.mark.parametrize("name", NAMES)
def test_the_policies_name_the_database_of_their_stack(stacks: Stacks, name: str) -> None:
    database = stacks.outputs[name]["LakeDatabaseName"]
    assert re.fullmatch(r"account_events_[0-9a-f]{12}", database)
    assert stacks.client("glue").get_database(Name=database)["Database"]["Name"] == database
    role = stacks.outputs[name]["LakeAnalystRoleArn"].rpartition("/")[2]
    policy = stacks.client("iam").get_role_policy(RoleName=role, PolicyName="query")["PolicyDocument"]
    assert f":table/{database}/*" in str(policy)


@pytest.mark.parametrize("name", NAMES)
def test_functions_have_the_name_of_their_stack(stacks: Stacks, name: str) -> None:
    functions, outputs = stacks.client("lambda"), stacks.outputs[name]
    for output in (
        *("ApiFunctionName", "LakeTotalsFunctionName", "LakeTransformFunctionName"),
        *("OwnedFunctionName", "ProjectorFunctionName"),
    ):
        found = functions.get_function_configuration(FunctionName=outputs[output])
        assert found["Environment"]["Variables"]["STACK_NAME"] == name


@pytest.mark.parametrize("name", NAMES)
def test_each_stack_has_its_own_access_log(stacks: Stacks, name: str) -> None:
    prefix = f"/aws/vendedlogs/{name}/"
    [group] = stacks.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    [stage] = stacks.client("apigatewayv2").get_stages(ApiId=stacks.outputs[name]["ApiId"])["Items"]
    assert group["logGroupName"] in stage["AccessLogSettings"]["DestinationArn"]
