"""Runs the Spark job on this machine for `account-events reconcile --engine spark`: downloads, starts, reports."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from consumers.lake.table import MONTHS_PREFIX
from local_stack.errors import CommandError
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles, listed
from ops.lake.query.history import history_of
from ops.lake.reconcile.grace import grace_of
from ops.lake.reconcile.result import STRAYS_MAX, Files, Finding, ReconciliationResult, finding_in, from_json
from ops.ledger.export.location import FoundExport, Location, find_export
from ops.ledger.export.manifest import SMALL_FILES, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-spark" / "bin" / "python"
DOWNLOADS = 8
CORES_MAX = 8
"""More cores would need more memory than one heap of `session.start` has."""
STOP_S = 20.0


class SparkMissing(CommandError):
    """The engine `spark` cannot run on this machine: its packages or Java are missing."""


class SparkFailed(CommandError):
    """The job refused its input or failed. The message has its reason."""


def refuse_without_spark() -> None:
    """Check what the job needs, before anything is downloaded.

    Raises:
        SparkMissing: its packages or Java are missing.
    """
    if not PYTHON.exists():
        raise SparkMissing("The engine spark is not installed: run `make spark` in the repository, then try again.")
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home) / "bin" / "java") if home else "java") is None:
        raise SparkMissing(
            "The engine spark needs Java 17, and there is no java on PATH: install it (Debian and Ubuntu: the package "
            "openjdk-17-jre-headless), or set JAVA_HOME."
        )


def reconciled_by_spark(
    lake: Lake,
    location: str,
    *,
    grace_s: float | None,
    found: Callable[[Finding], None],
    doing: Callable[[str], None],
) -> ReconciliationResult:
    """Reconcile a lake with an export of its ledger.

    Args:
        lake: the deployed lake.
        location: the export; see `find_export`.
        grace_s: the option of `account-events reconcile`.
        found: called with every finding, ordered by account and sequence.
        doing: called at the start of each step.

    Raises:
        BadExport: there is no such export, or it cannot be used.
        SparkMissing: the job cannot run on this machine.
        SparkFailed: the job refused its input or failed.
    """
    refuse_without_spark()
    described = lake.deployment.client("dynamodb").describe_table(TableName=lake.outputs["TableName"])["Table"]
    table = Table(described["TableArn"], described.get("TableId") or described["TableArn"])
    export = find_export(lake.s3, location, table, lake.outputs["LedgerExportsName"], skipped=doing)
    files = LakeFiles.of(lake.s3, lake.bucket)  # before they are read, so that later changes count as not compared
    first_day = lake.outputs["LakeFirstDay"]
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        store = lake.history_store()
        history = history_of(store.read()[0], files.digests, store.compactions())
        months = history.files(key for key, _ in listed(lake.s3, lake.bucket, MONTHS_PREFIX))
        keys = [*files.keys(first_day), *months]
        doing(f"downloading the lake's {len(keys)} files")
        (folder / "lake" / "events").mkdir(parents=True)
        _download(lake.s3, lake.bucket, [(key, folder / "lake" / key) for key in keys])
        (folder / "history.json").write_text(history.to_json(), encoding="utf-8")
        options = {
            "--export": str(_local(export, folder / "export", doing)),
            "--lake": str(folder / "lake"),
            "--table-arn": table.arn,
            "--table-id": table.table_id or "",
            "--first-day": first_day,
            "--grace-s": str(grace_of(lake) if grace_s is None else grace_s),
            "--result": str(folder / "result.json"),
            "--findings": str(folder / "findings.jsonl"),
            "--history": str(folder / "history.json"),
            "--cores": str(min(os.cpu_count() or 1, CORES_MAX)),
            "--folder": str(folder),
        }
        _run([text for option in options.items() for text in option], folder / "log", doing)
        with (folder / "findings.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                found(finding_in(line))
        result = from_json((folder / "result.json").read_bytes())
    strays = files.strays(datetime.now(UTC).date())
    return replace(result, files=Files(files.digests, len(strays), tuple(strays[:STRAYS_MAX])))


def _local(export: FoundExport, folder: Path, doing: Callable[[str], None]) -> Path:
    """The export's folder on this machine."""
    place = export.files
    names = [name for name in place.names() if name in SMALL_FILES]
    names += [file.key for file in export.export.files]
    if names and (path := place.local(names[0])) is not None:
        return path.parent
    doing(f"downloading the export's {len(export.export.files)} data files")
    (folder / "data").mkdir(parents=True)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(lambda name: _copy(place, name, folder / name), names))
    return folder


def _copy(place: Location, name: str, path: Path) -> None:
    with path.open("wb") as file:
        for chunk in place.chunks(name):
            file.write(chunk)


def _download(s3: "S3Client", bucket: str, files: Sequence[tuple[str, Path]]) -> None:
    for parent in {path.parent for _, path in files}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(lambda file: s3.download_file(bucket, file[0], str(file[1])), files))


def _run(options: Sequence[str], log: Path, doing: Callable[[str], None]) -> None:
    """Run the job and report its steps."""
    refused = None
    with log.open("wb") as errors, _job(options, errors) as job:
        for line in job.stdout or ():
            message = json.loads(line)
            refused = message.get("refused", refused)
            if "doing" in message:
                doing(message["doing"])
    if job.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise SparkFailed(refused or f"The Spark job ended with the code {job.returncode}: {last}")


@contextmanager
def _job(options: Sequence[str], errors: IO[bytes]) -> Iterator["subprocess.Popen[str]"]:
    """Run the job until its end. It is stopped if the block is left earlier, for example by Ctrl-C."""
    job = subprocess.Popen(
        [str(PYTHON), "-m", "ops.lake.spark.job", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,  # Ctrl-C reaches this process only, which then stops the job
    )
    try:
        yield job
        job.wait()
    finally:
        if job.poll() is None:
            _stop(job)


def _stop(job: "subprocess.Popen[str]") -> None:
    """Stop the job, which stops Spark. All are in one process group, in case the job does not end."""
    job.terminate()
    try:
        job.wait(STOP_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()
