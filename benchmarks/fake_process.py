"""Runs a fake of an AWS service in a separate process.

The separate process keeps its CPU time and its interpreter lock out of the measurement. A fake keeps connections open,
uses HTTP on 127.0.0.1 without TLS, and reads only what its answers need.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from local_stack.loopback_server import LoopbackServer

Answer = Callable[[str, bytes], tuple[float, bytes]]
"""Returns the wait in seconds and the body of the answer to an operation, such as "Query", with this body."""

STOP_TIMEOUT_S = 5.0

_ROOT = Path(__file__).parents[1]


@contextmanager
def running(module: str) -> Iterator[str]:
    """Run a module that calls `serve` and yield its URL.

    If this process is killed, the fake's standard input is closed, and it ends.
    """
    command = [sys.executable, "-m", module]
    with subprocess.Popen(  # noqa: S603 -- fixed arguments
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            port = int(process.stdout.readline())  # type: ignore[union-attr]  # it is a pipe
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # as above
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(answer: Answer) -> None:
    """Answer requests until the standard input is closed. Prints the port first."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wait_s, answered = answer(self.headers["X-Amz-Target"].rpartition(".")[2], body)
            time.sleep(wait_s)
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class' name
            """Log nothing, instead of a line per request."""

    with LoopbackServer(Answers) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
