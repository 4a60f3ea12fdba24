"""How much of the machine a piece of work used, and how much other processes used meanwhile. For Linux; see proc(5)."""

import os
import resource
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

OTHERS_SHARE_MAX = 0.1
"""A measurement is void if other processes used more of the machine than this."""
_TICKS = os.sysconf("SC_CLK_TCK")
_GROUP, _USER, _SYSTEM = 2, 11, 12
"""Positions in a process's `stat`, after its name."""


class Used(NamedTuple):
    """Attributes: `took_s` is wall time, the CPU times are in seconds, and the shares are of all cores."""

    took_s: float
    own_s: float
    emulator_s: float
    emulator_share: float
    others_share: float


@dataclass(slots=True)
class Watch:
    """Measures from its creation until `used` is called.

    Args:
        group: the emulator's process group, which contains its Lambda workers.
    """

    group: int
    _begun: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self._times()

    def used(self) -> Used:
        took_s, own_s, emulator_s, busy_s = (
            now - before for now, before in zip(self._times(), self._begun, strict=True)
        )
        all_s = took_s * (os.cpu_count() or 1)
        return Used(took_s, own_s, emulator_s, emulator_s / all_s, max(0.0, busy_s - own_s - emulator_s) / all_s)

    def _times(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), own_cpu_s(), group_cpu_s(self.group), busy_s()


def busy_s() -> float:
    """The busy time of all cores."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(values) - values[3] - values[4]) / _TICKS


def own_cpu_s() -> float:
    """The CPU time of this process and of commands that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def group_cpu_s(group: int) -> float:
    """The CPU time of all processes of a process group that are running."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has just ended
            values = stat.read_text().rpartition(")")[2].split()
            if int(values[_GROUP]) == group:
                total += int(values[_USER]) + int(values[_SYSTEM])
    return total / _TICKS
