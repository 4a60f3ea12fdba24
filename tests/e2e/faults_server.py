"""A small server for requests about faults, which answers as the console does."""

import json
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_stack.faults.requests import answer
from local_stack.faults.switch import FaultSwitch
from local_stack.loopback_server import LoopbackServer

TOKEN = "token-of-a-test"


class FaultsServer(LoopbackServer):
    """The server; use it as a context manager."""

    def __init__(self, switch: FaultSwitch) -> None:
        super().__init__(partial(_Handler, switch))
        self.url = f"http://127.0.0.1:{self.port}/"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, switch: FaultSwitch, *request: Any) -> None:  # noqa: ANN401 -- socketserver's
        self._switch = switch
        super().__init__(*request)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        status, found = answer(self._switch, self.command, self.path, body)
        content = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _serve  # noqa: N815 -- http.server's names

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the base class's signature
        """Log nothing."""
