"""Settings and permissions that somebody changed on AWS: each is found, and the command that repairs it is valid."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import FileDamaged, QueryFailed
from tests.support.aws_cli import run_aws
from tests.support.aws_commands import fault_in
from tests.support.aws_s3_answers import Refused
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
SCHEDULES = {"LakeTotalsSchedule", "ReconcileSchedule"}
MACHINE = {
    "stateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:x",
    "name": "x",
    "type": "STANDARD",
    "creationDate": datetime(2026, 8, 1, tzinfo=UTC),
    "definition": "{}",
    "roleArn": "arn:aws:iam::123456789012:role/x",
}
LAKE = {"bank-lake"}
RULE = {"ID": "delete", "Status": "Enabled", "Filter": {"Prefix": "events/"}, "Expiration": {"Days": 1}}
INTEGRATION, LAKE_TABLES = {"HttpApiIntegration"}, {"LakeEventsTable", "LakeMonthsTable", "LakeTotalsTable"}
GROUP = {"LakeWorkgroup"}
VAULT = {"bank-BackupVault"}
STREAM = {
    "StreamDescriptionSummary": {
        "StreamName": "bank-DomainEventsStream",
        "StreamARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/bank-DomainEventsStream",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "EncryptionType": "NONE",
        "RetentionPeriodHours": 168,
        "StreamCreationTimestamp": datetime(2026, 8, 1, tzinfo=UTC),
        "EnhancedMonitoring": [],
        "OpenShardCount": 1,
    }
}

VERSIONED = {"Lake", "ProjectorFailures"}
BUCKETS = {"BucketAccessLogs", "ConsumerFailures", "Lake", "LakeQueryResults", "LedgerExports", "ProjectorFailures"}
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
        (("_iam_get_role", "NoSuchEntity"), "resource-deleted", {*ROLES, "LakeAnalystRole"}),
        (("_apigatewayv2_get_integration", {"IntegrationUri": "arn:other"}), "api-route-differs", INTEGRATION),
        (("_apigatewayv2_get_integration", "NotFoundException"), "resource-deleted", INTEGRATION),
        (("_apigatewayv2_get_stage", {"StageName": "$default"}), "api-stage-differs", {"HttpApiStage"}),
        (("_apigatewayv2_get_stage", "NotFoundException"), "resource-deleted", {"HttpApiStage"}),
        (
            ("_athena_get_work_group", {"WorkGroup": {"Name": "x", "State": "DISABLED"}}),
            "lake-workgroup-differs",
            GROUP,
        ),
        (("_logs_describe_metric_filters", {"metricFilters": []}), "metric-filter-differs", {"HttpApiTooManyRequests"}),
        (("_glue_get_table", {"Table": {"Name": "x"}}), "lake-table-differs", LAKE_TABLES),
        (("_glue_get_table", "EntityNotFoundException"), "resource-deleted", LAKE_TABLES),
        (("_kinesis_describe_stream_summary", STREAM), "event-stream-settings-differ", {"DomainEventsStream"}),
        (("_backup_list_recovery_points_by_backup_vault", {"RecoveryPoints": []}), "backup-missing", VAULT),
        (("_backup_describe_backup_vault", "ResourceNotFoundException"), "resource-deleted", {"BackupVault"}),
        (("_scheduler_get_schedule", SCHEDULE), "schedule-differs", SCHEDULES),
        (("_stepfunctions_describe_state_machine", MACHINE), "state-machine-differs", {"ReconcileStateMachine"}),
        (
            ("_stepfunctions_describe_state_machine", "StateMachineDoesNotExist"),
            "resource-deleted",
            {"ReconcileStateMachine"},
        ),
        (("_glue_get_job", {"Job": {"Name": "x", "MaxRetries": 3}}), "reconcile-job-differs", {"ReconcileJob"}),
        (("_glue_get_job", "EntityNotFoundException"), "resource-deleted", {"ReconcileJob"}),
        (("_s3_head_object", "404"), "job-code-missing", LAKE),
        (("_s3_head_object", {"Metadata": {}}), "job-code-differs", LAKE),
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


def answered(stack: AwsStack, patch: pytest.MonkeyPatch, operation: str, change: Callable[[Any], object]) -> None:
    """Change the answers to an operation."""
    answer = getattr(stack, operation)

    def changed(**asked: object) -> Any:  # noqa: ANN401 -- any answer
        found = deepcopy(answer(**asked))
        change(found)
        return found

    patch.setattr(stack, operation, changed)


def destination_with(answer: Any, setting: str, value: object) -> None:  # noqa: ANN401 -- an answer
    """Change a setting of the delivery stream's destination."""
    [destination] = answer["DeliveryStreamDescription"]["Destinations"]
    destination["ExtendedS3DestinationDescription"][setting] = value


@pytest.mark.parametrize(
    ("operation", "change", "kind", "option"),
    [
        (
            "_lambda_get_event_source_mapping",
            lambda found: found.update(FunctionArn="arn:aws:lambda:eu-central-1:123456789012:function:other"),
            "mapping-settings-differ",
            "--function-name bank-",
        ),
        (
            "_lambda_get_event_source_mapping",
            lambda found: found.pop("MetricsConfig"),
            "mapping-settings-differ",
            "--metrics-config",
        ),
        (
            "_lambda_get_function",
            lambda found: found["Configuration"].update(Role="arn:aws:iam::123456789012:role/other"),
            "function-settings-differ",
            "--role arn:aws:iam::123456789012:role/bank-",
        ),
        (
            "_lambda_get_function",
            lambda found: found["Configuration"].update(Runtime="python3.9"),
            "function-settings-differ",
            "--runtime python3.13",
        ),
        *(
            (
                "_firehose_describe_delivery_stream",
                partial(destination_with, setting=setting, value=value),
                "lake-delivery-differs",
                "--extended-s3-destination-update",
            )
            for setting, value in (
                ("Prefix", "elsewhere/"),
                ("BufferingHints", {"SizeInMBs": 64, "IntervalInSeconds": 900}),
                ("ProcessingConfiguration", {"Enabled": False}),
                ("DataFormatConversionConfiguration", {"Enabled": False}),
            )
        ),
        (
            "_cloudwatch_describe_alarms",
            lambda found: [each.update(AlarmActions=[]) for page in found.values() for each in page],
            "alarms-not-sent",
            "--cli-input-json",
        ),
        (
            "_cloudwatch_describe_alarms",
            lambda found: [each.update(EvaluationPeriods=99) for each in found["MetricAlarms"]],
            "alarm-settings-differ",
            "--cli-input-json",
        ),
    ],
)
def test_a_changed_setting_is_found_and_its_repair_sets_it_again(  # noqa: PLR0917 -- of the parametrization
    healthy: AwsStack,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    change: Callable[[Any], object],
    kind: str,
    option: str,
) -> None:
    answered(healthy, monkeypatch, operation, change)
    findings = found(doctor(healthy))
    assert {each["kind"] for each in findings} == {kind}
    for each in findings:
        assert option in each["repair"]
        run_aws(each["repair"], healthy.client)


def test_an_alarm_may_also_notify_others(healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(answer: Any) -> None:  # noqa: ANN401 -- an answer
        for each in (*answer["MetricAlarms"], *answer["CompositeAlarms"]):
            each["AlarmActions"] = ["arn:aws:sns:eu-central-1:123456789012:other", *each.get("AlarmActions", ())]

    answered(healthy, monkeypatch, "_cloudwatch_describe_alarms", another)
    assert found(doctor(healthy)) == []


def test_a_mapping_without_metrics_is_not_called_stopped(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(healthy, monkeypatch, "_lambda_get_event_source_mapping", lambda answer: answer.pop("MetricsConfig"))
    monkeypatch.setattr(healthy, "polls", False)
    assert {each["kind"] for each in found(doctor(healthy))} == {"mapping-settings-differ"}


def test_every_page_of_simulated_permissions_is_read(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second page denies."""

    def paged(ActionNames: list[str], Marker: str = "", **_: object) -> Any:  # noqa: ANN401, N803 -- as in the API
        denied = {"EvalActionName": ActionNames[-1], "EvalDecision": "implicitDeny"}
        return {"EvaluationResults": [denied] if Marker else [], "IsTruncated": not Marker, "Marker": "2"}

    monkeypatch.setattr(healthy, "_iam_simulate_principal_policy", paged)
    assert {each["kind"] for each in found(doctor(healthy))} == {"permission-missing"}


def test_a_deployment_of_the_same_template_does_not_repair_a_deletion(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(healthy.errors, "sqs:GetQueueAttributes", "QueueDoesNotExist")
    finding, another = found(doctor(healthy))
    assert {each["where"] for each in (finding, another)} == {"LakeTotalsNotInvoked", "ReconcileNotStarted"}
    assert finding["kind"] == another["kind"] == "resource-deleted"
    assert finding["repair"].startswith("aws cloudformation create-change-set --stack-name bank ")
    assert "--deployment-mode REVERT_DRIFT" in finding["repair"]
    assert fault_in(finding["repair"]) is None
    for each in healthy.parameters:
        assert f"ParameterKey={each},UsePreviousValue=true" in finding["repair"]


@pytest.mark.parametrize(
    ("deployed", "nightly", "kinds"),
    [
        ("ENABLED", "on", []),
        ("DISABLED", "on", ["reconcile-schedule-disabled"]),
        ("DISABLED", "off", []),
        ("ENABLED", "off", ["schedule-differs"]),
    ],
)
def test_the_nightly_schedule_is_compared_with_its_parameter(
    tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, *, deployed: str, nightly: str, kinds: list[str]
) -> None:
    stack = AwsStack(tmp_path, parameters={"ReconcileNightly": nightly})
    answer = stack._scheduler_get_schedule  # noqa: SLF001 -- the answers are private
    monkeypatch.setattr(
        stack,
        "_scheduler_get_schedule",
        lambda **asked: answer(**asked) | ({"State": deployed} if "Reconcile" in asked["Name"] else {}),
    )
    findings = found(doctor(stack))
    assert [each["kind"] for each in findings] == kinds
    for each in findings:
        assert f"--state {'DISABLED' if nightly == 'off' else 'ENABLED'}" in each["repair"]
        run_aws(each["repair"], stack.client)


def test_nights_that_did_not_begin_are_counted(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(QueueUrl: str, AttributeNames: list[str]) -> Any:  # noqa: ANN401, N803 -- as in the API
        return {"Attributes": dict.fromkeys(AttributeNames, "2" if "Reconcile" in QueueUrl else "0")}

    monkeypatch.setattr(healthy, "_sqs_get_queue_attributes", count)
    [finding] = found(doctor(healthy))
    assert (finding["kind"], finding["runbook"]) == ("reconciliation-not-started", "reconcilenotdelivered")
    assert finding["what"] == "2 nightly reconciliations could not be started."
    assert finding["repair"].startswith("account-events reconcile --engine aws --stack bank && aws sqs purge-queue ")


def test_a_definition_that_differs_in_numbers_as_text_is_the_same(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation may store a number of the template as text."""

    def changed(answer: Any) -> None:  # noqa: ANN401 -- an answer
        answer["definition"] = answer["definition"].replace('"Seconds": 60', '"Seconds": "60"')

    answered(healthy, monkeypatch, "_stepfunctions_describe_state_machine", changed)
    assert found(doctor(healthy)) == []
