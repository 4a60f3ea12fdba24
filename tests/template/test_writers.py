"""Which roles may change what the threat model protects: the ledger's rows and backups, and the stream's events."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.support.template_stack import Stack, of_type

STACK = Stack("some-stack", {"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1b0c3f5e"})
NAMES = {
    "AccountsTable": "arn:aws:dynamodb:eu-central-1:123456789012:table/some-stack-AccountsTable-1AB2",
    "DomainEventsStream": "arn:aws:kinesis:eu-central-1:123456789012:stream/some-stack-DomainEventsStream-1AB2",
}
"""ARNs as AWS makes them, for statements that match several resources."""
WRITERS = {
    ("AccountsTable", "dynamodb:PutItem"): {"ApiFunctionRole", "BackupRole"},
    # AWS Backup restores a table with the role, and a lost ledger is restored under its old name (docs/backup.md).
    ("AccountsTable", "dynamodb:UpdateItem"): {"BackupRole"},
    ("AccountsTable", "dynamodb:DeleteItem"): {"BackupRole"},
    ("AccountsTable", "dynamodb:BatchWriteItem"): {"BackupRole"},
    ("AccountsTable", "dynamodb:PartiQLInsert"): set(),
    ("AccountsTable", "dynamodb:PartiQLUpdate"): set(),
    ("AccountsTable", "dynamodb:PartiQLDelete"): set(),
    ("AccountsTable", "dynamodb:DeleteTable"): set(),
    ("AccountsTable", "dynamodb:UpdateTable"): set(),
    ("AccountsTable", "dynamodb:UpdateContinuousBackups"): set(),
    ("DomainEventsStream", "kinesis:PutRecords"): {"ProjectorFunctionRole"},
    ("DomainEventsStream", "kinesis:PutRecord"): set(),
    ("DomainEventsStream", "kinesis:DeleteStream"): set(),
    ("DomainEventsStream", "kinesis:DecreaseStreamRetentionPeriod"): set(),
}

BACKUP = {
    *("backup:CopyIntoBackupVault", "backup:DescribeBackupVault", "backup:TagResource"),
    *("dynamodb:BatchWriteItem", "dynamodb:CreateBackup", "dynamodb:DeleteBackup", "dynamodb:DeleteItem"),
    *("dynamodb:DescribeBackup", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:ListTagsOfResource"),
    *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFromAwsBackup", "dynamodb:RestoreTableFromBackup"),
    *("dynamodb:Scan", "dynamodb:StartAwsBackupJob", "dynamodb:UpdateItem"),
}
"""What AWS Backup needs for DynamoDB (the managed policies AWSBackupServiceRolePolicyForBackup and ForRestores)."""


def listed(value: Any) -> list[Any]:  # noqa: ANN401 -- one value or several
    return value if isinstance(value, list) else [value]


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement that the template attaches to a role, with the role's logical id."""
    for role in of_type("AWS::IAM::Role"):
        properties = STACK.properties(role)
        assert "ManagedPolicyArns" not in properties
        for policy in properties["Policies"]:
            yield from ((role, each) for each in policy["PolicyDocument"]["Statement"])
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for policy in of_type(kind).values():
            roles = policy["Properties"].get("Roles") or [policy["Properties"]["RoleName"]]
            for role in roles:
                document = STACK.value(policy["Properties"]["PolicyDocument"])
                yield from ((role["Ref"], each) for each in document["Statement"])


def covers(statement: dict[str, Any], resource: str, action: str) -> bool:
    names = STACK.value({"Fn::GetAtt": [resource, "Arn"]}), NAMES[resource]
    return any(fnmatchcase(action.lower(), each.lower()) for each in listed(statement["Action"])) and any(
        fnmatchcase(name, each) for name in names for each in listed(statement["Resource"])
    )


@pytest.mark.parametrize(("resource", "action"), WRITERS)
def test_only_the_named_roles_may_change_the_ledger_or_the_events(resource: str, action: str) -> None:
    allowed = {role for role, statement in statements() if covers(statement, resource, action)}
    assert allowed == WRITERS[resource, action]


def test_the_backup_role_has_what_aws_backup_needs_for_dynamodb() -> None:
    actions = {
        action for role, statement in statements() if role == "BackupRole" for action in listed(statement["Action"])
    }
    assert {action for action in actions if not action.startswith("kms:")} == BACKUP
    trusted = STACK.properties("BackupRole")["AssumeRolePolicyDocument"]["Statement"]
    assert [statement["Principal"] for statement in trusted] == [{"Service": "backup.amazonaws.com"}]


def test_every_function_has_a_role_of_the_template() -> None:
    """SAM would create a role whose policies these tests do not see."""
    for name in of_type("AWS::Serverless::Function"):
        properties = STACK.properties(name)
        assert "Policies" not in properties
        assert any(
            STACK.value({"Fn::GetAtt": [role, "Arn"]}) == properties["Role"] for role in of_type("AWS::IAM::Role")
        )
