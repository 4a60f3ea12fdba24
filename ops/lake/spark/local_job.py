"""Runs a Spark job on this machine, as a process of its own: checks what it needs, starts it, reports its steps."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from local_stack.errors import CommandError

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


def run_job(module: str, options: Mapping[str, str], folder: Path, doing: Callable[[str], None]) -> None:
    """Run a job of this package.

    Args:
        module: its name.
        options: its options, without those of the Spark session.
        folder: a folder for temporary files.
        doing: called at the start of each step.

    Raises:
        SparkFailed: the job refused its input or failed.
    """
    session = {"--cores": str(min(os.cpu_count() or 1, CORES_MAX)), "--folder": str(folder)}
    arguments = [text for option in {**options, **session}.items() for text in option]
    refused, other, log = None, "", folder / "log"
    with log.open("wb") as errors, _job(module, arguments, errors) as job:
        for line in job.stdout or ():
            if (message := _message(line)) is None:
                other = line.strip() or other
                continue
            refused = message.get("refused", refused)
            if "doing" in message:
                doing(message["doing"])
    if job.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        why = ". Before: ".join(text for text in (last, other) if text)
        raise SparkFailed(refused or f"The Spark job ended with the code {job.returncode}: {why}")


def _message(line: str) -> dict[str, str] | None:
    """A message of the job; None for another line, because Java may write lines, too, for example warnings."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def download(s3: "S3Client", bucket: str, files: Sequence[tuple[str, Path]]) -> None:
    """Download objects, given their keys and the files to write."""
    for parent in {path.parent for _, path in files}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(lambda file: s3.download_file(bucket, file[0], str(file[1])), files))


@contextmanager
def _job(module: str, arguments: Sequence[str], errors: IO[bytes]) -> Iterator["subprocess.Popen[str]"]:
    """Run the job until its end. It is stopped if the block is left earlier, for example by Ctrl-C."""
    job = subprocess.Popen(
        [str(PYTHON), "-m", f"{__package__}.{module}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,  # Ctrl-C reaches this process only, which then stops the job
    )
    with job:  # closes the pipe
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
