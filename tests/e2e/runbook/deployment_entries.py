"""Scenarios that deploy the stack or replace its streams. They have a local stack of their own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import account_events
from local_stack.deploy import ARTIFACTS_BUCKET, TEMPLATE
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.event_source_mapping.stack_mappings import stack_mappings
from local_stack.local_deployment import STACK_NAME
from tests.e2e.runbook.api_entries import request
from tests.e2e.runbook.causes import UNDO, shorten_attempts, undo
from tests.e2e.runbook.finding_entries import is_reported
from tests.e2e.runbook.lake_entries import AGREE
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.projector_entries import PUBLISH_AGAIN
from tests.e2e.runbook.scenarios import scenario

PREVIOUS = "Deploy the previous release"
OLD = "0.1.0"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
TOPIC = f"arn:aws:sns:eu-central-1:000000000000:{STACK_NAME}-alarms"


def update(op: Operator, change: Callable[[dict[str, Any]], object]) -> None:
    """Update the stack with a changed template; return when CloudFormation has ended, or has rolled it back."""
    s3, stacks = op.client("s3"), op.world.client("cloudformation")
    template = json.loads(s3.get_object(Bucket=ARTIFACTS_BUCKET, Key=TEMPLATE.name)["Body"].read())
    change(template)
    s3.put_object(Bucket=ARTIFACTS_BUCKET, Key="changed", Body=json.dumps(template).encode())
    [stack] = stacks.describe_stacks(StackName=STACK_NAME)["Stacks"]
    stacks.update_stack(
        StackName=STACK_NAME,
        TemplateURL=f"{op.world.deployment.address.endpoint_url}/{ARTIFACTS_BUCKET}/changed",
        Parameters=stack["Parameters"],
        Capabilities=CAPABILITIES,
    )

    def has_ended() -> bool:
        [stack] = stacks.describe_stacks(StackName=STACK_NAME)["Stacks"]
        op.world.outputs.update({each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())})
        return not stack["StackStatus"].endswith("IN_PROGRESS")

    op.await_(has_ended, "the end of the update")


def is_old_release(template: dict[str, Any]) -> None:
    template["Outputs"]["Release"]["Value"] = OLD


def is_impossible(template: dict[str, Any]) -> None:
    """The emulator does not create alarms with metric math."""
    template["Resources"]["Impossible"] = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "Metrics": [{"Id": "one", "Expression": "1"}],
        },
    }


def refresh_outputs(op: Operator) -> None:
    """Read the outputs again, as the next `make up` would."""
    [stack] = op.world.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    op.world.outputs.update({each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]})


@scenario("release-differs", PREVIOUS)
def release_differs(op: Operator) -> None:
    """The stack is of an older release than this folder."""
    update(op, is_old_release)
    assert is_reported(op, "release-differs")
    seen = op.look()
    assert OLD in seen
    assert account_events.__version__ in seen
    with pytest.MonkeyPatch.context() as folder:
        op.programs.checkout = lambda tag: folder.setattr(account_events, "__version__", tag.removeprefix("v"))
        assert "release-differs" not in op.repair("git checkout")
    assert "Successfully" in op.repair("sam deploy")
    refresh_outputs(op)
    assert op.look().count(account_events.__version__) == 2
    assert not is_reported(op, "release-differs")
    op.programs.checkout = lambda _: None
    op.procedure(PREVIOUS, "git", PREVIOUS_RELEASE=f"v{account_events.__version__}")


@scenario("stack-not-deployed")
def stack_not_deployed(op: Operator) -> None:
    """An update of an older release fails, and CloudFormation undoes it."""
    update(op, is_old_release)
    update(op, is_impossible)
    assert is_reported(op, "stack-not-deployed")
    seen = op.look()
    assert "UPDATE_ROLLBACK_COMPLETE" in seen
    assert "Impossible" in seen
    op.stubs |= {
        ("cloudformation", "continue-update-rollback"): lambda _: {},
        ("cloudformation", "delete-stack"): lambda _: {},
        ("cloudformation", "describe-stacks"): rolled_back,
    }
    op.repair("continue-update-rollback")
    op.repair("delete-stack")
    del op.stubs["cloudformation", "describe-stacks"]
    op.repair("sam deploy")
    refresh_outputs(op)
    assert not is_reported(op, "stack-not-deployed")


def rolled_back(_parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    stack = {"StackName": STACK_NAME, "CreationTime": datetime.now(UTC), "StackStatus": "UPDATE_ROLLBACK_COMPLETE"}
    return {"Stacks": [stack]}


@scenario("alarms-not-sent", injected="Doctor reads alarms and topics on AWS only: the alarm is created by hand.")
def alarms_not_sent(op: Operator) -> None:
    sns, sqs, alarms = op.client("sns"), op.client("sqs"), op.client("cloudwatch")
    topic = sns.create_topic(Name="probe")["TopicArn"].replace("probe", f"{STACK_NAME}-alarms")
    name = op.view.physical_ids["ProjectorIsBehind"]
    names = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods", "Threshold")
    properties = op.view.properties("ProjectorIsBehind")
    kept = {key: properties[key] for key in (*names, "ComparisonOperator", "TreatMissingData")}
    alarms.put_metric_alarm(AlarmName=name, AlarmActions=[topic], **kept)
    may_send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    queue = sqs.create_queue(QueueName="person-on-call", Attributes={"Policy": policy})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.create_topic(Name=f"{STACK_NAME}-alarms")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    seen = op.look(TOPIC_ARN=topic)
    assert arn in seen
    op.repair(TOPIC_ARN=topic, ADDRESS="on-call@example.com")
    assert topic in op.look(TOPIC_ARN=topic)
    assert "on-call@example.com" in op.look(TOPIC_ARN=topic)
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert "Testing the alarm topic" in message["Body"]
    alarms.delete_alarms(AlarmNames=[name])
    assert not is_reported(op, "alarms-not-sent")


def mapping_of_new_stream(op: Operator, stream_arn: str) -> MappingRunner:
    """The fake of the projector's mapping after it was created again, with another stream."""
    client = op.world.deployment.address.client
    clients = MappingClients(
        streams=client("dynamodbstreams"),
        kinesis=client("kinesis"),
        functions=client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
        s3=client("s3"),
        sqs=client("sqs"),
    )
    config = stack_mappings(client("cloudformation"), clients, STACK_NAME)["ProjectorMapping"]
    return MappingRunner(replace(config, stream_arn=stream_arn), clients)


@scenario("event-stream-missing", UNDO)
def event_stream_missing(op: Operator) -> None:
    """The stream is deleted, and events are written meanwhile."""
    deployment, name = op.world.deployment, op.output("EventStreamName")
    restored = shorten_attempts(op)
    began = datetime.now(UTC) - timedelta(hours=1)
    op.client("kinesis").delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    request(op)
    assert "event-stream-missing: " in op.over("doctor")
    seen = op.look()
    assert "ResourceNotFoundException" in seen
    assert "None" not in seen.replace("ResourceNotFoundException", "")
    op.repair("--no-enabled")
    op.repair("create-stream")
    # An on-demand stream has one shard on the emulator, four on AWS. template.yaml has two for the local stack.
    op.client("kinesis").update_shard_count(StreamName=name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    op.repair("delete-event-source-mapping")

    def create() -> None:
        deployment.mappings["AccountsByOwnerMapping"].begin_again()
        deployment.mappings["AccountsByOwnerMapping"].start()
        assert deployment.firehose.stop()
        deployment.firehose = deployment.delivery()
        deployment.firehose.start()

    undo(op, create, "AccountsByOwnerMapping")
    until = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    op.repair("--enabled", READ=began.isoformat(), TIME=until)
    op.world.settle()
    assert AGREE in op.repair("owners rebuild")
    request(op)
    op.world.settle()
    restored()
    assert "0 findings" in op.over("doctor")


@scenario("table-stream-off", UNDO, PUBLISH_AGAIN)
def table_stream_off(op: Operator) -> None:
    """The stream is disabled, and an event is written that is on no stream."""
    deployment, tables, name = op.world.deployment, op.client("dynamodb"), op.output("TableName")
    tables.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    request(op)
    assert is_reported(op, "table-stream-off")
    seen = op.look()
    assert '"NEW_IMAGE"' not in seen
    assert op.output("TableStreamArn") in seen
    op.repair()
    new = tables.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    assert new != op.output("TableStreamArn")
    assert deployment.mapping.stop()

    def create() -> None:
        deployment.mapping = mapping_of_new_stream(op, new)
        deployment.mappings = {**deployment.mappings, "ProjectorMapping": deployment.mapping}
        deployment.mapping.start()

    undo(op, create, "ProjectorMapping")
    try:
        op.world.settle()
        assert op.world.second in op.procedure(PUBLISH_AGAIN, ACCOUNT=op.world.second)
        op.world.settle()
        op.mark()
        op.metric(deployment.mapping.status().cycles, alarm="ProjectorStopped")
        op.assert_ok("ProjectorStopped")
        assert not is_reported(op, "table-stream-off")
        assert AGREE in op.over("reconcile")
    finally:
        deployment.mapping.stop()
