"""The processes that run a function, and the fault of killing the projector's."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from local_stack.faults.errors import FaultRefused
from local_stack.local_deployment import LocalDeployment

PROCESSES = Path("/proc")


class KilledProjector:
    """SIGKILL to the projector's process."""

    def __init__(self, deployment: LocalDeployment) -> None:
        self._deployment = deployment

    def begin(self, _settings: Mapping[str, str]) -> Mapping[str, str]:
        if not PROCESSES.exists():
            raise FaultRefused("Processes are found in /proc, which only Linux has.", "Choose another fault.")
        if not kill_workers(self._deployment, self._deployment.address.outputs["ProjectorFunctionName"]):
            raise FaultRefused("The projector has no process now.", "Send a command, and try again.")
        return {}

    def end(self) -> None:
        """Nothing to undo: the next invocation starts a new process."""


def kill_workers(deployment: LocalDeployment, function_name: str) -> int:
    """Send SIGKILL to every process that runs the function; return the number of those that received it."""
    killed = 0
    for pid in worker_pids(deployment.emulator.pid, function_name):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def worker_pids(emulator_pid: int, function_name: str) -> Iterator[int]:
    """The process ids of the emulator's workers that run the function."""
    for process in PROCESSES.iterdir():
        if not process.name.isdigit():
            continue
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_text()
        except (OSError, ValueError):
            continue
        if parent == emulator_pid and f"ministack-lambda-{function_name}-" in command:
            yield int(process.name)
