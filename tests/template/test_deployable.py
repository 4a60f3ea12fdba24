"""CloudFormation and SAM accept template.yaml, and its values match the code."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from account_events.lambda_mapping.config import MappingConfig
from projector.settings import SAFETY_MARGIN_S

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()
RESOURCES: dict[str, Any] = yaml_parse(TEXT)["Resources"]
ROLES = {
    "ApiFunctionRole": {
        ("dynamodb:PutItem", "AccountsTable"),
        ("dynamodb:Query", "AccountsByOwner"),
        ("dynamodb:Query", "AccountsTable"),
        ("logs:CreateLogStream", "ApiFunctionLogs"),
        ("logs:PutLogEvents", "ApiFunctionLogs"),
    },
    "AccountsByOwnerFunctionRole": {
        ("dynamodb:BatchGetItem", "AccountsByOwner"),
        ("dynamodb:BatchGetItem", "AccountsByOwnerInbox"),
        ("dynamodb:DeleteItem", "AccountsByOwnerInbox"),
        ("dynamodb:GetItem", "AccountsByOwner"),
        ("dynamodb:GetItem", "AccountsByOwnerInbox"),
        ("dynamodb:PutItem", "AccountsByOwner"),
        ("dynamodb:PutItem", "AccountsByOwnerInbox"),
        ("dynamodb:Query", "AccountsByOwner"),
        ("dynamodb:Query", "AccountsByOwnerInbox"),
        ("dynamodb:UpdateItem", "AccountsByOwner"),
        ("kinesis:DescribeStream", "DomainEventsStream"),
        ("kinesis:DescribeStreamSummary", "DomainEventsStream"),
        ("kinesis:GetRecords", "DomainEventsStream"),
        ("kinesis:GetShardIterator", "DomainEventsStream"),
        ("kinesis:ListShards", "DomainEventsStream"),
        ("kinesis:ListStreams", "*"),
        ("logs:CreateLogStream", "AccountsByOwnerFunctionLogs"),
        ("logs:PutLogEvents", "AccountsByOwnerFunctionLogs"),
        ("s3:ListBucket", "ConsumerFailures"),
        ("s3:PutObject", "ConsumerFailures"),
    },
    "ProjectorFunctionRole": {
        ("dynamodb:BatchGetItem", "AccountsTable"),
        ("dynamodb:DescribeStream", "AccountsTable"),
        ("dynamodb:GetRecords", "AccountsTable"),
        ("dynamodb:GetShardIterator", "AccountsTable"),
        ("dynamodb:ListStreams", "*"),
        ("dynamodb:PutItem", "ParkedAccounts"),
        ("dynamodb:Query", "AccountsTable"),
        ("dynamodb:Query", "ParkedAccounts"),
        ("dynamodb:UpdateItem", "ParkedAccounts"),
        ("kinesis:PutRecords", "DomainEventsStream"),
        ("logs:CreateLogStream", "ProjectorFunctionLogs"),
        ("logs:PutLogEvents", "ProjectorFunctionLogs"),
        ("s3:ListBucket", "ProjectorFailures"),
        ("s3:PutObject", "ProjectorFailures"),
    },
}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def named_in(resource: Any) -> str:  # noqa: ANN401 -- any value of the template
    """Return the logical id that a policy's Resource refers to."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        name: str = resource["Fn::GetAtt"][0]
        return name
    [name] = [
        name for name in RESOURCES if "${" + name + "}" in resource["Fn::Sub"] or f"{name}." in resource["Fn::Sub"]
    ]
    return name


def test_the_template_has_no_yaml_aliases() -> None:
    """CloudFormation does not support aliases (User Guide, template formats), although many YAML tools do."""
    aliases = [event for event in yaml.parse(TEXT) if isinstance(event, yaml.AliasEvent)]
    assert [str(alias.start_mark) for alias in aliases] == []


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_grants_exactly_the_listed_permissions(role: str) -> None:
    granted = set()
    for policy in properties(role)["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            granted |= {(action, named_in(statement["Resource"])) for action in actions}
    assert granted == ROLES[role]
    assert "ManagedPolicyArns" not in properties(role)


def test_a_failed_creation_can_be_rolled_back() -> None:
    """Deletion protection refuses the deletion by a rollback, so the protected table must be retained."""
    for table in ("AccountsTable", "ParkedAccounts"):
        assert "DeletionProtectionEnabled" in properties(table)
        assert RESOURCES[table]["DeletionPolicy"] == "Retain"


def test_retained_resources_have_no_fixed_names() -> None:
    """A retained resource with a fixed name would block the next stack with the same name."""
    for name, key in (
        ("AccountsTable", "TableName"),
        ("DomainEventsStream", "Name"),
        ("ProjectorFailures", "BucketName"),
    ):
        assert key not in properties(name)


def test_the_fake_models_every_setting_of_the_mapping() -> None:
    mapping = properties("ProjectorMapping")
    as_deployed = {**mapping, "UUID": "u", "EventSourceArn": "arn:aws:dynamodb:::table/t/stream/1", "FunctionArn": "f"}
    as_deployed["DestinationConfig"] = {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}
    config = MappingConfig.from_api(as_deployed)
    assert (config.batch_size, config.retry_attempts_max) == (mapping["BatchSize"], mapping["MaximumRetryAttempts"])
    assert config.reports_item_failures
    assert config.bisects_on_error


def test_the_projector_has_time_to_publish() -> None:
    """The timeout leaves time for calls after the safety margin, and all retries fit the maximum record age."""
    timeout_s: int = properties("ProjectorFunction")["Timeout"]
    mapping = properties("ProjectorMapping")
    assert timeout_s > 4 * SAFETY_MARGIN_S
    assert mapping["MaximumRetryAttempts"] * timeout_s < mapping["MaximumRecordAgeInSeconds"]


def test_sam_builds_in_source_with_the_makefile() -> None:
    """The Makefile needs the project's virtual environment, which a copy of the sources does not have."""
    assert (
        tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["build"]["parameters"]["build_in_source"]
        is True
    )
    assert "\nbuild-%:" in (ROOT / "Makefile").read_text()
