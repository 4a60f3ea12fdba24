"""An HTTP server of the local stack, on a free port of 127.0.0.1."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

POLL_S = 0.05
SOCKET_TIMEOUT_S = 10.0


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # the default of 5 refuses clients that open ten connections at once
    daemon_threads = True


class LoopbackServer:
    """An HTTP server in its own thread; use it as a context manager.

    Creating it reserves the port. Entering starts the thread; leaving stops it and closes the port.

    Args:
        handler: creates a request's handler. `http.server` calls it with the socket, client address and server.
    """

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)
        self.port: int = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
