"""Limits the read rate by the time at which the next read may begin (GCRA, a form of the token bucket).

The capacity that a read uses is known only once it is done. So each read reserves what the previous read of its part
used, and the reservation is corrected afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

READ_UNITS_MAX = 500.0
"""Read units per second. It leaves capacity for the API: a new on-demand table serves 12,000
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html, "Initial throughput")."""


class Pace(Protocol):
    """Decides when reads may begin."""

    def reserve(self, units: float) -> float:
        """Seconds to wait before a read that may use this many units."""

    def settle(self, reserved: float, units: float) -> None:
        """Corrects a reservation by the units that the read used."""

    def sleep(self, seconds: float) -> None:
        """Waits for this long."""


@dataclass(slots=True)
class ReadPace:
    """At most `units_per_s` on average. Only `sleep` may be called by several threads.

    Args:
        units_per_s: read units; positive.
        clock: seconds, monotonic.
        wait: waits that many seconds, or less if the run must end.
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
    """No limit."""

    def reserve(self, units: float) -> float:  # noqa: ARG002 -- the protocol's
        return 0.0

    def settle(self, reserved: float, units: float) -> None:
        """Does nothing."""

    def sleep(self, seconds: float) -> None:
        """Does nothing."""
