"""A thread that runs poll cycles, and ways to wait until it is idle."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class PollCycle:
    """Result of one poll cycle.

    Attributes:
        pause_s: seconds to wait before the next cycle; 0 while there is work.
        is_idle: the cycle read everything available, and no work is left.
    """

    pause_s: float
    is_idle: bool


class Waitable(Protocol):
    """A worker that you can wait for."""

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Return whether it became idle within `timeout_s`; False if it is not running."""
        ...


class Worker(Protocol):
    """A worker with a thread."""

    def start(self) -> None:
        """Start the thread."""
        ...

    def stop(self) -> object:
        """Stop it, and wait a bounded time for its end."""
        ...


class PollLoop:
    """Runs poll cycles in its own thread.

    Args:
        name: name of the thread.
        work: runs one cycle. Its argument states whether `wait_until_idle` was called since the last cycle. It must not
            raise.
    """

    def __init__(self, name: str, work: Callable[[bool], PollCycle]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._is_awaited = False
        self._has_left = False
        self._begun = 0
        self.done = 0
        """Number of cycles completed."""
        self.is_idle = False
        """Whether the last cycle was idle."""

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: the thread is already running.
        """
        if self._thread is not None:
            raise RuntimeError(f"{self._name} is running already")
        self._stopping.clear()
        self._has_left = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the current cycle; wait for it at most `timeout_s`.

        Returns:
            Whether the thread has ended. If not, it ends when the current cycle does.
        """
        self._stopping.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        if thread.is_alive():
            logger.warning("%s: did not stop in time; the function has not answered yet", self._name)
            return False
        self._thread = None
        return True

    def resume(self) -> None:
        """Run again after `stop`, whether or not the thread has ended: one that has not goes on after its cycle."""
        with self._changed:
            if self._thread is not None and not self._has_left:
                self._stopping.clear()
                return
        if self._thread is not None:
            self._thread.join()  # it has left its loop, so this takes no time
            self._thread = None
        self.start()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait for an idle cycle that began after this call.

        Returns:
            False if there was none within `timeout_s`, or the loop is stopped.
        """
        with self._changed:
            target = self._begun + 1
            self._is_awaited = True
            self._wake.set()
            self._changed.wait_for(lambda: self._is_settled(target) or not self.is_running(), timeout_s)
            return self._is_settled(target)

    def run_cycle(self) -> float:
        """Run one cycle, as the thread does. Do not call it while the thread is running.

        Returns:
            Seconds to wait before the next cycle; 0 while there is work.
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
        """Whether the thread runs and has not been asked to stop."""
        return self._thread is not None and self._thread.is_alive() and not self._stopping.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called. A long cycle may check it and return early."""
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self._leaves():
            pause_s = self.run_cycle()
            self._wake.wait(pause_s)
            self._wake.clear()

    def _leaves(self) -> bool:
        """Whether the thread ends now."""
        with self._changed:
            self._has_left = self._stopping.is_set()
            if self._has_left:
                self._changed.notify_all()
            return self._has_left

    def _is_settled(self, target: int) -> bool:
        return self.done >= target and self.is_idle


def wait_until_all_idle(
    workers: Iterable[Waitable], timeout_s: float, *, monotonic: Callable[[], float] = time.monotonic
) -> bool:
    """Wait for several workers, one after the other, until they have processed all records written before the call.

    Args:
        workers: the workers in the order in which they process a record. A function that feeds a stream comes before
            the stream's consumers.
        timeout_s: limit for all workers together.
        monotonic: returns seconds of a clock that never goes back.

    Returns:
        False if a worker was not idle in time, or is not running.
    """
    deadline = monotonic() + timeout_s
    return all(worker.wait_until_idle(max(0.0, deadline - monotonic())) for worker in workers)


@contextmanager
def running(workers: Sequence[Worker]) -> Iterator[None]:
    """Start the workers; on exit, stop all of them at the same time.

    If the server does not answer, each waits for its last request. One after the other, they would take minutes.
    """
    try:
        for worker in workers:
            worker.start()
        yield
    finally:
        with ThreadPoolExecutor(len(workers)) as executor:
            stopping = [executor.submit(worker.stop) for worker in workers]
        for each in stopping:
            each.result()
