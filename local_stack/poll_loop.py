"""A thread that makes one pass after the other, and can be waited for."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class PollCycle:
    """What a pass found.

    Attributes:
        pause_s: how long to wait before the next one; 0 while there is work.
        is_idle: it has seen everything there is, and nothing of it is left to do.
    """

    pause_s: float
    is_idle: bool


class Waitable(Protocol):
    """What can be waited for."""

    def wait_until_idle(self, timeout_s: float) -> bool:
        """False if it is not idle in time, or is not running."""
        ...


class PollLoop:
    """Runs passes in a thread of its own.

    Args:
        name: the thread's.
        work: makes one pass; told whether somebody has begun to wait since the last one. It does not raise.
    """

    def __init__(self, name: str, work: Callable[[bool], PollCycle]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._is_awaited = False
        self._begun = 0
        self.done = 0
        """How many passes."""
        self.is_idle = False
        """Whether the last one was."""

    def start(self) -> None:
        """Begin.

        Raises:
            RuntimeError: it is running already.
        """
        if self._thread is not None:
            raise RuntimeError(f"{self._name} is running already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the pass under way, and wait for that at most `timeout_s`.

        Returns:
            Whether the thread has ended. If not, it ends by itself as soon as the pass does.
        """
        self._stopping.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        if thread.is_alive():
            logger.warning("%s: still waiting for the function to answer", self._name)
            return False
        self._thread = None
        return True

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until a pass that began after this call was idle.

        Returns:
            False if that did not happen within `timeout_s`, or it was stopped.
        """
        with self._changed:
            target = self._begun + 1
            self._is_awaited = True
            self._wake.set()
            self._changed.wait_for(lambda: self._is_settled(target) or not self.is_running(), timeout_s)
            return self._is_settled(target)

    def run_cycle(self) -> float:
        """One pass, as the thread does it. Not while that is running.

        Returns:
            Seconds to wait before the next pass; 0 while there is work.
        """
        with self._changed:
            self._begun += 1
            is_awaited, self._is_awaited = self._is_awaited, False
        made = self._work(is_awaited)
        with self._changed:
            self.done = self._begun
            self.is_idle = made.is_idle
            self._changed.notify_all()
        return made.pause_s

    def is_running(self) -> bool:
        """Whether the thread makes passes and is not about to stop."""
        return self._thread is not None and self._thread.is_alive() and not self._stopping.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop: a long pass may end early."""
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause_s = self.run_cycle()
            self._wake.wait(pause_s)
            self._wake.clear()
        with self._changed:
            self._changed.notify_all()

    def _is_settled(self, target: int) -> bool:
        return self.done >= target and self.is_idle


def wait_until_all_idle(
    all_of_them: Iterable[Waitable], timeout_s: float, *, monotonic: Callable[[], float] = time.monotonic
) -> bool:
    """Wait for several, one after the other, for `timeout_s` in all.

    Args:
        all_of_them: in the order in which records pass them: a function that feeds another's stream comes before it.
            What was written before the call has then passed all of them.
        timeout_s: for all of them together.
        monotonic: seconds of a clock that never goes back.

    Returns:
        False if one of them was not idle in time, or is not running.
    """
    deadline = monotonic() + timeout_s
    return all(each.wait_until_idle(max(0.0, deadline - monotonic())) for each in all_of_them)
