"""What `doctor` finds on AWS only, with clients that answer as AWS documents it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

import account_events
from account_events.avro.codec import CONTRACT
from local_stack.deploy import read_template
from ops.deployment.stack import Deployment, Outputs
from ops.doctor.checks import alerting, deployed, lake, mappings, schedules, tables
from ops.doctor.stack_view import StackView

NOW = datetime(2026, 8, 1, tzinfo=UTC)
STACK_ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/bank/0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11"


COMPARED = {
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Kinesis::Stream",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::Scheduler::Schedule",
    "AWS::Serverless::Function",
}


class Answers:
    """A client: each method returns a fixed answer; `None` stands for a resource that does not exist.

    A paginator returns the answer of its method as its only page.
    """

    def __init__(self, **answers: Any) -> None:  # noqa: ANN401 -- any answer
        self._answers = answers
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- a method
        def method(**request: Any) -> Any:  # noqa: ANN401 -- any answer
            self.requests.append((name, request))
            if (answer := self._answers[name]) is None:
                raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, name)
            return answer

        return method

    def get_paginator(self, name: str) -> Any:  # noqa: ANN401 -- as botocore's
        return SimpleNamespace(paginate=lambda **request: [getattr(self, name)(**request)])


def view(
    clients: Mapping[str, Any], *, status: str = "UPDATE_COMPLETE", release: str = "", **parameters: str
) -> StackView:
    template = read_template()
    outputs = {
        "Release": release or account_events.__version__,
        "TableStreamArn": "arn",
        "LakeDeliveryName": "lake",
        "SchemaVersions": json.dumps(dict.fromkeys(schema.fingerprint.hex() for schema in CONTRACT.known.values())),
    }
    return StackView(
        Deployment(Outputs(outputs)),
        STACK_ID,
        status,
        parameters,
        {name: f"bank-{name}" for name in template["Resources"]},
        template,
        NOW,
        60.0,
        lambda _below: 0,
        lambda _seconds: None,
        NOW - timedelta(days=2),
        NOW - timedelta(days=1),
        {"dynamodb": Answers(describe_table={"Table": {"LatestStreamArn": "arn:stream"}}), **clients},
        None,  # type: ignore[arg-type]  # these checks do not use the lake
    )


def kinds(check: Any, found: StackView) -> list[str]:  # noqa: ANN401 -- a check
    return [finding.kind for finding in check.check(found)]


def mapping(name: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- any setting
    """The deployed mapping as GetEventSourceMapping describes it."""
    properties = view({}).properties(name)
    arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{properties['FunctionName']}"
    return {"State": "Enabled", "FunctionArn": arn, **properties, **changes}


def test_every_value_that_the_checks_compare_can_be_computed() -> None:
    found = view({})
    for name, resource in found.template["Resources"].items():
        if resource["Type"] in COMPARED:
            assert "Fn::" not in json.dumps(found.properties(name)), name


def test_a_disabled_mapping_is_named_with_the_command_that_enables_it() -> None:
    class Functions(Answers):
        def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803 -- as in the API
            name = UUID.removeprefix("bank-")
            return mapping(name, State="Disabled" if name == "ProjectorMapping" else "Enabled")

    metrics = Answers(get_metric_statistics={"Datapoints": [{"SampleCount": 1.0}]})
    [finding] = mappings.check(view({"lambda": Functions(), "cloudwatch": metrics}))
    assert (finding.kind, finding.where, finding.runbook) == (
        *("mapping-disabled", "ProjectorMapping", "projectorstopped"),
    )
    assert finding.repair == "aws lambda update-event-source-mapping --uuid bank-ProjectorMapping --enabled"


def test_a_mapping_without_polls_is_not_polling() -> None:
    class Functions(Answers):
        def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803 -- as in the API
            return mapping(UUID.removeprefix("bank-"))

    silent = Answers(get_metric_statistics={"Datapoints": []})
    assert kinds(mappings, view({"lambda": Functions(), "cloudwatch": silent})) == ["mapping-not-polling"] * 2


def alarms_with(*changed: dict[str, Any]) -> Answers:
    """CloudWatch with all alarms of the stack in OK, except the changed ones."""
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    stack = view({}, AlarmTopicArn="arn:topic")
    names = [name for name, each in stack.template["Resources"].items() if each["Type"] in kinds]
    known = {
        f"bank-{each}": stack.properties(each) | {"AlarmName": f"bank-{each}", "StateValue": "OK"} for each in names
    }
    for each in changed:
        known[each["AlarmName"]] |= each
    return Answers(describe_alarms={"MetricAlarms": list(known.values()), "CompositeAlarms": []})


QUIET = alarms_with()


def test_an_alarm_in_alarm_names_its_runbook_entry() -> None:
    alarm = {
        "AlarmName": "bank-ProjectorIsBehind",
        "AlarmDescription": "Events are late. Runbook: docs/runbook.md#projectorisbehind",
        "StateReason": "Threshold crossed",
        "StateValue": "ALARM",
    }
    firing = alarms_with(alarm)
    topic = Answers(get_topic_attributes={"Attributes": {"SubscriptionsConfirmed": "1"}})
    [finding] = alerting.check(view({"cloudwatch": firing, "sns": topic}, AlarmTopicArn="arn:topic"))
    assert (finding.kind, finding.where, finding.runbook) == ("alarm-firing", "ProjectorIsBehind", "projectorisbehind")
    assert (finding.why, "Threshold crossed" in finding.what) == ("Events are late.", True)
    [(_, request)] = firing.requests
    assert not {"bank-EventsArrive", "bank-LakeReadsNothing"} & set(request["AlarmNames"]), "inputs are no faults"


@pytest.mark.parametrize(("topic", "subscriptions"), [("", "1"), ("arn:topic", "0")])
def test_alarms_that_nobody_receives_are_a_finding(topic: str, subscriptions: str) -> None:
    sns = Answers(get_topic_attributes={"Attributes": {"SubscriptionsConfirmed": subscriptions}})
    found = view({"cloudwatch": QUIET, "sns": sns}, AlarmTopicArn=topic)
    assert kinds(alerting, found) == ["alarms-not-sent"]


def test_an_alarm_whose_actions_are_disabled_is_a_finding() -> None:
    sns = Answers(get_topic_attributes={"Attributes": {"SubscriptionsConfirmed": "1"}})
    disabled = alarms_with({"AlarmName": "bank-ApiFails", "StateValue": "OK", "ActionsEnabled": False})
    [finding] = alerting.check(view({"cloudwatch": disabled, "sns": sns}, AlarmTopicArn="arn:topic"))
    assert (finding.kind, finding.where) == ("alarms-not-sent", "ApiFails")
    assert finding.repair == "aws cloudwatch enable-alarm-actions --alarm-names bank-ApiFails"


def test_a_deleted_alarm_is_a_finding() -> None:
    sns = Answers(get_topic_attributes={"Attributes": {"SubscriptionsConfirmed": "1"}})
    none = Answers(describe_alarms={"MetricAlarms": [], "CompositeAlarms": []})
    found = kinds(alerting, view({"cloudwatch": none, "sns": sns}, AlarmTopicArn="arn:topic"))
    assert set(found) == {"resource-deleted"}
    assert len(found) > 40


def test_a_mapping_that_reads_another_stream_is_a_finding() -> None:
    class Functions(Answers):
        def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803 -- as in the API
            name = UUID.removeprefix("bank-")
            changed = {"EventSourceArn": "arn:old"} if name == "ProjectorMapping" else {}
            return mapping(name, **changed)

    metrics = Answers(get_metric_statistics={"Datapoints": [{"SampleCount": 1.0}]})
    assert kinds(mappings, view({"lambda": Functions(), "cloudwatch": metrics})) == ["mapping-source-differs"]


def test_a_registry_without_a_schema_of_this_release_is_a_finding() -> None:
    outputs = Outputs({"Release": account_events.__version__, "SchemaVersions": "{}"})
    [finding] = deployed.check(replace(view({}), deployment=Deployment(outputs)))
    assert finding.kind == "schemas-missing"


def test_commands_that_deploy_name_the_stack() -> None:
    [finding] = deployed.check(view({}, status="ROLLBACK_COMPLETE"))
    assert finding.repair == "sam build && sam deploy --stack-name bank"


class Schedules(Answers):
    """EventBridge Scheduler with the schedules of the template."""

    def get_schedule(self, Name: str, GroupName: str) -> dict[str, Any]:  # noqa: N803, ARG002 -- as in the API
        return view({}).properties(Name.removeprefix("bank-"))


TARGETS = view({}).properties("AccountsByOwnerLook")["Targets"]


@pytest.mark.parametrize(
    ("rule", "targets", "expected"),
    [
        ({"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"}, TARGETS, []),
        ({"State": "DISABLED", "ScheduleExpression": "rate(5 minutes)"}, TARGETS, ["schedule-disabled"]),
        ({"State": "ENABLED", "ScheduleExpression": "rate(1 day)"}, TARGETS, ["schedule-differs"]),
        ({"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"}, [], ["schedule-differs"]),
        (
            {"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"},
            [TARGETS[0] | {"Arn": "arn:old"}],
            ["schedule-differs"],
        ),
        (None, TARGETS, ["resource-deleted"]),
    ],
)
def test_a_rule_that_differs_from_the_template_is_a_finding(
    rule: dict[str, Any] | None, targets: list[dict[str, Any]], expected: list[str]
) -> None:
    events = Answers(describe_rule=rule, list_targets_by_rule={"Targets": targets})
    assert kinds(schedules, view({"events": events, "scheduler": Schedules()})) == expected


def test_a_failed_deployment_is_a_finding() -> None:
    assert kinds(deployed, view({}, status="UPDATE_ROLLBACK_COMPLETE")) == ["stack-not-deployed"]
    assert kinds(deployed, view({})) == []


def test_a_stack_of_another_release_is_a_finding() -> None:
    assert kinds(deployed, view({}, release="0.1.0")) == ["release-differs"]


def test_a_resource_that_the_stack_lacks_is_a_finding() -> None:
    found = view({})
    lacking = {name: each for name, each in found.physical_ids.items() if name != "LakeStopped"}
    [finding] = deployed.check(replace(found, physical_ids=lacking))
    assert finding.kind == "resources-missing"
    assert "LakeStopped" in finding.what


TABLE = {
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    "DeletionProtectionEnabled": True,
}
SETTINGS = {
    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    "GlobalSecondaryIndexes": [{"IndexName": "ByOwner"}, {"IndexName": "ByWaiting"}],
}
RECOVERY = {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}
DESCRIBED = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "EncryptionType": "KMS", "RetentionPeriodHours": 168}
STREAM = Answers(describe_stream_summary={"StreamDescriptionSummary": DESCRIBED})


def with_tables(table: dict[str, Any] | None, recovery: dict[str, Any] = RECOVERY) -> StackView:
    dynamodb = Answers(
        describe_table=None if table is None else {"Table": SETTINGS | table},
        describe_continuous_backups={"ContinuousBackupsDescription": recovery},
    )
    return view({"dynamodb": dynamodb, "kinesis": STREAM})


def test_intact_tables_have_no_finding() -> None:
    assert kinds(tables, with_tables(TABLE)) == []


def test_a_table_that_does_not_exist_is_a_finding() -> None:
    assert set(kinds(tables, with_tables(None))) == {"table-missing"}


def test_a_table_without_stream_is_a_finding() -> None:
    assert kinds(tables, with_tables({"DeletionProtectionEnabled": True})) == ["table-stream-off"]
    other = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}
    assert kinds(tables, with_tables(TABLE | other)) == ["table-stream-off"]


def test_a_table_without_deletion_protection_is_a_finding() -> None:
    assert set(kinds(tables, with_tables(TABLE | {"DeletionProtectionEnabled": False}))) == {"protection-off"}


def test_a_missing_event_stream_is_a_finding() -> None:
    found = with_tables(TABLE)
    missing = {**found.clients, "kinesis": Answers(describe_stream_summary=None)}
    assert kinds(tables, replace(found, clients=missing)) == ["event-stream-missing"]


def test_a_delivery_stream_that_is_not_active_is_a_finding() -> None:
    firehose = Answers(
        describe_delivery_stream={"DeliveryStreamDescription": {"DeliveryStreamStatus": "CREATING_FAILED"}}
    )
    assert [each.kind for each in lake.delivery(view({"firehose": firehose}))] == ["lake-delivery-not-active"]
