"""Settings and permissions that somebody changed on AWS: each is found, and the command that repairs it is valid."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import FileDamaged, QueryFailed
from tests.support.aws_answers import Refused
from tests.support.aws_cli import run_aws
from tests.support.aws_stack import AwsStack
from tests.support.template_stack import RESOURCES
from tests.unit.doctor.examined import Doctor, found


def statements(*each: dict[str, Any]) -> dict[str, str]:
    """The policy of a function."""
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": each})}


OF_ANOTHER_API = {
    "Effect": "Allow",
    "Principal": {"Service": "apigateway.amazonaws.com"},
    "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:eu-central-1:123456789012:other/*"}},
}
OF_ANY_RULE = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
TRUST = {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
ROLE = {
    "Role": {
        "RoleName": "x",
        "Path": "/",
        "RoleId": "AROAEXAMPLEEXAMPLE",
        "Arn": "arn:aws:iam::123456789012:role/x",
        "CreateDate": datetime(2026, 8, 1, tzinfo=UTC),
        "AssumeRolePolicyDocument": quote(json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})),
    }
}
OPEN = ("api-route-differs", {"HttpApiRoute"})
ROUTE = {
    "RouteId": "bank-HttpApiRoute",
    "RouteKey": "$default",
    "AuthorizationType": "AWS_IAM",
    "Target": "integrations/bank-HttpApiIntegration",
}
ANOTHER = {"RouteId": "x", "RouteKey": "GET /accounts", "AuthorizationType": "NONE"}
SCHEDULE = {
    "State": "ENABLED",
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": "arn:other", "RoleArn": "arn:aws:iam::123456789012:role/x"},
}
RULE = {"ID": "delete", "Status": "Enabled", "Filter": {"Prefix": "events/"}, "Expiration": {"Days": 1}}


VERSIONED = {"Lake", "ProjectorFailures"}
BUCKETS = {"BucketAccessLogs", "ConsumerFailures", "Lake", "LakeQueryResults", "ProjectorFailures"}
PERMISSIONS = {"AccountsByOwnerLookPermission", "HttpApiPermission"}
LOGS = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::Logs::LogGroup"}
ROLES = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::IAM::Role"} - {"LakeAnalystRole"}
"""The roles of services."""


def kept(days: int | None) -> Any:  # noqa: ANN401 -- an answer
    """Every log group keeps its logs for so many days, or for ever."""
    retention = {} if days is None else {"retentionInDays": days}
    return lambda **asked: {"logGroups": [{"logGroupName": asked["logGroupNamePrefix"], **retention}]}


@pytest.fixture
def changed(healthy: AwsStack, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """The stack with another answer to an operation; an answer that is text is an error code."""
    operation, answer = request.param

    def answered(**asked: object) -> Any:  # noqa: ANN401 -- any answer
        if isinstance(answer, str):
            raise Refused(answer)
        return answer(**asked) if callable(answer) else deepcopy(answer)  # botocore changes it

    monkeypatch.setattr(healthy, operation, answered)
    return healthy


@pytest.mark.parametrize(
    ("changed", "kind", "where"),
    [
        (("_lambda_get_policy", statements()), "permission-missing", PERMISSIONS),
        (("_lambda_get_policy", "ResourceNotFoundException"), "permission-missing", PERMISSIONS),
        (("_lambda_get_policy", statements(OF_ANOTHER_API, OF_ANY_RULE)), "permission-missing", {"HttpApiPermission"}),
        (("_apigatewayv2_get_routes", {"Items": [ROUTE | {"AuthorizationType": "NONE"}]}), *OPEN),
        (("_apigatewayv2_get_routes", {"Items": [ROUTE | {"Target": "integrations/other"}]}), *OPEN),
        (("_apigatewayv2_get_routes", {"Items": [ROUTE, ANOTHER]}), "api-route-differs", {"GET /accounts"}),
        (("_apigatewayv2_get_routes", {"Items": []}), "resource-deleted", {"HttpApiRoute"}),
        (("_apigatewayv2_get_routes", "NotFoundException"), "resource-deleted", {"HttpApi"}),
        (("_iam_get_role", ROLE), "permission-missing", ROLES),
        (("_scheduler_get_schedule", SCHEDULE), "schedule-differs", {"LakeTotalsSchedule"}),
        (("_logs_describe_log_groups", kept(1)), "log-retention-differs", LOGS),
        (("_logs_describe_log_groups", kept(None)), "log-retention-differs", LOGS),
        (("_logs_describe_log_groups", {"logGroups": []}), "resource-deleted", LOGS),
        (("_s3_get_public_access_block", "NoSuchPublicAccessBlockConfiguration"), "bucket-settings-differ", BUCKETS),
        (("_s3_get_public_access_block", "NoSuchBucket"), "resource-deleted", BUCKETS),
        (("_s3_get_bucket_versioning", {"Status": "Suspended"}), "bucket-settings-differ", VERSIONED),
        (
            ("_s3_get_bucket_policy", "NoSuchBucketPolicy"),
            "bucket-settings-differ",
            {f"{each}Policy" for each in BUCKETS},
        ),
        (("_s3_get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"), "bucket-settings-differ", BUCKETS),
        (("_s3_get_bucket_lifecycle_configuration", {"Rules": [RULE]}), "bucket-settings-differ", BUCKETS),
    ],
    indirect=["changed"],
)
def test_a_change_is_found_and_its_repair_is_a_valid_command(
    changed: AwsStack, doctor: Doctor, kind: str, where: set[str]
) -> None:
    findings = found(doctor(changed))
    assert ({each["kind"] for each in findings}, {each["where"] for each in findings}) == ({kind}, where)
    for each in findings:
        if each["repair"].startswith("aws "):
            run_aws(each["repair"], changed.client)


def test_the_check_of_a_permission_names_the_command_that_adds_it(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healthy, "_lambda_get_policy", lambda **_: statements(OF_ANY_RULE))
    [finding] = found(doctor(healthy))
    assert finding["runbook"] == "apifails"
    assert finding["repair"] == (
        "aws lambda add-permission --function-name bank-ApiFunction --statement-id HttpApiPermission"
        " --action lambda:InvokeFunction --principal apigateway.amazonaws.com"
        " --source-arn 'arn:aws:execute-api:eu-central-1:123456789012:bank-HttpApi/*'"
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileDamaged("s3://lake/events/a.parquet is not a valid file"), "lake-file-damaged"),
        (QueryFailed("HTTP Error: s3://lake/events/a.parquet (HTTP 403)"), "check-incomplete"),
        (QueryFailed("HTTP Error: s3://lake/events/a.parquet (HTTP 404)"), "check-incomplete"),
    ],
)
def test_only_a_damaged_file_is_called_damaged(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, error: QueryFailed, kind: str
) -> None:
    def refused(*_: object) -> Any:  # noqa: ANN401 -- never returns
        raise error

    monkeypatch.setattr(DuckDBEngine, "query", refused)
    [finding] = found(doctor(healthy))
    assert finding["kind"] == kind
    assert "a.parquet" in finding["what"]
