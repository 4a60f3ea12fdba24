"""The metrics that the functions emit, as CloudWatch reads them from the log, and the alarms and widgets on them.

CloudWatch accepts an alarm or a widget on a metric that no function emits. So each function of the template runs here,
with the environment from the template, and prints its metrics in the embedded metric format.
"""

import json
import os
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from account_core.api.routes import ROUTES
from account_events.testing import MemoryKinesis
from account_events.testing.context import Context
from ops.lake.reconcile.metrics import NAMESPACE, metric_data
from ops.lake.reconcile.result import ReconciliationResult
from tests.support.module_projector import deployed_projector
from tests.support.replay import replay
from tests.support.template_dashboard import widget_metrics
from tests.support.template_metrics import MetricRead, all_metrics
from tests.support.template_stack import RESOURCES, Stack, of_type
from tests.unit.testing.streams import table_stream

STACK = Stack("some-stack", {"Transfers": "on"})  # a stack without transfers emits no costs of them
ACCOUNT = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


READ = [*all_metrics(), *widget_metrics()]
ON_OUR_METRICS = [each for each in READ if not str(each.namespace).startswith("AWS/")]
NOT_SHOWN = {
    ("account-api", "TableRequests"): "the read and write units are the cost",
    ("projector", "FirstSights"): "it grows with new execution environments and needs no action",
}
"""Metrics of our functions that the dashboard leaves out."""
Metric = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name and dimensions, which identify a metric in CloudWatch."""


def invoke(function: str, event: dict[str, Any]) -> None:
    """Invoke the function in a new execution environment."""
    module = STACK.properties(function)["Handler"].removesuffix(".handler")
    runpy.run_module(module)["handler"](event, Context("request"))


def make_table(logical_id: str) -> None:
    described = STACK.properties(logical_id)
    keys = {"AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes", "BillingMode"}
    client: Any = boto3.client("dynamodb")
    client.create_table(
        TableName=STACK.value({"Ref": logical_id}), **{key: described[key] for key in keys & described.keys()}
    )


def api() -> None:
    """Send a request for each operation. A refused command has a cost, too."""
    amount = {"amount": "1.00"}
    bodies = {"create_account": {"owner": "o", "currency": "EUR"}, "credit": amount, "withdraw": amount}
    bodies["transfer"] = amount | {"to": "b"}
    queries = {"read_statement": "from=2026-01-31&until=2026-01-31"}
    with mock_aws():
        make_table("AccountsTable")
        make_table("AccountsByOwner")
        for path, methods in ROUTES.items():
            for method, operation in methods.items():
                context = {"requestId": "r", "http": {"method": method}, "authorizer": {"iam": {"userArn": "arn"}}}
                request = {"rawPath": re.sub(r"{\w+}", "a", path), "headers": {}, "requestContext": context}
                request |= {"rawQueryString": queries.get(operation, "")}
                invoke("ApiFunction", request | {"body": json.dumps(bodies.get(operation))})


def owners() -> None:
    """Invoke the function as its schedule does."""
    [target] = STACK.properties("AccountsByOwnerLook")["Targets"]
    with mock_aws():
        make_table("AccountsByOwner")
        make_table("AccountsByOwnerInbox")
        invoke("AccountsByOwnerFunction", json.loads(target["Input"]))


def lake() -> None:
    invoke("LakeTransformFunction", {"invocationId": "i", "records": []})


def totals() -> None:
    """Invoke the function with a lake that is still empty."""
    with mock_aws():
        bucket = STACK.variables("LakeTotalsFunction")["LAKE_BUCKET_NAME"]
        boto3.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        invoke("LakeTotalsFunction", {})


def projector() -> None:
    kinesis, stream = MemoryKinesis(), table_stream("a", 3)
    variables = STACK.variables("ProjectorFunction") | {"POWERTOOLS_METRICS_DISABLED": "false"}
    with deployed_projector(kinesis, stream.images(), variables) as new_handler:
        replay(stream, new_handler=new_handler, kinesis=kinesis).assert_delivered()


INVOCATIONS: dict[str, Callable[[], None]] = {
    "AccountsByOwnerFunction": owners,
    "ApiFunction": api,
    "LakeTotalsFunction": totals,
    "LakeTransformFunction": lake,
    "ProjectorFunction": projector,
}


def metrics_in(line: dict[str, Any]) -> Iterator[Metric]:
    """Yield each metric once per set of dimensions (CloudWatch, specification of the embedded metric format)."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                yield directive["Namespace"], metric["Name"], frozenset((name, line[name]) for name in names)


@pytest.fixture(scope="module")
def emitted() -> dict[str, set[Metric]]:
    """The metrics that each function emits."""
    found = {}
    for function, invoked in INVOCATIONS.items():
        output = StringIO()
        variables = ACCOUNT | STACK.variables(function)
        with patch.dict(os.environ, variables), redirect_stdout(output):
            invoked()
        lines = [json.loads(line) for line in output.getvalue().splitlines()]
        found[function] = {metric for line in lines if "_aws" in line for metric in metrics_in(line)}
    return found


def test_every_function_of_the_template_is_invoked() -> None:
    assert INVOCATIONS.keys() == of_type("AWS::Serverless::Function").keys()


@pytest.mark.parametrize("function", sorted(INVOCATIONS))
def test_every_metric_has_the_stacks_name(function: str, emitted: dict[str, set[Metric]]) -> None:
    """Otherwise the functions of two stacks in one account would share a metric."""
    assert emitted[function]
    for namespace, name, dimensions in emitted[function]:
        assert namespace == "AccountEvents"
        assert {("Stack", STACK.name)} < dimensions, name
        assert {key for key, _ in dimensions} <= {"Stack", "service", "operation"}, name


def test_the_dimensions_are_documented(emitted: dict[str, set[Metric]]) -> None:
    table = (Path(__file__).parents[2] / "docs/deployment.md").read_text().partition("| dimension |")[2]
    for _, _, dimensions in set().union(*emitted.values()):
        for key, value in dimensions:
            assert f"| `{key}` |" in table
            assert key != "service" or f"`{value}`" in table


def from_logs() -> set[Metric]:
    """The metrics that metric filters make of log lines. They have no dimensions."""
    filters = [STACK.properties(name)["MetricTransformations"] for name in of_type("AWS::Logs::MetricFilter")]
    return {(each["MetricNamespace"], each["MetricName"], frozenset()) for [each] in filters}


def from_commands() -> set[Metric]:
    """The metrics that operators' commands publish."""
    now = datetime(2026, 8, 1, tzinfo=UTC)
    return {
        (NAMESPACE, each["MetricName"], frozenset((one["Name"], one["Value"]) for one in each["Dimensions"]))
        for each in metric_data(ReconciliationResult(now, now, 0, 0), STACK.name, now)
    }


@pytest.mark.parametrize("metric", ON_OUR_METRICS, ids=lambda metric: f"{metric.reader}-{metric.name}")
def test_a_metric_that_an_alarm_or_a_widget_reads_is_emitted(
    metric: MetricRead, emitted: dict[str, set[Metric]]
) -> None:
    dimensions = frozenset((name, STACK.value(value)) for name, value in metric.dimensions.items())
    known = set().union(*emitted.values(), from_logs(), from_commands())
    assert (STACK.value(metric.namespace), metric.name, dimensions) in known


def test_every_emitted_metric_is_shown_or_has_a_reason(emitted: dict[str, set[Metric]]) -> None:
    """By name and service: tests/template/test_dashboard.py checks the API's operations."""

    def identity(name: str, dimensions: Mapping[str, Any]) -> tuple[Any, str]:
        return dimensions.get("service"), name

    known = set().union(*emitted.values(), from_logs(), from_commands())
    shown = {identity(each.name, each.dimensions) for each in widget_metrics()}
    assert {identity(name, dict(dimensions)) for _, name, dimensions in known} - shown == NOT_SHOWN.keys()


def test_the_filter_for_429_reads_the_field_of_the_access_log() -> None:
    log_format = json.loads(STACK.properties("HttpApiStage")["AccessLogSettings"]["Format"])
    assert log_format["status"] == "$context.status", "a text, so the filter's pattern quotes it"
    found = RESOURCES["HttpApiTooManyRequests"]["Properties"]
    assert found["FilterPattern"] == '{ $.status = "429" }'
    assert found["LogGroupName"] == {"Ref": "HttpApiLogs"}


@pytest.mark.parametrize("metric", READ, ids=lambda metric: f"{metric.reader}-{metric.name}")
def test_alarms_and_widgets_read_metrics_of_their_own_stack(metric: MetricRead) -> None:
    def read_by(stack: Stack) -> tuple[Any, Any]:
        return stack.value(metric.namespace), stack.value(dict(metric.dimensions))

    assert read_by(STACK) != read_by(Stack("other-stack"))


def test_a_missing_metric_of_a_schedule_raises_the_alarm() -> None:
    """A period is the schedule's interval, three periods are evaluated, and missing data is breaching."""
    [schedule] = of_type("AWS::Events::Rule")
    minutes = re.fullmatch(r"rate\((\d+) minutes\)", STACK.properties(schedule)["ScheduleExpression"])
    assert minutes is not None
    alarm = STACK.properties("AccountsByOwnerWaits")
    assert alarm["Period"] == int(minutes[1]) * 60
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (3, 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_a_schedule_that_cannot_invoke_its_function_has_an_alarm() -> None:
    for schedule in of_type("AWS::Events::Rule"):
        dimensions = [{"Name": "RuleName", "Value": {"Ref": schedule}}]
        [alarm] = [
            alarm["Properties"]
            for alarm in of_type("AWS::CloudWatch::Alarm").values()
            if alarm["Properties"].get("Dimensions") == dimensions
        ]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Events", "FailedInvocations")
        # EventBridge emits it only if it is not zero (EventBridge user guide, Monitoring Amazon EventBridge).
        assert (alarm["Statistic"], alarm["Threshold"], alarm["TreatMissingData"]) == ("Sum", 0, "notBreaching")


def test_a_refresh_of_the_totals_that_does_not_run_raises_an_alarm() -> None:
    """A period is the schedule's interval, and missing data is breaching."""
    found = STACK.properties("LakeTotalsSchedule")
    assert (found["ScheduleExpression"], found["FlexibleTimeWindow"], found["State"]) == (
        *("rate(1 hour)", {"Mode": "OFF"}, "ENABLED"),
    )
    alarm = STACK.properties("LakeTotalsMissing")
    assert (alarm["MetricName"], alarm["Period"], alarm["EvaluationPeriods"]) == ("TotalsRuns", 3_600, 3)
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == ("Sum", "LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_an_invocation_that_a_schedule_cannot_deliver_raises_an_alarm() -> None:
    """Its last attempt is before the schedule's next time."""
    for schedule in of_type("AWS::Scheduler::Schedule"):
        target = RESOURCES[schedule]["Properties"]["Target"]
        assert 0 < target["RetryPolicy"]["MaximumRetryAttempts"] <= 185
        assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] < 3_600
        queue, attribute = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"]
        assert attribute == "Arn"
        assert STACK.properties(queue) == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 24 * 3_600}
        dimensions = [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
        [alarm] = [
            alarm["Properties"]
            for alarm in of_type("AWS::CloudWatch::Alarm").values()
            if alarm["Properties"].get("Dimensions") == dimensions
        ]
        assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
            *("Maximum", 0, "GreaterThanThreshold"),
        )
