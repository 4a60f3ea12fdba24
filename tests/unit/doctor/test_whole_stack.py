"""`account-events doctor` on a whole stack on AWS: healthy, new, and with each of its requests refused."""

import json
import re
from pathlib import Path

import pytest

from ops.cli.exit_handling import error_line
from ops.doctor import run
from tests.support.aws_stack import AwsStack
from tests.unit.doctor.examined import Doctor, found, kinds

DESCRIBES = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
"""Without them, there is nothing to examine, and the command ends with an error."""
STREAM = ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards")
"""Requested only if the read model lacks an event."""
REQUESTED = (
    *("apigatewayv2:GetIntegration", "apigatewayv2:GetRoutes", "apigatewayv2:GetStage"),
    "athena:GetWorkGroup",
    *("backup:DescribeBackupVault", "backup:ListRecoveryPointsByBackupVault"),
    *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"),
    *("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"),
    *("dynamodb:Scan", "events:DescribeRule", "events:ListTargetsByRule", "firehose:DescribeDeliveryStream"),
    *("glue:GetJob", "glue:GetTable", "logs:DescribeMetricFilters", "s3:HeadObject"),
    *("iam:GetRole", "iam:SimulatePrincipalPolicy", "kinesis:DescribeStreamSummary", "lambda:GetEventSourceMapping"),
    *("lambda:GetFunction", "lambda:GetPolicy", "logs:DescribeLogGroups", "s3:GetBucketLifecycleConfiguration"),
    *("s3:GetBucketPolicy", "s3:GetBucketVersioning", "s3:GetObject", "s3:GetPublicAccessBlock", "s3:ListObjectsV2"),
    *("scheduler:GetSchedule", "sns:GetTopicAttributes", "sqs:GetQueueAttributes"),
    "stepfunctions:DescribeStateMachine",
)
PERMISSIONS = {
    **{f"apigatewayv2:Get{each}": "apigateway:GET" for each in ("Integration", "Routes", "Stage")},
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "stepfunctions:DescribeStateMachine": "states:DescribeStateMachine",
}
"""The permissions of operations whose names differ from theirs."""
CODES = ("AccessDeniedException", "ThrottlingException")


def test_a_healthy_stack_has_no_finding(healthy: AwsStack, doctor: Doctor) -> None:
    healthy.calls.clear()
    done = doctor(healthy)
    assert found(done) == []
    assert done.exit_code == 0
    assert json.loads(done.stdout)["completed"] == list(run.CHECKS)
    assert healthy.calls == {*DESCRIBES, *REQUESTED}


def test_the_permissions_of_its_requests_are_documented() -> None:
    document = (Path(__file__).parents[3] / "docs/operating.md").read_text(encoding="utf-8")
    table = document.partition("It needs these permissions")[2].partition("##")[0]
    documented = set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", table))
    assert {PERMISSIONS.get(each, each) for each in (*DESCRIBES, *REQUESTED, *STREAM)} == documented


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", REQUESTED)
def test_a_refused_request_is_named_and_nothing_else_is_reported(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, operation, code)
        done = doctor(healthy)
    assert done.exit_code == 1
    assert set(kinds(done)) == {"check-incomplete"}, found(done)
    for each in found(done):
        assert operation.partition(":")[2] in each["what"]
        assert code in each["what"]
        assert each["where"] not in json.loads(done.stdout)["completed"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", DESCRIBES)
def test_a_stack_that_cannot_be_described_ends_the_command(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, operation, code)
        done = doctor(healthy)
    line = error_line(done.exception)
    assert done.exit_code == 1
    assert line is not None
    assert operation.partition(":")[2] in line
    assert code in line


@pytest.fixture
def lagging(healthy: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """The read model lacks the newest event of an account, which is on the stream."""
    monkeypatch.setattr(healthy, "lagging", {"a-1"})
    monkeypatch.setattr(healthy, "published", [healthy.events("a-1")[-1]])
    return healthy


def test_an_event_on_the_stream_is_only_late(lagging: AwsStack, doctor: Doctor) -> None:
    lagging.calls.clear()
    assert kinds(doctor(lagging)) == ["read-model-behind"]
    assert set(STREAM) <= lagging.calls


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", STREAM)
def test_a_refused_read_of_the_stream_reports_nothing_about_events(
    lagging: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    monkeypatch.setitem(lagging.errors, operation, code)
    [finding] = found(doctor(lagging))
    assert finding["kind"] == "check-incomplete"
    assert operation.partition(":")[2] in finding["what"]
