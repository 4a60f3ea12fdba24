"""Scenarios of the alarms on the nightly reconciliation, whose state machine runs on an emulator of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.deployment.stack import Deployment, Outputs
from ops.lake.reconcile.result import ReconciliationResult, to_json
from tests.e2e.runbook.causes import UNDO, undo
from tests.e2e.runbook.lake_entries import AGREE
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.scenarios import scenario
from tests.support.states_emulator import JOB, LAKE, STACK, StatesEmulator

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RESULT = to_json(ReconciliationResult(NOW, NOW, 9, 3))
DENIED = {"operation": "dynamodb:ExportTableToPointInTime", "error": "AccessDeniedException", "times": 9}


class OnAws(Deployment):
    """A stack on AWS whose services are those of an emulator."""

    emulator: StatesEmulator

    def client(self, service: str, read_timeout_s: float = 0.0) -> Any:  # noqa: ANN401, ARG002 -- a client
        return self.emulator.client(service)


@contextmanager
def on_aws(op: Operator, emulator: StatesEmulator, state_machine: str) -> Iterator[None]:
    """Let commands work on the stack with this state machine."""
    deployment = OnAws(
        Outputs(
            {
                "LakeBucketName": LAKE,
                "ReconcileJobName": JOB,
                "ReconcileStateMachineArn": state_machine,
                "StackName": STACK,
            }
        )
    )
    states = emulator.client("stepfunctions")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OnAws, "emulator", emulator, raising=False)
        patched.setattr(Deployment, "connect", lambda _stack: deployment)
        patched.setattr("ops.lake.reconcile.state_machine.POLL_S", 0.05)
        op.stubs |= {
            ("stepfunctions", "list-executions"): lambda _: states.list_executions(stateMachineArn=state_machine),
            ("stepfunctions", "describe-execution"): lambda asked: states.describe_execution(**asked),
        }
        yield


@scenario("ReconcileFails", injected="The emulator's Step Functions emit no metrics.")
def reconcile_fails(op: Operator) -> None:
    """The state machine's role may not export the table."""
    with StatesEmulator() as emulator:
        machine = emulator.create()
        emulator.inject([DENIED], RESULT)
        failed = emulator.execute(machine)["executionArn"]
        op.metric(1, name="failed")
        op.assert_alarm()
        op.client("logs").create_log_group(logGroupName=op.id_of("ReconcileJobErrors"))
        op.log("ReconcileJobErrors", {"level": "ERROR", "message": "Spark failed"})
        with on_aws(op, emulator, machine):
            assert failed in op.look("list-executions")
            seen = op.look("describe-execution", ARN=failed)
            assert "ExportNotStarted" in seen
            assert "AccessDeniedException" in seen
            assert "Spark failed" in op.look("errors_in")
            emulator.inject([], RESULT)  # somebody has restored the permission
            seen = op.repair()
        assert "reconcile.zip: uploaded" in seen
        assert AGREE in seen
    op.mark()
    op.metric(0, name="failed")
    op.assert_ok()


@scenario(
    "ReconcileNotDelivered",
    UNDO,
    injected="The schedule is on AWS only: the message is put into a queue by hand.",
)
def reconcile_not_delivered(op: Operator) -> None:
    sqs = op.world.client("sqs")
    queue = sqs.create_queue(QueueName=op.id_of("ReconcileNotStarted"))["QueueUrl"]
    waiting = "ApproximateNumberOfMessages"

    def messages() -> int:
        return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[waiting])["Attributes"][waiting])

    def requested(operation: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        """The made-up id of the queue is its name, not its URL."""

        def respond(asked: Mapping[str, Any]) -> Mapping[str, Any]:
            found: dict[str, Any] = getattr(sqs, operation)(**{**asked, "QueueUrl": queue})
            return {key: each for key, each in found.items() if key != "ResponseMetadata"}

        return respond

    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    op.stubs |= {
        ("sqs", "receive-message"): requested("receive_message"),
        ("sqs", "purge-queue"): requested("purge_queue"),
    }
    op.metric(messages())
    op.assert_alarm()
    assert '"Body": "{}"' in op.look()
    undo(op, lambda: None, "ReconcileSchedule")
    with StatesEmulator() as emulator:
        emulator.inject([], RESULT)
        with on_aws(op, emulator, emulator.create()):
            assert AGREE in op.repair()
    op.mark()
    op.metric(messages())
    op.assert_ok()
    sqs.delete_queue(QueueUrl=queue)
