"""`reconciled_on_aws` starts the state machine of template.yaml, or joins a running one, and returns its result."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest

from local_stack.address import Address
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.errors import CommandError
from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.result import ReconciliationResult, UnknownResult, to_json
from ops.lake.reconcile.state_machine import NotReconciled, Progress, reconciled_on_aws, stop_command
from tests.support.states_emulator import LAKE, STACK, StatesEmulator

NOW = datetime(2026, 11, 30, 1, tzinfo=UTC)
RESULT = ReconciliationResult(NOW, NOW - timedelta(minutes=2), 9, 3)
SLOW = [{"operation": "glue:GetJobRun", "answer": {"JobRun": {"JobRunState": "RUNNING"}}, "times": 100_000}]
FAILED = [{"operation": "glue:GetJobRun", "answer": {"JobRun": {"JobRunState": "FAILED", "ErrorMessage": "no space"}}}]


@pytest.fixture(scope="module")
def emulator() -> Iterator[StatesEmulator]:
    with StatesEmulator() as emulator:
        yield emulator


@pytest.fixture
def machine(emulator: StatesEmulator) -> str:
    return emulator.create()


@pytest.fixture
def lake(emulator: StatesEmulator, machine: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The lake of a stack on AWS, whose endpoint is the emulator's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    outputs = {"ReconcileStateMachineArn": machine, "LakeBucketName": LAKE, "StackName": STACK}
    return Lake.of(Deployment(Outputs(outputs)))


class Watcher:
    """Waits for an execution, keeps the progress that is reported."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def reconcile(self, lake: Lake, now: datetime = NOW) -> ReconciliationResult:
        return reconciled_on_aws(lake, now=now, wait=self.wait, progress=self.progress)

    def wait(self, seconds: float) -> None:
        assert seconds >= 5, "Step Functions limits the rate of DescribeExecution"


def executions(emulator: StatesEmulator, machine: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.client("stepfunctions").list_executions(stateMachineArn=machine)[
        "executions"
    ]
    return found


def interrupt(_seconds: float) -> NoReturn:
    raise KeyboardInterrupt


def test_it_returns_the_result_that_the_job_has_kept(emulator: StatesEmulator, machine: str, lake: Lake) -> None:
    emulator.inject([], to_json(RESULT))
    assert Watcher().reconcile(lake) == RESULT
    [execution] = executions(emulator, machine)
    assert (execution["name"], execution["status"]) == ("2026-11-30T01-00-00Z", "SUCCEEDED")


def test_it_shows_each_phase_and_when_it_began(emulator: StatesEmulator, lake: Lake) -> None:
    emulator.inject([{**SLOW[0], "times": 60}], to_json(RESULT))
    watcher = Watcher()
    before = datetime.now(UTC) - timedelta(seconds=1)
    watcher.reconcile(lake)
    comparing = [each for each in watcher.seen if each.phase.startswith("comparing")]
    assert comparing
    assert len({each.since for each in comparing}) == 1
    assert before < comparing[0].since < datetime.now(UTC)


def test_after_an_interruption_it_goes_on_and_can_be_joined(emulator: StatesEmulator, machine: str, lake: Lake) -> None:
    emulator.inject(SLOW, to_json(RESULT))
    first = Watcher()
    with pytest.raises(KeyboardInterrupt):
        reconciled_on_aws(lake, now=NOW, wait=interrupt, progress=first.progress)
    [execution] = executions(emulator, machine)
    assert execution["status"] == "RUNNING"
    second = Watcher()

    def let_the_job_end(progress: Progress) -> None:
        second.progress(progress)
        emulator.inject([], to_json(RESULT))

    assert reconciled_on_aws(lake, now=NOW + timedelta(hours=1), wait=second.wait, progress=let_the_job_end) == RESULT
    assert len(executions(emulator, machine)) == 1
    assert [each.joined for each in (*first.seen, *second.seen)] == [False] + [True] * len(second.seen)


def test_a_failure_is_reported_with_its_cause_and_what_to_do(emulator: StatesEmulator, lake: Lake) -> None:
    emulator.inject(FAILED)
    with pytest.raises(NotReconciled) as refused:
        Watcher().reconcile(lake)
    assert str(refused.value).startswith("The reconciliation 2026-11-30T01-00-00Z failed: JobFailed: ")
    assert "no space" in str(refused.value)
    assert f"run `account-events reconcile --engine aws --stack {STACK}`" in str(refused.value)


def test_the_cause_of_a_failure_is_shortened_in_its_middle(emulator: StatesEmulator, lake: Lake) -> None:
    message = "begin " + "x" * 9_000 + " end"
    emulator.inject([{**FAILED[0], "answer": {"JobRun": {"JobRunState": "FAILED", "ErrorMessage": message}}}])
    with pytest.raises(NotReconciled, match=r"begin x+ \.\.\. x+ end .*Remove the cause") as refused:
        Watcher().reconcile(lake)
    assert len(str(refused.value)) < 2_200


def test_a_failure_of_step_functions_itself_names_doctor(emulator: StatesEmulator, machine: str, lake: Lake) -> None:
    broken = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "States.Runtime", "Cause": "An error."}}}
    emulator.client("stepfunctions").update_state_machine(stateMachineArn=machine, definition=json.dumps(broken))
    with pytest.raises(NotReconciled, match=rf"An error\. Run `account-events doctor --stack {STACK}`"):
        Watcher().reconcile(lake)


def test_a_stopped_execution_is_reported(emulator: StatesEmulator, lake: Lake) -> None:
    emulator.inject(SLOW)

    def stop(progress: Progress) -> None:
        emulator.client("stepfunctions").stop_execution(executionArn=progress.execution)
        assert stop_command(progress.execution).endswith(progress.execution)

    with pytest.raises(NotReconciled, match="Somebody stopped the reconciliation 2026-11-30T01-00-00Z"):
        reconciled_on_aws(lake, now=NOW, wait=Watcher().wait, progress=stop)


def test_a_result_that_has_gone_is_reported(
    emulator: StatesEmulator, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.inject([], to_json(RESULT))
    monkeypatch.setattr("ops.lake.reconcile.state_machine.EXECUTIONS_FOLDER", "elsewhere/")
    with pytest.raises(NotReconciled, match=f"s3://{LAKE}/elsewhere/2026-11-30T01-00-00Z.json is missing"):
        Watcher().reconcile(lake)


def test_a_result_of_an_unknown_format_is_refused(emulator: StatesEmulator, lake: Lake) -> None:
    emulator.inject([], b'{"format": 2}')
    with pytest.raises(UnknownResult, match="format 2"):
        Watcher().reconcile(lake)


def test_a_local_stack_is_refused(lake: Lake) -> None:
    address = Address("http://127.0.0.1:1", 1, {}, None, None)
    local = Lake(Deployment(Outputs({}), address), lake.s3, lake.access)
    with pytest.raises(CommandError, match="The local stack has no state machine"):
        Watcher().reconcile(local)


def test_a_stack_of_an_older_release_is_refused(lake: Lake) -> None:
    older = Lake(Deployment(Outputs({"LakeBucketName": LAKE})), lake.s3, lake.access)
    with pytest.raises(CommandError, match="no output ReconcileStateMachineArn"):
        Watcher().reconcile(older)
