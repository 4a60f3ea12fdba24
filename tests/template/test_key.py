"""With the parameter KmsKeyArn, that key encrypts everything that the stack stores, and the roles may use it."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.support.template_stack import RESOURCES, TEMPLATE, Stack, of_type

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1b0c3f5e-8a0f-4a36-9c57-0d8f4a2f6b11"
WITH, WITHOUT = Stack("some-stack", {"KmsKeyArn": KEY}), Stack("some-stack")
PATHS: dict[str, tuple[str | int, ...]] = {
    "AWS::Athena::WorkGroup": ("WorkGroupConfiguration", "ResultConfiguration", "EncryptionConfiguration", "KmsKey"),
    "AWS::Backup::BackupVault": ("EncryptionKeyArn",),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::Kinesis::Stream": ("StreamEncryption", "KeyId"),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::S3::Bucket": (
        *("BucketEncryption", "ServerSideEncryptionConfiguration", 0),
        *("ServerSideEncryptionByDefault", "KMSMasterKeyID"),
    ),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
}
"""Where each type of resource that stores data names the key."""
BY_AWS = {"AWS::Kinesis::Stream": "alias/aws/kinesis"}
"""Types that must name a key also if it is AWS's."""
WITHOUT_DATA = {
    *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration"),
    *("AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::Athena::NamedQuery"),
    *("AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection"),
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard", "AWS::Events::Rule"),
    *("AWS::Glue::Database", "AWS::Glue::Registry", "AWS::Glue::Schema", "AWS::Glue::SchemaVersion"),
    "AWS::Glue::Job",  # its settings; what it writes is in buckets and log groups
    *("AWS::Glue::Table", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KinesisFirehose::DeliveryStream"),
    *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::Logs::LogStream", "AWS::Logs::MetricFilter"),
    *("AWS::S3::BucketPolicy", "AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup"),
    "AWS::StepFunctions::StateMachine",  # names and causes of failures; the data is in the buckets
    "AWS::Serverless::Function",  # its code and its variables, which are names and settings
}
TABLE = frozenset({"kms:Decrypt", "kms:DescribeKey"})
NEW_TABLE = TABLE | {"kms:CreateGrant", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
NEEDS = {
    "backup:CopyIntoBackupVault": TABLE | {"kms:CreateGrant", "kms:GenerateDataKey"},
    "dynamodb:ExportTableToPointInTime": TABLE,
    "dynamodb:RestoreTableFromAwsBackup": NEW_TABLE,
    **dict.fromkeys(("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:Query"), TABLE),
    **dict.fromkeys(("dynamodb:PutItem", "dynamodb:UpdateItem"), TABLE),
    "kinesis:GetRecords": {"kms:Decrypt"},
    "kinesis:PutRecords": {"kms:GenerateDataKey"},
    "s3:AbortMultipartUpload": {"kms:Decrypt"},  # who may abort an upload in parts also uploads in parts
    "s3:GetObject": {"kms:Decrypt"},
    "s3:PutObject": {"kms:GenerateDataKey"},
    "sqs:SendMessage": {"kms:Decrypt", "kms:GenerateDataKey"},
}
"""What a caller needs of the key, by action on encrypted data (the services' developer guides)."""
STORES = sorted(
    (name, resource["Type"])
    for name, resource in RESOURCES.items()
    if resource["Type"] in PATHS and name != "BucketAccessLogs"  # S3 delivers no logs to a bucket with a KMS key
)
ROLES = sorted(of_type("AWS::IAM::Role"))


def key_of(stack: Stack, name: str, kind: str) -> Any:  # noqa: ANN401 -- any value of the template
    found: Any = stack.properties(name)
    for step in PATHS[kind]:
        found = found[step] if isinstance(step, int) else found.get(step, {})
    return found or None


def actions(statement: dict[str, Any]) -> list[str]:
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


def granted(role: str) -> Iterator[tuple[str, str]]:
    """Yield service and action for each use of the key that the role is granted."""
    for policy in of_type("AWS::IAM::Policy").values():
        properties = WITH.value(policy["Properties"])
        if WITH.value({"Ref": role}) in properties["Roles"]:
            for statement in properties["PolicyDocument"]["Statement"]:
                assert (statement["Effect"], statement["Resource"]) == ("Allow", KEY)
                via = statement["Condition"]["StringEquals"]["kms:ViaService"]
                found = re.fullmatch(r"(\w+)\.eu-central-1\.amazonaws\.com", via)
                assert found
                for action in actions(statement):
                    yield found[1], action


def test_every_type_of_resource_is_known() -> None:
    """If this fails for a new type: does it store data? Then it must name the key."""
    assert {resource["Type"] for resource in RESOURCES.values()} - PATHS.keys() - WITHOUT_DATA == set()


@pytest.mark.parametrize(("name", "kind"), STORES)
def test_the_key_encrypts_every_resource_that_stores_data(name: str, kind: str) -> None:
    assert key_of(WITH, name, kind) == KEY
    assert key_of(WITHOUT, name, kind) == BY_AWS.get(kind)


@pytest.mark.parametrize("stack", [WITH, WITHOUT])
def test_all_buckets_and_the_queue_are_encrypted_with_or_without_key(stack: Stack) -> None:
    algorithm = "aws:kms" if stack is WITH else "AES256"
    for name in of_type("AWS::S3::Bucket").keys() - {"BucketAccessLogs"}:
        [rule] = stack.properties(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
        assert rule["BucketKeyEnabled"] is (stack is WITH)
    for name in of_type("AWS::SQS::Queue"):  # SQS refuses both at once
        assert stack.properties(name)["SqsManagedSseEnabled"] is (stack is WITHOUT)
    results = stack.properties("LakeWorkgroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    option = results["EncryptionConfiguration"]["EncryptionOption"]
    assert option == ("SSE_KMS" if stack is WITH else "SSE_S3")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_use_the_key_for_exactly_its_data(role: str) -> None:
    needed = {
        (action.partition(":")[0], need)
        for policy in WITH.properties(role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in actions(statement)
        for need in NEEDS.get(action, ())
    }
    assert set(granted(role)) == needed


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("ProjectorMapping", "ProjectorFunctionRole"),
        ("AccountsByOwnerMapping", "AccountsByOwnerFunctionRole"),
        ("LakeDelivery", "LakeDeliveryRole"),
    ],
)
def test_a_reader_is_created_after_its_permissions_for_the_key(name: str, role: str) -> None:
    """It uses the role as soon as it exists, and AWS may refuse to create one that cannot read its source."""
    policies = {
        policy for policy, found in of_type("AWS::IAM::Policy").items() if {"Ref": role} in found["Properties"]["Roles"]
    }
    assert policies
    condition, with_key, without = RESOURCES[name]["Metadata"]["CreatedAfter"]["Fn::If"]
    assert (condition, {each["Ref"] for each in with_key}, without) == ("HasKmsKey", policies, [])


def test_without_a_key_no_role_has_a_permission_for_one() -> None:
    assert not WITHOUT.value({"Fn::If": ["HasKmsKey", True, False]})
    policies = of_type("AWS::IAM::Policy")
    assert policies
    assert {policy["Condition"] for policy in policies.values()} == {"HasKmsKey", "HasKmsKeyOnAws"}
    assert TEMPLATE["Conditions"]["HasKmsKeyOnAws"] == {"Fn::And": [{"Condition": "HasKmsKey"}, {"Condition": "OnAws"}]}


def test_the_documented_permissions_of_the_deploying_role_are_complete() -> None:
    """DynamoDB's for a new table with a key, and AWS Backup's for a vault (developer guides)."""
    text = (Path(__file__).parents[2] / "docs/deployment.md").read_text(encoding="utf-8")
    [row] = [line for line in text.splitlines() if line.startswith("| the role that deploys the stack |")]
    documented = re.findall(r"`([\w-]+:\w[\w*]*)`", row)
    vault = {*TABLE, "kms:CreateGrant", "kms:GenerateDataKey", "kms:RetireGrant", "backup-storage:MountCapsule"}
    assert {need for need in NEW_TABLE | vault if not any(fnmatchcase(need, each) for each in documented)} == set()


def test_the_documented_key_policy_allows_the_logs_of_the_stack() -> None:
    """CloudFormation generates the names of most groups: the stack's name, the logical id, and a random part."""
    text = (Path(__file__).parents[2] / "docs/deployment.md").read_text(encoding="utf-8")
    [policy] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    for placeholder, value in (("ACCOUNT", "123456789012"), ("REGION", "eu-central-1"), ("STACK", WITH.name)):
        policy = policy.replace(placeholder, value)
    [_, logs] = json.loads(policy)["Statement"]
    assert logs["Principal"] == {"Service": "logs.eu-central-1.amazonaws.com"}
    patterns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for name in of_type("AWS::Logs::LogGroup"):
        group = WITH.properties(name).get("LogGroupName", f"{WITH.name}-{name}-Ab1")
        arn = f"arn:aws:logs:eu-central-1:123456789012:log-group:{group}"
        assert any(fnmatchcase(arn, pattern) for pattern in patterns), name


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("", True),
        (KEY, True),
        (KEY.replace("key/", "key/mrk-"), True),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1b0c3f5e", True),
        ("arn:aws:kms:eu-central-1:123456789012:alias/ledger", False),
        ("alias/aws/dynamodb", False),
    ],
)
def test_the_key_is_named_by_its_arn(value: str, *, allowed: bool) -> None:
    """Roles and log groups need the key's ARN; an alias can be moved to another key."""
    assert bool(re.fullmatch(TEMPLATE["Parameters"]["KmsKeyArn"]["AllowedPattern"], value)) is allowed
