"""Reads at a rate: a token bucket in its other form, the time at which the next read may begin (as in GCRA).

What a read takes is known only when it is done. So each reserves what the last of its part took, and the difference is
settled afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

READ_UNITS_MAX = 500.0
"""Read units a second, so that the API is not throttled meanwhile: a new on-demand table serves 12,000
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html, "Initial throughput")."""


class Pace(Protocol):
    """When reads may begin."""

    def reserve(self, units: float) -> float:
        """Seconds to wait before a read that may take so many units."""

    def settle(self, reserved: float, units: float) -> None:
        """It took so many."""

    def sleep(self, seconds: float) -> None:
        """Wait so long."""


@dataclass(slots=True)
class ReadPace:
    """At most `units_per_s`, on average; called by one thread, but for `sleep`.

    Args:
        units_per_s: read units; positive.
        clock: seconds, monotonic.
        wait: waits that many seconds, or less if the run is to end.
    """

    units_per_s: float
    clock: Callable[[], float]
    wait: Callable[[float], object]
    _free_at_s: float = 0.0

    def reserve(self, units: float) -> float:
        now_s = self.clock()
        begin_s = max(now_s, self._free_at_s)
        self._free_at_s = begin_s + units / self.units_per_s
        return begin_s - now_s

    def settle(self, reserved: float, units: float) -> None:
        self._free_at_s += (units - reserved) / self.units_per_s

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)


class Unpaced:
    """As fast as it goes."""

    def reserve(self, units: float) -> float:  # noqa: ARG002 -- the protocol's
        return 0.0

    def settle(self, reserved: float, units: float) -> None:
        """Nothing is counted."""

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""
