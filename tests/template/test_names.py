"""Two stacks in one account share no name, and all names are valid for every possible stack name."""

import re
from collections.abc import Iterator
from string import ascii_letters, ascii_uppercase
from typing import Any

import pytest

from tests.support.template_stack import RESOURCES, TEMPLATE, Stack

ONE, OTHER = Stack("bank"), Stack("Stack-of-tests", uuid="7c1f7a52-4f0e-4a8b-8a52-9b1f5d0c2e44")
LONGEST = "A" + "b-C9" * 31 + "xYz"
"""A stack's name: at most 128 letters, digits and dashes, a letter first (CloudFormation API reference)."""

IN_ACCOUNT = {
    "AWS::ApiGatewayV2::Api": r".{1,128}",
    "AWS::Athena::WorkGroup": r"[a-zA-Z0-9._-]{1,128}",
    "AWS::Backup::BackupVault": r"[a-zA-Z0-9_-]{2,50}",
    "AWS::CloudWatch::Dashboard": r"[a-zA-Z0-9_-]{1,255}",
    # Glue stores names in lower case; Athena accepts letters, digits and underscores without quotes.
    "AWS::Glue::Database": r"[a-z][a-z0-9_]{0,254}",
    "AWS::Glue::Registry": r"[a-zA-Z0-9_$#.-]{1,255}",
    "AWS::Logs::LogGroup": r"[a-zA-Z0-9_/.#-]{1,512}",
    "AWS::Scheduler::ScheduleGroup": r"[0-9a-zA-Z_.-]{1,64}",
}
"""Valid names in the account and Region, from the services' API references."""
WITHIN = {
    "AWS::ApiGatewayV2::Authorizer": "ApiId",
    "AWS::ApiGatewayV2::Stage": "ApiId",
    "AWS::Athena::NamedQuery": "WorkGroup",
    "AWS::Glue::Schema": "Registry",
    "AWS::Glue::Table": "DatabaseName",
    "AWS::IAM::Policy": "Roles",
    "AWS::Logs::LogStream": "LogGroupName",
    "AWS::Logs::MetricFilter": "LogGroupName",
}
"""For types whose names are unique only within a parent: the property that identifies the parent."""
OF_OTHERS = {"DatabaseName", "DeliveryStreamName", "FunctionName", "GroupName", "MetricName"}
"""Properties of any type that refer to another resource by name."""


def explicit_names(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Yield logical id, type and name of every resource that the template names."""
    for logical_id, resource in RESOURCES.items():
        kind = resource["Type"]
        properties = stack.properties(logical_id)
        for described in (properties, properties.get("DatabaseInput", {}), properties.get("TableInput", {})):
            for key, name in described.items():
                if key.endswith("Name") and key not in OF_OTHERS and key != WITHIN.get(kind):
                    yield logical_id, kind, name


NAMES = list(explicit_names(ONE))


def test_all_names_in_the_template_are_found() -> None:
    assert {kind for _, kind, _ in NAMES} == IN_ACCOUNT.keys() | WITHIN.keys()


@pytest.mark.parametrize(("logical_id", "kind", "name"), NAMES)
def test_two_stacks_of_an_account_share_no_name(logical_id: str, kind: str, name: str) -> None:
    if kind in WITHIN:
        one, other = (stack.properties(logical_id)[WITHIN[kind]] for stack in (ONE, OTHER))
        assert one != other, "its parent must be of the stack, because its name is unique only within the parent"
        return
    assert ONE.name in name or ONE.uuid[-12:] in name
    assert name not in {found for _, _, found in explicit_names(OTHER)}


def test_the_stack_exports_nothing() -> None:
    """Exports are also names in the account and Region."""
    assert [name for name, output in TEMPLATE["Outputs"].items() if "Export" in output] == []


@pytest.mark.parametrize("stack_name", ["b", "Stack", LONGEST, ascii_letters + "-0123456789"])
def test_names_are_valid_for_any_stack_name(stack_name: str) -> None:
    assert re.fullmatch("[a-zA-Z][a-zA-Z0-9-]{0,127}", stack_name)
    for logical_id, kind, name in explicit_names(Stack(stack_name)):
        if kind in IN_ACCOUNT:
            assert re.fullmatch(IN_ACCOUNT[kind], name), (logical_id, name)


@pytest.mark.parametrize("stack_name", ["account-events", "Account-Events", ascii_uppercase, LONGEST])
def test_the_database_name_has_no_capitals_for_any_stack_name(stack_name: str) -> None:
    assert database_name(Stack(stack_name)) == "account_events_3f6f0f8a7b11"


def test_the_template_is_not_nested_too_deeply_for_yaml_readers() -> None:
    """SnakeYAML, the usual parser in Java, refuses more than fifty levels."""

    def depth(value: Any) -> int:  # noqa: ANN401 -- any value of the template
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    assert depth(TEMPLATE) < 30


def test_policies_name_the_database_only_by_reference() -> None:
    """A name built from the stack's name could differ from the name that Glue stores."""
    for logical_id, resource in RESOURCES.items():
        text = str(resource)
        assert not re.search(r":glue:[^'\"]*(database|table)/\$\{AWS::StackName", text), logical_id
        names_one = re.search(r":glue:[^'\"]*:(catalog|database|table)", text)
        assert not names_one or "${LakeDatabase}" in text, logical_id


def test_the_access_log_uses_no_space_in_the_resource_policy() -> None:
    """The policy lists each group without this prefix (CloudWatch Logs user guide, Logs sent to CloudWatch Logs)."""
    destination: dict[str, Any] = RESOURCES["HttpApiStage"]["Properties"]["AccessLogSettings"]["DestinationArn"]
    group = ONE.properties(destination["Fn::GetAtt"][0])
    assert group["LogGroupName"].startswith("/aws/vendedlogs/")


def database_name(stack: Stack) -> str:
    name: str = stack.properties("LakeDatabase")["DatabaseInput"]["Name"]
    return name
