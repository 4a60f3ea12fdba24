"""A small HTTP server of the house: on 127.0.0.1, on a free port, in a thread of its own."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

POLL_S = 0.05
SOCKET_TIMEOUT_S = 10.0


class LoopbackServer:
    """Use as a context manager: it answers inside, gone after.

    Args:
        handler: makes the handler of a request, as `http.server` calls it: with its socket, address and server.
    """

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)
        self.port: int = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
