"""Waiting for a condition that another process or thread makes true."""

import time
from collections.abc import Callable

POLL_S = 0.05


def await_condition(holds: Callable[[], object], what: Callable[[], object] | str, timeout_s: float) -> None:
    """Wait until `holds` returns a true value.

    Args:
        holds: the condition.
        what: what was awaited, or a function that returns what to print, for the failure.
        timeout_s: seconds after which the test fails.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        time.sleep(POLL_S)
