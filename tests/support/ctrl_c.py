"""Ctrl-C in tests."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


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
