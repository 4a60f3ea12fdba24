"""The code of the Glue job: a script, and a zip of what it needs of this project, in the lake's bucket.

template.yaml names both files, under jobs/RELEASE/, so a stack runs the code of its own release. Glue reads them when a
run starts.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

import account_events
from account_events.avro.schemas_path import SCHEMAS
from local_stack.errors import CommandError
from local_stack.reproducible_zip import write_entries
from ops.lake.deployed_lake import Lake
from ops.lake.query.history import HISTORY_FILE

ROOT = Path(__file__).parents[3]
ENTRY = "ops/lake/spark/glue_script.py"
"""The script, relative to the repository's root."""
FOLDER = f"jobs/{account_events.__version__}/"
SCRIPT_KEY, MODULES_KEY = f"{FOLDER}reconcile.py", f"{FOLDER}reconcile.zip"
DIGEST = "content-sha256"
"""The metadata of an uploaded file. A zip's bytes depend on the version of zlib, its content does not."""
ACTIVE = {"STARTING", "RUNNING", "STOPPING", "WAITING"}
"""States of a run that may still read the code (AWS Glue API reference, JobRun)."""


class JobRuns(CommandError):
    """A run of the job could read a part of the old code and a part of the new code."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file of the job's code.

    Attributes:
        key: in the lake's bucket.
        digest: of its content.
    """

    key: str
    content: bytes
    digest: str


def modules() -> Mapping[str, bytes]:
    """The modules of this project that the script imports, and the files that they read, by their path here."""
    finder = ModuleFinder([str(ROOT)])
    finder.run_script(str(ROOT / ENTRY))
    files = (getattr(each, "__file__", None) for each in finder.modules.values())  # typeshed has no such attribute
    found = {Path(each) for each in files if each} - {ROOT / ENTRY}
    schemas = (path for path in SCHEMAS.rglob("*") if path.suffix in {".avsc", ".json"})
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in sorted([*found, *schemas, HISTORY_FILE])}


def code() -> tuple[CodeFile, CodeFile]:
    """The modules and the script of this release. The script comes last, because a run begins with it."""
    imported, script = modules(), (ROOT / ENTRY).read_bytes()
    zipped = BytesIO()
    write_entries(zipped, imported.items())
    return (
        CodeFile(MODULES_KEY, zipped.getvalue(), _digest(imported.items())),
        CodeFile(SCRIPT_KEY, script, _digest([(ENTRY, script)])),
    )


def uploaded_digest(s3: Any, bucket: str, key: str) -> str | None:  # noqa: ANN401 -- a client
    """The digest of the file in the bucket: empty if it has none, None if there is no file."""
    try:
        found: str = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(DIGEST, "")
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return None
    return found


def upload(lake: Lake) -> list[str]:
    """Upload the files that are missing in the bucket or differ there, and return their keys.

    Raises:
        JobRuns: a file would be exchanged while a run may read it.
        CommandError: the stack is local, or of an older release.
    """
    if lake.is_local:
        raise CommandError("The local stack has no Glue job. Name a stack on AWS with --stack.")
    job = lake.outputs["ReconcileJobName"]
    there = {each.key: uploaded_digest(lake.s3, lake.bucket, each.key) for each in code()}
    lacking = [each for each in code() if there[each.key] != each.digest]
    if any(there[each.key] is not None for each in lacking):
        _refuse_runs(lake.deployment.client("glue"), job)
    for each in lacking:
        lake.s3.put_object(Bucket=lake.bucket, Key=each.key, Body=each.content, Metadata={DIGEST: each.digest})
    return [each.key for each in lacking]


def _refuse_runs(glue: Any, job: str) -> None:  # noqa: ANN401 -- a client
    for run in glue.get_job_runs(JobName=job, MaxResults=10)["JobRuns"]:  # the newest; one runs at a time
        if run["JobRunState"] in ACTIVE:
            raise JobRuns(
                f"The run {run['Id']} of the job {job} is not over and may still read its code. Run the command again "
                "after its end."
            )


def _digest(files: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
