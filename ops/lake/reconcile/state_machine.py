"""Reconciles with the stack's state machine: starts an execution or joins the running one, and waits for its result.

The execution does not depend on this process: it goes on if the command is interrupted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_stack.errors import CommandError
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.result import FOLDER, ReconciliationResult, from_json

EXECUTIONS_FOLDER = f"{FOLDER}executions/"
"""Where the job leaves the result of each execution, as `NAME.json`."""
POLL_S = 10.0
PHASES = {
    "StartExport": "exporting the accounts table, which takes 10 to 12 minutes if it is small",
    "StartJob": "comparing the export with the lake in the Glue job",
    "FindResult": "looking for the result",
}
"""What an execution does from each of these states on."""
TEXT_MAX = 2_000
"""Characters of a cause that are shown. A job's error may be a whole traceback."""


class NotReconciled(CommandError):
    """The execution ended without a result; the message has the cause and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What an execution is doing.

    Attributes:
        execution: its ARN.
        joined: whether it was running already.
        phase: in words.
        since: when this phase began, UTC.
    """

    execution: str
    joined: bool
    phase: str
    since: datetime


def reconciled_on_aws(
    lake: Lake, *, now: datetime, wait: Callable[[float], object], progress: Callable[[Progress], None]
) -> ReconciliationResult:
    """Run the stack's state machine and return the result that its job has kept.

    Args:
        lake: the deployed lake.
        now: the current time, UTC. It names the execution.
        wait: waits for this number of seconds.
        progress: called with what the execution is doing, every few seconds.

    Raises:
        NotReconciled: the execution failed, timed out or was stopped, or its result is missing.
        CommandError: the stack is local, or of an older release.
        UnknownResult: another release has written the result.
    """
    if lake.is_local:
        raise CommandError(
            "The local stack has no state machine: use --engine spark or local, or name a stack on AWS with --stack."
        )
    states = lake.deployment.client("stepfunctions")
    machine = lake.outputs["ReconcileStateMachineArn"]
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=1)["executions"]
    if running:
        execution = running[0]["executionArn"]
    else:
        # The same name twice in a second is one execution, not an error: StartExecution is idempotent.
        execution = states.start_execution(stateMachineArn=machine, name=f"{now:%Y-%m-%dT%H-%M-%SZ}", input="{}")[
            "executionArn"
        ]
    while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        phase, since = _phase(states, execution, described["startDate"])
        progress(Progress(execution, bool(running), phase, since))
        wait(POLL_S)
    if described["status"] != "SUCCEEDED":
        raise NotReconciled(_why(described, lake.outputs["StackName"]))
    return _result(lake, described["name"])


def stop_command(execution: str) -> str:
    """The command that stops an execution."""
    return f"aws stepfunctions stop-execution --execution-arn {execution}"


def _phase(states: Any, execution: str, started: datetime) -> tuple[str, datetime]:  # noqa: ANN401 -- a client
    """What the execution is doing, and since when."""
    for event in _events(states, execution):
        phase = PHASES.get(event.get("stateEnteredEventDetails", {}).get("name", ""))
        if phase:
            return phase, event["timestamp"].astimezone(UTC)
    return "starting", started.astimezone(UTC)


def _events(states: Any, execution: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 -- as above
    """The events of an execution, the newest first."""
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=execution, reverseOrder=True, includeExecutionData=False
    )
    for page in pages:
        yield from page["events"]


def _why(described: Mapping[str, Any], stack: str) -> str:
    """Why an execution has no result, and what to do."""
    name, command = described["name"], f"`account-events reconcile --engine aws --stack {stack}`"
    match described["status"]:
        case "FAILED":
            # Our definition's causes say what to do; one of Step Functions itself does not.
            cause = described.get("cause") or "no cause"
            advice = "" if "account-events" in cause else f" Run `account-events doctor --stack {stack}`."
            return f"The reconciliation {name} failed: {described.get('error', 'no error')}: {shortened(cause)}{advice}"
        case "TIMED_OUT":
            return f"The reconciliation {name} took too long. Raise ReconcileWorkers, then run {command}."
        case "ABORTED":
            return f"Somebody stopped the reconciliation {name}. Run {command} to start another one."
        case status:
            return f"The reconciliation {name} ended as {status}. Run {command}."


def shortened(text: str) -> str:
    """A text without its middle, which is the least useful part of a traceback."""
    if len(text) <= TEXT_MAX:
        return text
    return f"{text[: TEXT_MAX // 2]} ... {text[-TEXT_MAX // 2 :]}"


def _result(lake: Lake, name: str) -> ReconciliationResult:
    key = f"{EXECUTIONS_FOLDER}{name}.json"
    try:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    except lake.s3.exceptions.NoSuchKey:
        again = f"`account-events reconcile --engine aws --stack {lake.outputs['StackName']}`"
        raise NotReconciled(
            f"The reconciliation {name} succeeded, but s3://{lake.bucket}/{key} is missing. Run {again}."
        ) from None
    return from_json(body)
