"""The faults of a stopped mapping and a stopped delivery."""

from collections.abc import Callable, Mapping
from typing import Protocol

from local_stack.faults.errors import FaultRefused


class Stoppable(Protocol):
    """A fake that runs in a thread of its own."""

    def resume(self) -> None: ...
    def stop(self) -> bool: ...


class Stopped:
    """A fake stops, and continues where it stopped.

    Args:
        runner: returns the fake; it is asked each time, because a fake may be replaced.
        is_running: whether it runs now.
    """

    def __init__(self, runner: Callable[[], Stoppable], is_running: Callable[[], bool]) -> None:
        self._runner, self._is_running = runner, is_running

    def begin(self, _settings: Mapping[str, str]) -> Mapping[str, str]:
        if not self._is_running():
            raise FaultRefused("It does not run.", "Start the local stack again with make up.")
        self._runner().stop()  # if a long invocation is in progress, it is the last one
        return {}

    def end(self) -> None:
        if not self._is_running():
            self._runner().resume()  # it waits for no invocation that is still in progress
