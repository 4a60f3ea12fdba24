"""A worker of the KCL: AWS's MultiLangDaemon on Java, which runs the guide's program for each shard."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, die_with_parent, uninterrupted
from tests.kcl import guide

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-kcl"
DAEMON = "software.amazon.kinesis.multilang.MultiLangDaemon"
JAVA_SETTINGS = ["-Xmx256m", "-Daws.cborEnabled=false"]
"""The emulator accepts requests to Kinesis only in JSON."""
STOP_TIMEOUT_S = 20.0
"""Longer than the guide's shutdownGraceMillis."""
POLL_S = 0.05
LOG_LINES = 40


class Worker:
    """A context manager that runs a worker.

    Args:
        java: the path of the program.
        folder: an empty folder for the guide's files and the log.
        endpoint_url: of the emulator.
        settings: properties that replace the guide's.
    """

    def __init__(self, java: str, folder: Path, endpoint_url: str, settings: Mapping[str, str]) -> None:
        self._java, self._folder, self._endpoint_url = java, folder, endpoint_url
        folder.mkdir()
        texts = guide.files()
        (folder / guide.PROGRAM).write_text(texts[guide.PROGRAM])
        used = {**guide.properties(texts[guide.PROPERTIES]), **settings}
        (folder / guide.PROPERTIES).write_text("".join(f"{name} = {value}\n" for name, value in used.items()))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- no shell, fixed arguments
                [self._java, *JAVA_SETTINGS, "-cp", self._class_path(), DAEMON, "--properties-file", guide.PROPERTIES],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the shards' programs are in its group and end with it
                preexec_fn=die_with_parent,  # noqa: PLW1509 -- one system call, no Python lock is taken
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()
        if error is not None:
            error.add_note(self.last_lines())

    def stop(self) -> None:
        """Stop the worker as a supervisor does: send SIGTERM to the daemon and let it shut down."""
        self._end(signal.SIGTERM, STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Kill the daemon and its programs at once, as when their machine fails."""
        self._end(signal.SIGKILL, 0)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Raises AssertionError if the condition does not become true in time, or the worker ends first."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert self._process is not None
            assert self._process.poll() is None, f"the worker ended with {self._process.returncode}: {what}"
            assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
            time.sleep(POLL_S)

    def last_lines(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join([f"The end of {self._log.name}:", *lines[-LOG_LINES:]])

    @property
    def _log(self) -> Path:
        return self._folder / "worker.log"

    def _class_path(self) -> str:
        """Get the class path from the package's script, as the guide describes."""
        script = [str(ENVIRONMENT / "bin" / name) for name in ("python", "amazon_kclpy_helper.py")]
        return subprocess.run(  # noqa: S603 -- no shell, fixed arguments
            [*script, "--print_classpath", "--properties", guide.PROPERTIES],
            cwd=self._folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=STOP_TIMEOUT_S,
        ).stdout.strip()

    def _environment(self) -> dict[str, str]:
        """An environment without this machine's AWS settings."""
        return {
            "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ.get('PATH', '')}",
            "HOME": str(self._folder),
            "PYTHONPATH": str(ROOT),
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with uninterrupted():
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout_s)
            with suppress(ProcessLookupError):  # also the programs, however the daemon ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT_S)
