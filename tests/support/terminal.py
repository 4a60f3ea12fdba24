"""The `account-events` command, as a person runs it in a terminal."""

import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from local_stack.address import Address
from tests.support import ctrl_c

COMMAND = Path(sys.executable).with_name("account-events")
TIMEOUT_S = 120.0


class Terminal:
    """A command running in a terminal of its own process group, its output collected."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.output = ""
        with ctrl_c.enabled():
            self.process = subprocess.Popen(  # noqa: S603 -- our own command
                [COMMAND, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
                start_new_session=True,
            )

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            found = re.search(pattern, self.output)
            if found:
                return found
            if not self._read():
                break
        pytest.fail(f"{pattern!r} never appeared in:\n{self.output}")

    def end(self, number: int | None = None) -> int:
        """Send the signal, if any, wait for the end of the command and return its exit code."""
        if number is not None:
            self.process.send_signal(number)
        deadline = time.monotonic() + TIMEOUT_S
        while self._read():
            assert time.monotonic() < deadline, self.output
        return self.process.wait(TIMEOUT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> bool:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
        if ready:
            chunk = os.read(self.process.stdout.fileno(), 65536)
            self.output += chunk.decode()
            return bool(chunk)
        return True


Open = Callable[..., Terminal]


def account_events(address: Address, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with the local stack at this address."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "address.json"
        file.write_text(json.dumps(asdict(address)))
        return subprocess.run(  # noqa: S603 -- our own command
            [COMMAND, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "ACCOUNT_EVENTS_LOCAL_STACK": str(file)},
            cwd=folder,
        )
