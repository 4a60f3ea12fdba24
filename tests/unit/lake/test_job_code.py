"""The code of the Glue job is uploaded once per release, and never exchanged under a run."""

import zipfile
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

import account_events
from local_stack.address import Address
from local_stack.errors import CommandError
from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import S3Access
from ops.lake.spark import job_code
from ops.lake.spark.job_code import DIGEST, ENTRY, MODULES_KEY, ROOT, SCRIPT_KEY, JobRuns, code, modules, upload

ADDRESS = Address("http://127.0.0.1:1", 1, {}, None, None)


class Bucket:
    """The lake's bucket, as far as the upload uses it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.refused = ""

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 -- as boto3 names it
        assert Bucket == "lake"
        if self.refused or Key not in self.objects:
            raise ClientError({"Error": {"Code": self.refused or "404", "Message": "no"}}, "HeadObject")
        return self.objects[Key]

    def put_object(self, *, Bucket: str, Key: str, **put: Any) -> None:  # noqa: ANN401, N803 -- as above
        assert Bucket == "lake"
        self.objects[Key] = put


class Glue:
    """Glue, with runs in these states, the newest first."""

    def __init__(self, *states: str) -> None:
        self.states = states

    def get_job_runs(self, **_: object) -> dict[str, Any]:
        return {"JobRuns": [{"Id": f"jr_{state}", "JobRunState": state} for state in self.states]}


class OnAws(Deployment):
    """A stack on AWS with this Glue."""

    glue = Glue()

    def client(self, service: str, read_timeout_s: float = 0.0) -> Any:  # noqa: ANN401, ARG002 -- a client
        assert service == "glue"
        return self.glue


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def lake(bucket: Bucket) -> Lake:
    outputs = Outputs({"LakeBucketName": "lake", "ReconcileJobName": "reconcile"})
    return Lake(OnAws(outputs), bucket, lambda: S3Access("x", "x", "x"))  # type: ignore[arg-type]


def old(bucket: Bucket) -> None:
    """Code of the same release with another content, for example of another commit."""
    for each in code():
        bucket.objects[each.key] = {"Body": b"old", "Metadata": {DIGEST: "old"}}


def test_the_first_upload_writes_the_script_after_its_modules(bucket: Bucket, lake: Lake) -> None:
    assert upload(lake) == [MODULES_KEY, SCRIPT_KEY] == list(bucket.objects)
    assert all(each.startswith(f"jobs/{account_events.__version__}/") for each in bucket.objects)
    assert bucket.objects[SCRIPT_KEY]["Body"] == (ROOT / ENTRY).read_bytes()
    with zipfile.ZipFile(BytesIO(bucket.objects[MODULES_KEY]["Body"])) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(modules())


def test_a_second_upload_changes_nothing(bucket: Bucket, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a run reads the code."""
    monkeypatch.setattr(OnAws, "glue", Glue("RUNNING"))
    upload(lake)
    before = dict(bucket.objects)
    assert upload(lake) == []
    assert bucket.objects == before


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "WAITING"])
def test_code_is_not_replaced_while_a_run_may_read_it(
    bucket: Bucket, lake: Lake, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    old(bucket)
    monkeypatch.setattr(OnAws, "glue", Glue(state, "SUCCEEDED"))
    with pytest.raises(JobRuns, match=f"run jr_{state} of the job reconcile is not over"):
        upload(lake)
    assert {each["Body"] for each in bucket.objects.values()} == {b"old"}


def test_other_code_is_replaced_when_no_run_is_active(
    bucket: Bucket, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(bucket)
    monkeypatch.setattr(OnAws, "glue", Glue("SUCCEEDED", "FAILED"))
    assert upload(lake) == [MODULES_KEY, SCRIPT_KEY]
    assert {each["Metadata"][DIGEST] for each in bucket.objects.values()} == {each.digest for each in code()}


def test_code_without_a_digest_is_replaced(bucket: Bucket, lake: Lake) -> None:
    """Somebody has uploaded it by hand."""
    old(bucket)
    bucket.objects[SCRIPT_KEY]["Metadata"] = {}
    assert SCRIPT_KEY in upload(lake)


def test_a_refused_look_at_the_bucket_uploads_nothing(bucket: Bucket, lake: Lake) -> None:
    bucket.refused = "403"
    with pytest.raises(ClientError):
        upload(lake)
    assert bucket.objects == {}


def test_a_local_stack_has_no_job(lake: Lake) -> None:
    with pytest.raises(CommandError, match="no Glue job"):
        upload(Lake(Deployment(Outputs({}), ADDRESS), lake.s3, lake.access))


def test_the_digest_depends_on_names_and_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest_of(**files: bytes) -> str:
        monkeypatch.setattr(job_code, "modules", lambda: files)
        return code()[0].digest

    same = digest_of(a=b"1", b=b"2")
    assert same == digest_of(a=b"1", b=b"2")
    assert len({same, digest_of(a=b"12", b=b""), digest_of(a=b"1", c=b"2"), digest_of(b=b"1", a=b"2")}) == 4
