"""A connection that a test can cut."""

import select
import socket
import threading
from contextlib import suppress
from typing import Self


class Wire:
    """A connection to the emulator that can be cut: a server on a port of its own that passes on all bytes."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_cut = self._is_closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = self.is_cut = True
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        peers: dict[socket.socket, socket.socket] = {}
        while not self._is_closed:
            if self.is_cut:
                self._end(peers, *peers)
            for ready in select.select([self._listener, *peers], [], [], 0.05)[0]:
                if ready is self._listener:
                    self._connect(peers)
                elif ready in peers:
                    self._pass_on(peers, ready)
        self._end(peers, *peers)

    def _connect(self, peers: dict[socket.socket, socket.socket]) -> None:
        caller, _ = self._listener.accept()
        if self.is_cut:
            caller.close()
            return
        callee = socket.create_connection(("127.0.0.1", self._target))
        peers |= {caller: callee, callee: caller}

    def _pass_on(self, peers: dict[socket.socket, socket.socket], ready: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = ready.recv(65536)
            peers[ready].sendall(data)
        if not data:
            self._end(peers, ready)

    @staticmethod
    def _end(peers: dict[socket.socket, socket.socket], *ended: socket.socket) -> None:
        for each in ended:
            if (other := peers.pop(each, None)) is not None:
                peers.pop(other, None)
                each.close()
                other.close()
