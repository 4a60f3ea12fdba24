"""Ctrl-C in tests."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import duckdb


@contextmanager
def enabled() -> Iterator[None]:
    """Make SIGINT work as in a terminal's foreground, in this process and in programs that it starts meanwhile.

    A shell that starts the tests in the background makes them ignore SIGINT, and their programs would inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


ENDLESS = "SELECT count(*) FROM range(10000000000) AS a (n), range(1000000) AS b (n) WHERE a.n * b.n % 7 = 3"
"""A statement that would take years."""


class Pressed:
    """Presses Ctrl-C when a statement begins; use it as a context manager."""

    def __init__(self) -> None:
        self._begins = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._press, daemon=True)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(enabled())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._begins.set()
        self._thread.join()
        self._stack.close()

    def begins(self) -> None:
        """Press Ctrl-C now. Call it just before the statement: the other thread runs when DuckDB releases the GIL."""
        self._begins.set()

    def execute(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Execute ENDLESS."""
        self.begins()
        connection.execute(ENDLESS)

    def _press(self) -> None:
        self._begins.wait()
        if not self._is_over:
            os.kill(os.getpid(), signal.SIGINT)
