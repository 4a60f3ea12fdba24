"""`account-events doctor` on a whole stack on AWS: healthy, new, and with each of its requests refused."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.cli.exit_handling import error_line
from ops.deployment import stack as deployed_stack
from ops.doctor import run
from ops.lake.deployed_lake import Lake
from tests.support.aws_stack import TEMPLATE, AwsStack

DESCRIBES = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
"""Without them, there is nothing to examine, and the command ends with an error."""
STREAM = ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards")
"""Requested only if the read model lacks an event."""
REQUESTED = (
    *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"),
    *("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"),
    *("dynamodb:Scan", "events:DescribeRule", "events:ListTargetsByRule", "firehose:DescribeDeliveryStream"),
    *("iam:GetRole", "iam:SimulatePrincipalPolicy", "kinesis:DescribeStreamSummary", "lambda:GetEventSourceMapping"),
    *("lambda:GetFunction", "lambda:GetPolicy", "logs:DescribeLogGroups", "s3:GetBucketLifecycleConfiguration"),
    *("s3:GetBucketPolicy", "s3:GetBucketVersioning", "s3:GetObject", "s3:GetPublicAccessBlock", "s3:ListObjectsV2"),
    *("scheduler:GetSchedule", "sns:GetTopicAttributes", "sqs:GetQueueAttributes"),
)
CODES = ("AccessDeniedException", "ThrottlingException")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> AwsStack:
    return AwsStack(tmp_path_factory.mktemp("lake"))


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(run, "read_template", TEMPLATE)
    monkeypatch.setattr(run.time, "sleep", lambda _: None)


def doctor(stack: AwsStack, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- click's result
    monkeypatch.setattr(deployed_stack.boto3, "client", stack.client)
    monkeypatch.setattr(Lake, "duckdb", lambda _lake, day=None: stack.engine(day))
    return CliRunner().invoke(app, ["doctor", "--stack", "bank", "--json"])


def found(done: Any) -> list[dict[str, str]]:  # noqa: ANN401 -- click's result
    findings: list[dict[str, str]] = json.loads(done.stdout)["findings"]
    return findings


def kinds(done: Any) -> list[str]:  # noqa: ANN401 -- click's result
    return [each["kind"] for each in found(done)]


def test_a_healthy_stack_has_no_finding(healthy: AwsStack, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy.calls.clear()
    done = doctor(healthy, monkeypatch)
    assert found(done) == []
    assert done.exit_code == 0
    assert json.loads(done.stdout)["completed"] == list(run.CHECKS)
    assert healthy.calls == {*DESCRIBES, *REQUESTED}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", REQUESTED)
def test_a_refused_request_is_named_and_nothing_else_is_reported(
    healthy: AwsStack, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, operation, code)
        done = doctor(healthy, monkeypatch)
    assert done.exit_code == 1
    assert set(kinds(done)) == {"check-incomplete"}, found(done)
    for each in found(done):
        assert operation.partition(":")[2] in each["what"]
        assert code in each["what"]
        assert each["where"] not in json.loads(done.stdout)["completed"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", DESCRIBES)
def test_a_stack_that_cannot_be_described_ends_the_command(
    healthy: AwsStack, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(healthy.errors, operation, code)
        done = doctor(healthy, monkeypatch)
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


def test_an_event_on_the_stream_is_only_late(lagging: AwsStack, monkeypatch: pytest.MonkeyPatch) -> None:
    lagging.calls.clear()
    assert kinds(doctor(lagging, monkeypatch)) == ["read-model-behind"]
    assert set(STREAM) <= lagging.calls


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", STREAM)
def test_a_refused_read_of_the_stream_reports_nothing_about_events(
    lagging: AwsStack, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    monkeypatch.setitem(lagging.errors, operation, code)
    [finding] = found(doctor(lagging, monkeypatch))
    assert finding["kind"] == "check-incomplete"
    assert operation.partition(":")[2] in finding["what"]
