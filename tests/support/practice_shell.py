"""Runs blocks of shell code in bash, with programs that are functions of this process.

So bash itself evaluates variables, substitutions, pipes and redirections as an operator's terminal does, while the
programs work on the local stack without starting processes. A program is a function in bash that sends its arguments to
this process and prints the response.
"""

import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

POLL_S = 0.01
TIMEOUT_S = 60.0
PRELUDE = r"""
set -o pipefail
_call() (
  exec 9<>"/dev/tcp/127.0.0.1/$PRACTICE_PORT" || exit 99
  printf '%s\0' "$#" "$@" >&9
  IFS= read -r status <&9
  cat <&9
  exit "$status"
)
"""


@dataclass(frozen=True)
class Answer:
    """What a program prints, and its exit code."""

    out: str = ""
    err: str = ""
    status: int = 0


Program = Callable[[Sequence[str]], Answer]
"""Receives the arguments without the program's name."""


@dataclass(frozen=True)
class Ran:
    """A block of shell code that has run: its standard output, and the calls of its programs in order."""

    out: str
    err: str
    calls: Sequence[tuple[Sequence[str], Answer]] = field(default_factory=tuple)

    @property
    def seen(self) -> str:
        """All that the operator sees."""
        return "\n".join([self.out, self.err, *(answer.err for _, answer in self.calls)])


class Shell:
    """A terminal into which an operator pastes blocks. Each block runs in a new bash, in the same folder.

    Args:
        preparation: shell code that runs before each block.
        programs: the programs by name.
        folder: the working directory.
    """

    def __init__(self, preparation: str, programs: Mapping[str, Program], folder: Path) -> None:
        functions = "\n".join(f'{name}() {{ _call {name} "$@"; }}' for name in programs)
        self._before = f"{PRELUDE}\n{preparation}\n{functions}\n"
        self._programs, self._folder = programs, folder

    def run(self, script: str) -> Ran:
        """Run a block and return what it printed. An unexpected exception of a program is raised here."""
        calls: list[tuple[Sequence[str], Answer]] = []
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            server.settimeout(POLL_S)
            process = subprocess.Popen(  # noqa: S603 -- the runbook's code
                ["bash", "-c", self._before + script],  # noqa: S607 -- the operator's shell
                env={"PATH": os.environ["PATH"], "PRACTICE_PORT": str(server.getsockname()[1])},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                while process.poll() is None:
                    try:
                        connection, _ = server.accept()
                    except TimeoutError:
                        continue
                    with connection:
                        connection.settimeout(TIMEOUT_S)
                        calls.append(self._serve(connection))
            finally:
                process.kill()
                process.wait()
            return Ran(_content(out), _content(err), tuple(calls))

    def _serve(self, connection: socket.socket) -> tuple[Sequence[str], Answer]:
        words = _words(connection)
        answer = self._programs[words[0]](words[1:])
        connection.sendall(f"{answer.status}\n{answer.out}".encode())
        return words, answer


def _words(connection: socket.socket) -> list[str]:
    received = b""
    while received.count(b"\0") < 1 or received.count(b"\0") <= int(received.partition(b"\0")[0]):
        part = connection.recv(65_536)
        assert part, received
        received += part
    return received.decode().split("\0")[1:-1]


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
