"""The nightly reconciliation: its state machine, its Glue job and the job's code, and runs that did not start."""

import json
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView
from ops.lake.spark.job_code import CodeFile, code, uploaded_digest
from ops.terminal import counted

WHY = "The nightly reconciliation fails, or proves something else."
STATE_MACHINE_DIFFERS = Kind("state-machine-differs", WHY, "undo-a-change-made-by-hand")
JOB_DIFFERS = Kind("reconcile-job-differs", WHY, "undo-a-change-made-by-hand")
CODE_MISSING = Kind("job-code-missing", "Every nightly reconciliation fails.", "reconcilefails")
CODE_DIFFERS = Kind("job-code-differs", "It may read exports or the lake differently.", "reconcilefails")
NOT_STARTED = Kind(
    "reconciliation-not-started", "Differences between lake and ledger stay unnoticed.", "reconcilenotdelivered"
)
SETTINGS = (
    *("Command", "DefaultArguments", "ExecutionProperty", "GlueVersion", "MaxRetries", "NumberOfWorkers", "Role"),
    *("Timeout", "WorkerType"),
)
"""Settings of the job that are compared, each as a whole."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the state machine, the job, its code, and the queue of runs that the schedule could not start."""
    for name in view.of_type("AWS::StepFunctions::StateMachine"):
        yield from _state_machine(view, name)
    for name in view.of_type("AWS::Glue::Job"):
        yield from _job(view, name)
        yield from _code(view)
    queue = "ReconcileNotStarted"
    if queue in view.physical_ids:
        yield from _not_started(view, queue)


def _state_machine(view: StackView, name: str) -> Iterator[Finding]:
    client = view.client("stepfunctions")
    arn, expected = view.physical_ids[name], view.properties(name)
    described = found(partial(client.describe_state_machine, stateMachineArn=arn), {"StateMachineDoesNotExist"})
    if described is None:
        yield deleted(view, name)
        return
    compared = {
        "its definition": (_texts(expected["Definition"]), _texts(json.loads(described["definition"]))),
        "its role": (expected["RoleArn"], described["roleArn"]),
    }
    if wrong := [words for words, (own, other) in compared.items() if own != other]:
        what = f"The state machine {arn} differs from the template in {' and '.join(wrong)}."
        yield STATE_MACHINE_DIFFERS.at(name, what, view.undo)


def _job(view: StackView, name: str) -> Iterator[Finding]:
    job, expected = view.physical_ids[name], view.properties(name)
    described = found(partial(view.client("glue").get_job, JobName=job), {"EntityNotFoundException"})
    if described is None:
        yield deleted(view, name)
        return
    deployed: Mapping[str, Any] = described["Job"]
    if wrong := [each for each in SETTINGS if _texts(expected[each]) != _texts(deployed.get(each, 0))]:
        yield JOB_DIFFERS.at(name, f"The job {job} differs from the template in {', '.join(wrong)}.", view.undo)


@cache
def _code_of_this_release() -> tuple[CodeFile, CodeFile]:
    """Read once: the search for its modules takes a second, and clears caches while other threads import."""
    return code()


def _code(view: StackView) -> Iterator[Finding]:
    lake, repair = view.lake, f"account-events lake job{view.option}"
    there = {each: uploaded_digest(lake.s3, lake.bucket, each.key) for each in _code_of_this_release()}
    missing = [each.key for each, digest in there.items() if digest is None]
    if missing and not view.is_new:  # it is uploaded after the deployment
        what = f"The bucket {lake.bucket} has no {' and no '.join(missing)}."
        yield CODE_MISSING.at(lake.bucket, what, repair)
    if differing := [each.key for each, digest in there.items() if digest not in {None, each.digest}]:
        what = f"{' and '.join(differing)} in the bucket {lake.bucket} differ from the code of this release."
        yield CODE_DIFFERS.at(lake.bucket, what, repair)


def _not_started(view: StackView, name: str) -> Iterator[Finding]:
    queue, asked = view.physical_ids[name], ["ApproximateNumberOfMessages"]
    attributes = found(partial(view.client("sqs").get_queue_attributes, QueueUrl=queue, AttributeNames=asked))
    if attributes is None:
        yield deleted(view, name)
    elif count := int(attributes["Attributes"]["ApproximateNumberOfMessages"]):
        run = f"account-events reconcile --engine aws{view.option} && aws sqs purge-queue --queue-url {queue}"
        yield NOT_STARTED.at(queue, f"{counted(count, 'nightly reconciliation')} could not be started.", run)


def _texts(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The value with each number as text, because CloudFormation may store one as the other."""
    if isinstance(value, Mapping):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value if isinstance(value, bool) else str(value)
