"""Scenarios of the alarms on the delivery to the lake."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from account_events.lambda_mapping.retry import Backoff
from local_stack.firehose import runner
from tests.e2e.runbook.api_entries import request
from tests.e2e.runbook.causes import RESTORE, UNDO, lose_permission, restore_permission, undo
from tests.e2e.runbook.on_call import DELIVERY, Operator
from tests.e2e.runbook.scenarios import scenario

AGREE = "all agree"
TEN_MINUTES_MS = 600_000
LASTS_TEN_MINUTES = "Firehose would have to be ten minutes behind: they are added to the age."


def incoming_records(op: Operator) -> int:
    """How many records the projector has put on the event stream."""
    group, start = op.id_of("ProjectorFunctionLogs"), int(op.since_s * 1_000)
    found = op.client("logs").filter_log_events(logGroupName=group, startTime=start, filterPattern='"batch projected"')
    return sum(json.loads(each["message"])["kinesis_records"] for each in found["events"])


def assert_stopped_and_repaired(op: Operator, alarm: str, examine: Callable[[], object]) -> None:
    """Firehose's role loses its permission to read the stream, which stops the fake; `examine` follows the entry."""
    firehose = op.world.deployment.firehose
    lose_permission(op, "LakeDeliveryRole", "read-event-stream")
    assert firehose.stop()
    op.world.deployment.metrics.publish()
    op.mark()
    request(op)
    assert op.world.deployment.mapping.wait_until_idle(60)
    op.metric(incoming_records(op), alarm="EventsArrive")
    op.assert_alarm(alarm)
    examine()
    firehose.start()
    op.world.settle()
    op.mark()
    request(op)
    op.world.settle()
    op.await_ok(alarm)


def permit(op: Operator) -> None:
    op.client("iam").put_role_policy(
        RoleName=op.id_of("LakeDeliveryRole"),
        PolicyName="read-event-stream",
        PolicyDocument=json.dumps(op.view.properties("LakeDeliveryRole")["Policies"][0]["PolicyDocument"]),
    )


@scenario("EventsArrive")
def events_arrive(op: Operator) -> None:
    request(op)
    op.world.settle()
    op.metric(incoming_records(op))
    op.assert_alarm()
    assert "OK" in op.look()


@scenario("LakeReadsNothing")
def reads_nothing(op: Operator) -> None:
    def examine() -> None:
        assert "ALARM" in op.look()
        permit(op)

    assert_stopped_and_repaired(op, "LakeReadsNothing", examine)


@scenario("LakeStopped", RESTORE, UNDO)
def stopped(op: Operator) -> None:
    def examine() -> None:
        op.stubs["firehose", "describe-delivery-stream"] = lambda _: {
            "DeliveryStreamDescription": {
                "DeliveryStreamName": DELIVERY,
                "DeliveryStreamARN": f"arn:aws:firehose:eu-central-1:000000000000:deliverystream/{DELIVERY}",
                "DeliveryStreamStatus": "ACTIVE",
                "DeliveryStreamType": "KinesisStreamAsSource",
                "VersionId": "1",
                "Destinations": [],
                "HasMoreDestinations": False,
            }
        }
        op.log("LakeDeliveryLogs", {"errorCode": "Kinesis.AccessDenied", "errorMessage": "Access was denied."})
        seen = op.look()
        assert "ACTIVE" in seen
        assert "Kinesis.AccessDenied" in seen
        assert '"write-lake"' in seen
        assert '"read-event-stream"' not in seen
        op.repair("increase-stream-retention-period")
        restore_permission(op, "LakeDeliveryRole", "read-event-stream")
        undo(op, lambda: None, "LakeDelivery")

    assert_stopped_and_repaired(op, "LakeStopped", examine)
    assert AGREE in op.repair("lake backfill")
    op.client("kinesis").decrease_stream_retention_period(
        StreamName=op.output("EventStreamName"), RetentionPeriodHours=168
    )


@scenario("LakeReadsLate", injected=LASTS_TEN_MINUTES)
def reads_late(op: Operator) -> None:
    assert op.world.deployment.firehose.stop()
    request(op)
    op.metric(TEN_MINUTES_MS + 1)
    op.assert_alarm()
    seen = op.look()
    assert "600001" in seen
    assert "LakeReadsLate" in seen
    op.repair()
    op.client("kinesis").decrease_stream_retention_period(
        StreamName=op.output("EventStreamName"), RetentionPeriodHours=168
    )
    op.world.deployment.firehose.start()
    op.world.settle()
    op.mark()
    op.metric(0)
    op.assert_ok()


@scenario("LakeReadsThrottled", injected="The emulator throttles no reads.")
def reads_throttled(op: Operator) -> None:
    op.metric(3)
    op.assert_alarm()
    assert op.output("OwnedFunctionName") in op.look()
    op.repair(CONSUMER="reports")
    seen = op.look("list-stream-consumers")
    assert '"ConsumerName": "reports"' in seen
    op.client("kinesis").deregister_stream_consumer(StreamARN=op.output("EventStreamArn"), ConsumerName="reports")
    op.mark()
    op.assert_ok()
    op.assert_ok("LakeReadsLate")


@contextmanager
def refusing_bucket(op: Operator) -> Iterator[list[str]]:
    """Make the fake's writes fail as if its role might not write to the bucket. Yields the refused keys."""
    refused: list[str] = []

    def refuse(params: dict[str, str], **_: object) -> None:
        refused.append(params["url_path"])
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    events = op.world.deployment.firehose._clients.s3.meta.events  # noqa: SLF001 -- no other way into its client
    events.register("before-call.s3.PutObject", refuse)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runner, "ERROR_BACKOFF", Backoff(initial_s=0.1, factor=1.0, limit_s=0.1))
        try:
            yield refused
        finally:
            events.unregister("before-call.s3.PutObject", refuse)


def assert_writes_fail(op: Operator, alarm: str, *values: float, examine: Callable[[], object]) -> None:
    with refusing_bucket(op) as refused:
        request(op)
        assert op.world.deployment.mapping.wait_until_idle(60)
        op.world.deployment.firehose.wait_until_idle(0.1)
        op.await_(lambda: refused, "a refused write")
        error = op.world.deployment.firehose.status().last_error
        op.log("LakeDeliveryLogs", {"errorCode": "S3.AccessDenied", "errorMessage": error})
        op.metric(*values, alarm=alarm)
        op.assert_alarm(alarm)
        examine()
    op.world.settle()
    op.mark()


@scenario("LakeIsBehind", injected="Events would have to wait for 14 minutes: they are added to the age.")
def is_behind(op: Operator) -> None:
    def examine() -> None:
        seen = op.look()
        assert "S3.AccessDenied" in seen
        assert "LakeIsBehind" in seen
        assert "1 missing" in op.repair("reconcile")

    assert_writes_fail(op, "LakeIsBehind", 1.5 * 300 + 361, examine=examine)
    op.metric(1)
    op.assert_ok()
    op.repair()
    assert AGREE in op.repair("reconcile")


@scenario("LakeWritesFail", RESTORE, UNDO)
def writes_fail(op: Operator) -> None:
    def examine() -> None:
        lose_permission(op, "LakeDeliveryRole", "write-lake")
        seen = op.look()
        assert "S3.AccessDenied" in seen
        assert "NoSuchEntity" in seen
        assert "aws:SecureTransport" in seen
        restore_permission(op, "LakeDeliveryRole", "write-lake")
        undo(op, lambda: None, "LakePolicy")
        assert '"s3:PutObject"' in op.look("get-role-policy")

    assert_writes_fail(op, "LakeWritesFail", 0.0, examine=examine)
    op.metric(1)
    op.assert_ok()
    op.repair()
    assert AGREE in op.repair("reconcile")
