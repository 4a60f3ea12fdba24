"""Threads on a virtual clock: only one runs at a time, the one that wakes up first. A seed repeats a run exactly."""

import heapq
import threading
from collections.abc import Callable, Sequence
from itertools import count


class VirtualTime:
    """A clock that moves only when all threads wait. Attributes: `now_s` is its time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._numbers = count()
        self._errors: list[Exception] = []

    def run(self, functions: Sequence[Callable[[], None]]) -> None:
        """Run all functions to the end, each in a thread, and raise the first error."""
        threads = [
            threading.Thread(target=self._run_one, args=(each, self._gate(0)), daemon=True) for each in functions
        ]
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def sleep(self, seconds: float) -> None:
        gate = self._gate(seconds)
        self._wake_next()
        gate.acquire()

    def _gate(self, seconds: float) -> threading.Semaphore:
        """What a thread waits for until its time has come. The number decides between two at the same time."""
        gate = threading.Semaphore(0)
        heapq.heappush(self._waiting, (self.now_s + seconds, next(self._numbers), gate))
        return gate

    def _wake_next(self) -> None:
        if self._waiting:
            self.now_s, _, gate = heapq.heappop(self._waiting)
            gate.release()

    def _run_one(self, function: Callable[[], None], gate: threading.Semaphore) -> None:
        gate.acquire()
        try:
            function()
        except Exception as error:  # noqa: BLE001 -- raised again by `run`
            self._errors.append(error)
        self._wake_next()
