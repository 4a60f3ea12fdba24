"""`lake compact --engine aws` runs the Glue job: its failures are named, and an interruption stops the run."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from local_stack.address import Address
from local_stack.errors import CommandError
from ops.deployment.stack import Deployment, Outputs
from ops.lake.compact.glue_run import STARTS_MAX, UNANSWERED_MAX, JobBusy, NotCompacted, refuse_without_job, run_job_of
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import S3Access
from ops.lake.spark.job_code import DIGEST, SCRIPT_KEY, code

OPTIONS = {"--lake": "s3://lake/", "--month": "2026-08", "--days": "2026-08-01", "--compaction": "2026-08-a"}


def refusal(name: str, operation: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": name, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


class Glue:
    """Glue, whose run has these states one after the other, or errors. It refuses so many starts.

    Attributes:
        runs: those that it lists, the newest first.
        started: the arguments of the runs that were started.
        stopped: the runs that were stopped.
    """

    def __init__(
        self, *states: str | Exception, refused: int = 0, runs: Sequence[dict[str, Any]] = (), error: str = ""
    ) -> None:
        self._states, self._refused, self._error = iter(states), refused, error
        self.runs = list(runs)
        self.started: list[dict[str, str]] = []
        self.stopped: list[str] = []
        self.may_stop = True

    def start_job_run(self, *, JobName: str, Arguments: dict[str, str]) -> dict[str, str]:  # noqa: N803 -- as boto3's
        assert JobName == "reconcile"
        if self._refused:
            self._refused -= 1
            raise refusal("ConcurrentRunsExceededException", "StartJobRun")
        self.started.append(Arguments)
        return {"JobRunId": "jr_1"}

    def get_job_runs(self, **_: object) -> dict[str, Any]:
        return {"JobRuns": self.runs}

    def get_job_run(self, *, JobName: str, RunId: str) -> dict[str, Any]:  # noqa: N803 -- as above
        assert JobName == "reconcile"
        state = next(self._states)
        if isinstance(state, Exception):
            raise state
        return {"JobRun": {"Id": RunId, "JobRunState": state, "ErrorMessage": self._error}}

    def batch_stop_job_run(self, *, JobName: str, JobRunIds: list[str]) -> dict[str, Any]:  # noqa: N803 -- as above
        assert JobName == "reconcile"
        if not self.may_stop:
            raise refusal("AccessDeniedException", "BatchStopJobRun")
        self.stopped += JobRunIds
        return {"SuccessfulSubmissions": JobRunIds, "Errors": []}


class Bucket:
    """The lake's bucket, with the job's code."""

    def __init__(self) -> None:
        self.digests = {each.key: each.digest for each in code()}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 -- as boto3's
        assert Bucket == "lake"
        if Key not in self.digests:
            raise refusal("404", "HeadObject")
        return {"Metadata": {DIGEST: self.digests[Key]}}


class OnAws(Deployment):
    """A stack on AWS with this Glue."""

    glue = Glue()

    def client(self, service: str, read_timeout_s: float = 0.0) -> Any:  # noqa: ANN401, ARG002 -- a client
        assert service == "glue"
        return self.glue


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[OnAws]]:
    monkeypatch.setattr(OnAws, "glue", Glue())
    return OnAws  # type: ignore[return-value]


@pytest.fixture
def lake() -> Lake:
    outputs = Outputs({"LakeBucketName": "lake", "ReconcileJobName": "reconcile", "StackName": "bank"})
    return Lake(OnAws(outputs), Bucket(), lambda: S3Access("x", "x", "x"))  # type: ignore[arg-type]


@pytest.fixture
def run(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- a function
    """Run the job of this Glue; returns the steps."""

    def of(glue: Glue, steps: list[str] | None = None, wait: Any = lambda _seconds: None) -> list[str]:  # noqa: ANN401
        monkeypatch.setattr(OnAws, "glue", glue)
        found: list[str] = [] if steps is None else steps
        run_job_of(lake, OPTIONS, wait=wait, progress=found.append)
        return found

    return of


def test_a_run_is_started_with_the_options_and_awaited(run: Any) -> None:  # noqa: ANN401 -- a function
    waits: list[float] = []
    glue = Glue("STARTING", "RUNNING", "RUNNING", "STOPPING", "SUCCEEDED")
    steps = run(glue, wait=waits.append)
    assert glue.started == [OPTIONS]
    assert waits == [10.0] * 4
    assert steps[0] == "started the run jr_1 of the Glue job reconcile"
    assert [step.rpartition(" ")[2] for step in steps[1:]] == ["STARTING", "RUNNING", "STOPPING"]
    assert not glue.stopped


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("FAILED", ["ended as FAILED: NotVerified: no events. Its log is in bank-reconcile/error", "run the command"]),
        ("ERROR", ["ended as ERROR"]),
        ("TIMEOUT", ["took too long", "Raise ReconcileWorkers"]),
        ("STOPPED", ["Somebody stopped the Glue job run jr_1"]),
        ("EXPIRED", ["ended as EXPIRED"]),
    ],
)
def test_a_run_without_success_is_reported_with_its_cause(run: Any, state: str, words: list[str]) -> None:  # noqa: ANN401
    with pytest.raises(NotCompacted) as failed:
        run(Glue("RUNNING", state, error="NotVerified: no events."))
    for each in (*words, "jr_1"):
        assert each in str(failed.value)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"--export": "s3://exports/"}, "a reconciliation, which runs every night"),
        ({"--compaction": "2026-07-b", "--month": "2026-07"}, "another compaction of 2026-07"),
    ],
)
def test_a_running_job_is_named_and_not_disturbed(run: Any, arguments: dict[str, str], what: str) -> None:  # noqa: ANN401
    ended = {"Id": "jr_8", "JobRunState": "SUCCEEDED", "Arguments": arguments}
    glue = Glue(refused=1, runs=[ended, {"Id": "jr_9", "JobRunState": "RUNNING", "Arguments": arguments}])
    with pytest.raises(
        JobBusy,
        match=f"its run jr_9 has not ended: {what}. Nothing of 2026-08 has .* run the command again after its end",
    ):
        run(glue)
    assert not glue.started
    assert not glue.stopped


def test_a_run_that_an_unanswered_request_started_is_awaited(run: Any) -> None:  # noqa: ANN401 -- a function
    glue = Glue("SUCCEEDED", refused=1, runs=[{"Id": "jr_2", "JobRunState": "STARTING", "Arguments": OPTIONS}])
    assert run(glue)[0] == "started the run jr_2 of the Glue job reconcile"
    assert not glue.started


def test_a_run_that_has_just_ended_delays_the_next_one(run: Any) -> None:  # noqa: ANN401 -- a function
    """Glue may count it as running for some seconds."""
    waits: list[float] = []
    glue = Glue("SUCCEEDED", refused=2, runs=[{"Id": "jr_2", "JobRunState": "SUCCEEDED"}])
    run(glue, wait=waits.append)
    assert len(waits) == 2
    assert glue.started == [OPTIONS]
    with pytest.raises(JobBusy, match="Run the command again later"):
        run(Glue(refused=STARTS_MAX))


def test_any_other_refusal_of_a_start_is_raised(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    def refuse(_self: Glue, **_: object) -> None:
        raise refusal("EntityNotFoundException", "StartJobRun")

    monkeypatch.setattr(Glue, "start_job_run", refuse)
    with pytest.raises(ClientError, match="EntityNotFound"):
        run(Glue())


PASSING = [
    refusal("ThrottlingException", "GetJobRun"),
    refusal("InternalServiceException", "GetJobRun", 500),
    EndpointConnectionError(endpoint_url="https://glue"),
    ReadTimeoutError(endpoint_url="https://glue"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_errors_that_pass_do_not_stop_a_run(run: Any, error: Exception) -> None:  # noqa: ANN401 -- a function
    waits: list[float] = []
    unanswered = [error] * (UNANSWERED_MAX - 1)
    glue = Glue("RUNNING", *unanswered, "RUNNING", *unanswered, "SUCCEEDED")
    run(glue, wait=waits.append)
    assert waits == [10.0] * (2 * UNANSWERED_MAX)
    assert not glue.stopped


@pytest.mark.parametrize(
    "errors", [PASSING[:1] * UNANSWERED_MAX, [refusal("AccessDeniedException", "GetJobRun")]], ids=["many", "final"]
)
def test_a_run_whose_state_stays_unknown_is_stopped(run: Any, errors: list[Exception]) -> None:  # noqa: ANN401
    glue = Glue("RUNNING", *errors)
    with pytest.raises(ClientError):
        run(glue)
    assert glue.stopped == ["jr_1"]


def interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_an_interruption_stops_the_run(run: Any) -> None:  # noqa: ANN401 -- a function
    glue, steps = Glue("RUNNING"), list[str]()
    with pytest.raises(KeyboardInterrupt):
        run(glue, steps, interrupt)
    assert glue.stopped == ["jr_1"]
    assert steps[-1] == "stopped the run jr_1: nothing reads what it has written"


def test_a_run_that_cannot_be_stopped_is_named_with_the_command(run: Any) -> None:  # noqa: ANN401 -- a function
    glue, steps = Glue("RUNNING"), list[str]()
    glue.may_stop = False
    with pytest.raises(KeyboardInterrupt):
        run(glue, steps, interrupt)
    assert steps[-1] == (
        "the run jr_1 goes on, and nothing reads what it writes. Stop it with "
        "`aws glue batch-stop-job-run --job-name reconcile --job-run-ids jr_1`"
    )


def test_the_code_of_this_release_is_required(lake: Lake) -> None:
    refuse_without_job(lake)
    bucket: Any = lake.s3
    bucket.digests[SCRIPT_KEY] = "other"
    with pytest.raises(CommandError, match=r"is not that of this release: run `account-events lake job --stack bank`"):
        refuse_without_job(lake)
    del bucket.digests[SCRIPT_KEY]
    with pytest.raises(CommandError, match=r"reconcile\.py is missing: run `account-events lake job --stack bank`"):
        refuse_without_job(lake)


def test_a_local_stack_has_no_job(lake: Lake) -> None:
    local = Lake(Deployment(Outputs({}), Address("http://127.0.0.1:1", 1, {}, None, None)), lake.s3, lake.access)
    with pytest.raises(CommandError, match="The local stack has no Glue job: use --engine local or spark"):
        refuse_without_job(local)
