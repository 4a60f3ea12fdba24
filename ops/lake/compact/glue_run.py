"""Runs the stack's Glue job for the compaction of a month: starts a run, and waits for its end.

Nothing reads what a run has written before the manifest names it, so a run can be stopped at any time.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.errors import CommandError
from ops.error_advice import may_pass
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.state_machine import shortened
from ops.lake.spark.job_code import ACTIVE, code, uploaded_digest

POLL_S = 10.0
STARTS_MAX = 12
"""How often a run is started, if Glue counts a run that has ended as running."""
UNANSWERED_MAX = 60
"""After so many failed requests in a row for the run's state, ten minutes and more, the run is stopped."""


class JobBusy(CommandError):
    """Another run of the job has not ended. Nothing of the month was written."""


class NotCompacted(CommandError):
    """The run ended without success; the message has the cause and what to do. Nothing reads what it has written."""


def refuse_without_job(lake: Lake) -> None:
    """Check that the stack has the job, with the code of this release.

    Raises:
        CommandError: the stack is local or of an older release, or the job's code is missing or differs.
    """
    if lake.is_local:
        raise CommandError(
            "The local stack has no Glue job: use --engine local or spark, or name a stack on AWS with --stack."
        )
    for each in code():
        found = uploaded_digest(lake.s3, lake.bucket, each.key)
        if found != each.digest:
            state = "is missing" if found is None else "is not that of this release"
            raise CommandError(
                f"The Glue job's code s3://{lake.bucket}/{each.key} {state}: run `account-events lake job --stack "
                f"{lake.outputs['StackName']}`, then run the command again."
            )


def run_job_of(
    lake: Lake,
    options: Mapping[str, str],
    *,
    wait: Callable[[float], object],
    progress: Callable[[str], object],
) -> None:
    """Run the job with these options until its end. If that is interrupted, stop the run.

    Args:
        lake: the lake of a stack on AWS.
        options: see `ops.lake.spark.compaction_job`.
        wait: waits for this number of seconds.
        progress: called with what the run is doing.

    Raises:
        JobBusy: another run of the job has not ended.
        NotCompacted: the run failed, timed out or was stopped.
        BotoCoreError, ClientError: Glue refuses to return the state of the run, or does not answer for long.
    """
    glue, job = lake.deployment.client("glue"), lake.outputs["ReconcileJobName"]
    run = _started(glue, job, options, wait)
    try:
        progress(f"started the run {run} of the Glue job {job}")
        state = ""
        while (found := _found(glue, job, run, wait))["JobRunState"] in ACTIVE:
            if found["JobRunState"] != state:
                state = found["JobRunState"]
                progress(f"the run {run} is {state}")
            wait(POLL_S)
    except BaseException:
        progress(_stopped(glue, job, run))
        raise
    if found["JobRunState"] != "SUCCEEDED":
        raise NotCompacted(_why(found, lake.outputs["StackName"]))


def _started(glue: Any, job: str, options: Mapping[str, str], wait: Callable[[float], object]) -> str:  # noqa: ANN401
    """The id of a new run, or of the one that an unanswered request has started."""
    for _ in range(STARTS_MAX):
        try:
            run: str = glue.start_job_run(JobName=job, Arguments=dict(options))["JobRunId"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConcurrentRunsExceededException":
                raise
        else:
            return run
        runs = glue.get_job_runs(JobName=job, MaxResults=10)["JobRuns"]  # the newest; one runs at a time
        active = [each for each in runs if each["JobRunState"] in ACTIVE]
        for each in active:
            run = each["Id"]
            if each.get("Arguments", {}).get("--compaction") == options["--compaction"]:
                return run
            raise JobBusy(
                f"The Glue job {job} runs once at a time, and its run {run} has not ended: {_what(each)}. Nothing of "
                f"{options['--month']} has changed; run the command again after its end."
            )
        wait(POLL_S)
    raise JobBusy(f"Glue allows no run of the job {job} at the moment, but lists none. Run the command again later.")


def _found(glue: Any, job: str, run: str, wait: Callable[[float], object]) -> Mapping[str, Any]:  # noqa: ANN401
    """The run as it is now. Errors that may pass do not end a run of hours."""
    unanswered = 0
    while True:
        try:
            found: Mapping[str, Any] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
        except (BotoCoreError, ClientError) as error:
            unanswered += 1
            if unanswered == UNANSWERED_MAX or not may_pass(error):
                raise
        else:
            return found
        wait(POLL_S)


def _what(run: Mapping[str, Any]) -> str:
    month = run.get("Arguments", {}).get("--month")
    return "a reconciliation, which runs every night" if month is None else f"another compaction of {month}"


def _stopped(glue: Any, job: str, run: str) -> str:  # noqa: ANN401 -- a client
    """Stop a run; returns what happens to it."""
    try:
        refused = glue.batch_stop_job_run(JobName=job, JobRunIds=[run]).get("Errors")
    except (BotoCoreError, ClientError):
        refused = True
    if refused:
        return (
            f"the run {run} goes on, and nothing reads what it writes. Stop it with "
            f"`aws glue batch-stop-job-run --job-name {job} --job-run-ids {run}`"
        )
    return f"stopped the run {run}: nothing reads what it has written"


def _why(run: Mapping[str, Any], stack: str) -> str:
    """Why a run has not succeeded, and what to do."""
    name, reason = run["Id"], shortened(run.get("ErrorMessage") or "no reason")
    match run["JobRunState"]:
        case "TIMEOUT":
            return f"The Glue job run {name} took too long. Raise ReconcileWorkers, then run the command again."
        case "STOPPED":
            return f"Somebody stopped the Glue job run {name}. Run the command again to start another one."
        case state:
            return (
                f"The Glue job run {name} ended as {state}: {reason.rstrip('.')}. Its log is in "
                f"{stack}-reconcile/error and {stack}-reconcile/output. Remove the cause, then run the command again."
            )
