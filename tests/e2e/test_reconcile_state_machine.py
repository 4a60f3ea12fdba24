"""The nightly reconciliation's state machine, as in template.yaml, with a failure in each of its states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tests.support.states_emulator import EXPORTS, LAKE, TABLE_ARN, StatesEmulator
from tests.support.template_metrics import metrics_of
from tests.template.test_reconcile import FAILS

EXPORT, DESCRIBE = "dynamodb:ExportTableToPointInTime", "dynamodb:DescribeExport"
START, GET, FIND = "glue:StartJobRun", "glue:GetJobRun", "s3:ListObjectsV2"
METRICS = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}
"""Step Functions developer guide, Monitoring Step Functions metrics using Amazon CloudWatch."""
ALWAYS = 10_000

Fault = Mapping[str, Any]


def failing(operation: str, code: str, times: int = ALWAYS) -> Fault:
    return {"operation": operation, "error": code, "times": times}


def exported(times: int = ALWAYS, **description: str) -> Fault:
    return {"operation": DESCRIBE, "answer": {"ExportDescription": description}, "times": times}


def job_run(times: int = ALWAYS, **run: str) -> Fault:
    return {"operation": GET, "answer": {"JobRun": run}, "times": times}


PASSING: dict[str, Sequence[Fault]] = {
    "nothing": (),
    "a throttled start of the export": (failing(EXPORT, "ThrottlingException", 3),),
    "a lost answer to the start of the export": ({**failing(EXPORT, "States.Timeout", 1), "lost": True},),
    "an export that takes long": (exported(9, ExportStatus="IN_PROGRESS"),),
    "a throttled look at the export": (failing(DESCRIBE, "LimitExceededException", 3),),
    "an internal error of the look at the export": (failing(DESCRIBE, "InternalServerError", 3),),
    "a throttled start of the job": (failing(START, "ThrottlingException", 3),),
    "another run of the job": (failing(START, "ConcurrentRunsExceededException", 20),),
    "a lost answer to the start of the job": ({**failing(START, "States.Timeout", 1), "lost": True},),
    "a job that takes long": (job_run(9, JobRunState="RUNNING"),),
    "a job whose workers are not there yet": (job_run(9, JobRunState="WAITING"),),
    "a throttled look at the job": (failing(GET, "ThrottlingException", 3),),
    "a lake that slows down": (failing(FIND, "SlowDown", 3),),
}


class Refused(NamedTuple):
    """An execution that fails.

    Attributes:
        end: its error.
        cause: a part of its cause.
        result: what the job leaves.
    """

    end: str
    faults: Sequence[Fault]
    cause: str
    result: bytes | None = b"{}"


REFUSED = (
    Refused(
        "ExportNotStarted",
        (failing(EXPORT, "PointInTimeRecoveryUnavailableException"),),
        "DynamoDb.PointInTimeRecoveryUnavailableException: injected.",
    ),
    Refused("ExportNotStarted", (failing(EXPORT, "ThrottlingException"),), "DynamoDb.ThrottlingException"),
    Refused("ExportNotStarted", (failing(EXPORT, "States.Timeout"),), "States.Timeout"),
    Refused("ExportUnknown", (failing(DESCRIBE, "ExportNotFoundException"),), f"{TABLE_ARN}/export/"),
    Refused("ExportUnknown", (failing(DESCRIBE, "LimitExceededException"),), "DynamoDb.LimitExceededException"),
    Refused(
        "ExportFailed",
        (exported(ExportStatus="FAILED", FailureCode="S3NoSuchBucket", FailureMessage="The bucket is gone."),),
        "S3NoSuchBucket: The bucket is gone.",
    ),
    Refused("ExportFailed", (exported(ExportStatus="FAILED"),), "no code: no reason"),
    Refused("ExportTooSlow", (exported(ExportStatus="IN_PROGRESS"),), "has not ended for 8 hours"),
    Refused("JobNotStarted", (failing(START, "EntityNotFoundException"),), "Glue.EntityNotFoundException"),
    Refused("JobNotStarted", (failing(START, "ConcurrentRunsExceededException"),), "ConcurrentRunsExceeded"),
    Refused("JobNotStarted", (failing(START, "ResourceNumberLimitExceededException"),), "ResourceNumberLimit"),
    Refused("JobUnknown", (failing(GET, "EntityNotFoundException"),), "Glue.EntityNotFoundException"),
    Refused("JobUnknown", (failing(GET, "InternalServiceException"),), "Glue.InternalServiceException"),
    Refused(
        "JobFailed",
        (job_run(JobRunState="FAILED", ErrorMessage="No module named ops."),),
        "FAILED: No module named ops. Its log is in some-stack-reconcile/error",
    ),
    *(
        Refused("JobFailed", (job_run(JobRunState=state),), f"ended as {state}: no reason")
        for state in ("ERROR", "TIMEOUT", "STOPPED", "EXPIRED")
    ),
    Refused("JobTooSlow", (job_run(JobRunState="RUNNING"),), "has not ended for 200 minutes"),
    Refused("ResultUnknown", (failing(FIND, "NoSuchBucket"),), "S3.NoSuchBucketException"),
    Refused("ResultUnknown", (failing(FIND, "SlowDown"),), "S3.SlowDownException"),
    Refused("ResultMissing", (), f"s3://{LAKE}/reconciliations/executions/", result=None),
)
PERMANENT = {
    "PointInTimeRecoveryUnavailableException": EXPORT,
    "ExportNotFoundException": DESCRIBE,
    "EntityNotFoundException": START,
    "NoSuchBucket": FIND,
}
"""Errors that no repetition helps against, and a call that returns them."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[StatesEmulator]:
    with StatesEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def state_machine(emulator: StatesEmulator) -> str:
    return emulator.create()


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_a_passing_failure_changes_nothing(emulator: StatesEmulator, state_machine: str, faults: list[Fault]) -> None:
    emulator.inject(faults)
    ended = emulator.execute(state_machine)
    assert (ended["status"], ended.get("cause")) == ("SUCCEEDED", None)
    assert f'"s3://{LAKE}/reconciliations/executions/{ended["name"]}.json"' in ended["output"]
    assert_one_export(emulator, ended["name"])
    assert ended["status"] not in METRICS


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.end}: {case.cause}")
def test_a_lasting_failure_ends_with_its_cause(emulator: StatesEmulator, state_machine: str, case: Refused) -> None:
    emulator.inject(case.faults, case.result)
    ended = emulator.execute(state_machine)
    assert (ended["status"], ended["error"]) == ("FAILED", case.end)
    assert case.cause in ended["cause"]
    assert "un `account-events " in ended["cause"]
    if case.end != "ExportNotStarted":
        assert_one_export(emulator, ended["name"])
    assert METRICS[ended["status"]] in {each.name for each in metrics_of("ReconcileFails")}


def test_every_failure_of_the_definition_has_a_case() -> None:
    assert {case.end for case in REFUSED} == set(FAILS)


@pytest.mark.parametrize(("code", "operation"), PERMANENT.items())
def test_a_call_is_not_repeated_if_that_cannot_help(
    emulator: StatesEmulator, state_machine: str, code: str, operation: str
) -> None:
    emulator.inject([failing(operation, code)])
    assert emulator.execute(state_machine)["status"] == "FAILED"
    assert len(emulator.calls(operation)) == 1


def test_a_stopped_execution_ends_and_raises_the_alarm(emulator: StatesEmulator, state_machine: str) -> None:
    emulator.inject([exported(ExportStatus="IN_PROGRESS")])
    states = emulator.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=state_machine)["executionArn"]
    states.stop_execution(executionArn=execution)
    status = states.describe_execution(executionArn=execution)["status"]
    assert METRICS[status] in {each.name for each in metrics_of("ReconcileFails")}
    assert emulator.calls(START) == []


def test_two_executions_have_an_export_each(emulator: StatesEmulator, state_machine: str) -> None:
    """Incremental exports with one prefix share a folder, and a client token belongs to one export."""
    emulator.inject([])
    first, second = emulator.execute(state_machine)["name"], emulator.execute(state_machine)["name"]
    calls = emulator.calls(EXPORT)
    assert [each["S3Prefix"] for each in calls] == [f"exports/{first}", f"exports/{second}"]
    assert len({each["ClientToken"] for each in calls}) == len(calls)


def test_the_job_is_given_the_export_of_its_execution(emulator: StatesEmulator, state_machine: str) -> None:
    emulator.inject([])
    name = emulator.execute(state_machine)["name"]
    [call] = emulator.calls(START)
    location = f"exports/{name}/"
    assert call["Arguments"]["--export"] == f"s3://{EXPORTS}/{location}"
    found = emulator.client("s3").list_objects_v2(Bucket=EXPORTS, Prefix=location)["Contents"]
    assert any(each["Key"].endswith("/manifest-summary.json") for each in found)


def assert_one_export(emulator: StatesEmulator, name: str) -> None:
    """All requests of the execution were for the same export, and DynamoDB made one."""
    calls = emulator.calls(EXPORT)
    assert {each["S3Prefix"] for each in calls} == {f"exports/{name}"}
    assert len({each["ClientToken"] for each in calls}) == 1
    found = emulator.client("s3").list_objects_v2(Bucket=EXPORTS, Prefix=f"exports/{name}/")["Contents"]
    assert sum(each["Key"].endswith("/manifest-summary.json") for each in found) == 1
