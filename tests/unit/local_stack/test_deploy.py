"""Deploying: the template that is sent, and the reason that is reported for a failure."""

from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local_stack.deploy import ARTIFACTS_BUCKET, TEMPLATE, first_failure, read_template, with_code
from local_stack.errors import CommandError

ZIPS = {
    "AccountsByOwnerFunction": Path("somewhere/owners-3.zip"),
    "ApiFunction": Path("somewhere/api-1.zip"),
    "LakeTotalsFunction": Path("somewhere/totals-5.zip"),
    "LakeTransformFunction": Path("somewhere/lake-4.zip"),
    "ProjectorFunction": Path("somewhere/projector-2.zip"),
}
STACK = "arn:aws:cloudformation:eu-central-1:000000000000:stack/s/1"


def test_the_deployed_template_changes_only_the_functions_code() -> None:
    real, sent = yaml_parse(TEMPLATE.read_text()), with_code(read_template(), ZIPS)
    for name, path in ZIPS.items():
        code_uri = sent["Resources"][name]["Properties"].pop("CodeUri")
        assert code_uri == {"Bucket": ARTIFACTS_BUCKET, "Key": path.name}
        del real["Resources"][name]["Properties"]["CodeUri"]
    assert sent == real


def test_a_function_without_a_package_is_reported() -> None:
    with pytest.raises(CommandError, match="ProjectorFunction"):
        with_code(read_template(), {name: path for name, path in ZIPS.items() if name != "ProjectorFunction"})


def event(name: str, status: str, reason: str | None = None) -> dict[str, Any]:
    with_reason = {} if reason is None else {"ResourceStatusReason": reason}
    physical = STACK if name == "s" else f"physical-{name}"
    return {
        "StackId": STACK,
        "LogicalResourceId": name,
        "PhysicalResourceId": physical,
        "ResourceStatus": status,
        **with_reason,
    }


FAILED_CREATION = [
    event("s", "CREATE_IN_PROGRESS"),
    event("Table", "CREATE_COMPLETE"),
    event("Role", "CREATE_FAILED", "no such policy"),
    event("Bucket", "CREATE_FAILED", "Resource creation cancelled"),
    event("s", "ROLLBACK_IN_PROGRESS"),
]


def test_the_first_failed_resource_is_the_reason() -> None:
    assert first_failure(reversed(FAILED_CREATION)) == "Role: no such policy"


def test_failures_of_earlier_operations_are_ignored() -> None:
    later = [
        event("s", "UPDATE_IN_PROGRESS"),
        event("Function", "UPDATE_FAILED"),
        event("s", "UPDATE_ROLLBACK_IN_PROGRESS"),
    ]
    assert first_failure(reversed(FAILED_CREATION + later)) == "Function: no reason given"
    assert first_failure(reversed([*FAILED_CREATION, event("s", "UPDATE_IN_PROGRESS")])) == ""


def test_without_a_failed_resource_the_reason_is_empty() -> None:
    assert first_failure([]) == ""
