"""Threads on a virtual clock: only one runs at a time, the one that wakes up first."""

import threading
from collections import defaultdict
from random import Random

from tests.simulation.turns import Turns


class VirtualTime(Turns):
    """Threads that sleep on a virtual clock. `now_s` moves only when all threads wait."""

    def __init__(self) -> None:
        super().__init__(Random(0))  # noqa: S311 -- it is not used
        self.now_s = 0.0
        self._wakes_s: defaultdict[str, float] = defaultdict(float)

    def sleep(self, seconds: float) -> None:
        self._wakes_s[threading.current_thread().name] = self.now_s + seconds
        self.change()

    def _next_gate(self) -> threading.Semaphore:
        first = min(self._gates, key=lambda name: (self._wakes_s[name], name))
        self.now_s = max(self.now_s, self._wakes_s[first])
        return self._gates[first]
