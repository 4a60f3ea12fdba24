"""Ctrl-C in tests."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard() -> Iterator[None]:
    """SIGINT works as in a terminal's foreground: here, and in every program that is started inside.

    A shell that starts the tests in the background has them ignore it, and so would all they start.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
