"""The command line of a simulation: many scenarios with fresh seeds in every run, or one scenario's log."""

import argparse
import secrets
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from tests.simulation.projector.fault_plan import FaultPlan
from tests.support.seeds import FRESH_BITS

CHUNK = 100


class Scenario(Protocol):
    """A scenario of one seed."""

    fault_plan: FaultPlan

    def run(self) -> None:
        """Raises any error that a bug causes."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulation. Its functions belong to modules, because other processes call them.

    Attributes:
        module: what `python -m` runs.
        target: of the Makefile.
        description: for the help.
        scenario: makes the scenario of a seed.
        play: plays the scenarios of some seeds, and raises the error of the first that fails.
        seeds: the default number of scenarios.
    """

    module: str
    target: str
    description: str
    scenario: Callable[[int], Scenario]
    play: Callable[[range], object]
    seeds: int

    def main(self) -> int:
        """Exit codes: 0, every scenario kept every promise; 1, one did not; 130, Ctrl-C."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=self.description)
        parser.add_argument("--seeds", type=int, default=self.seeds, help="number of scenarios (default: %(default)s)")
        parser.add_argument("--first", type=int, help="first seed (default: a fresh one)")
        parser.add_argument("--jobs", type=int, default=1, help="number of processes (default: %(default)s)")
        parser.add_argument("--log", action="store_true", help="run only the first scenario and print its log")
        arguments = parser.parse_args()
        first = secrets.randbits(FRESH_BITS) if arguments.first is None else arguments.first
        if arguments.log:
            return self._log(first)
        _print(f"first seed {first}; repeat: make {self.target} SEEDS={arguments.seeds} FIRST={first}\n")
        try:
            for done, failure in self._played(first, arguments.seeds, arguments.jobs):
                _print(f"\r{done:,} of {arguments.seeds:,} scenarios")
                if failure:
                    _print(f"\n{failure}\n")
                    return 1
        except KeyboardInterrupt:
            _print("\ninterrupted\n")
            return 130
        _print(f"\r{arguments.seeds:,} scenarios from seed {first}: every promise kept\n")
        return 0

    def _played(self, first: int, seeds: int, jobs: int) -> Iterator[tuple[int, str]]:
        """Yield the number of finished scenarios, and the failure of one of them."""
        starts = range(first, first + seeds, CHUNK)
        chunks = [range(start, min(start + CHUNK, first + seeds)) for start in starts]
        if jobs == 1:
            done = map(self._play_chunk, chunks)
            yield from ((min(number * CHUNK, seeds), failure) for number, failure in enumerate(done, 1))
            return
        with ProcessPoolExecutor(jobs, initializer=_leave_ctrl_c_to_the_parent) as processes:
            try:
                failures = processes.map(self._play_chunk, chunks)
                yield from ((min(number * CHUNK, seeds), failure) for number, failure in enumerate(failures, 1))
            finally:
                processes.shutdown(wait=False, cancel_futures=True)

    def _play_chunk(self, seeds: range) -> str:
        """Return the traceback of the first failing scenario, with the command that repeats it."""
        try:
            self.play(seeds)
        except Exception:  # noqa: BLE001 -- whatever a bug raises
            return traceback.format_exc()
        return ""

    def _log(self, seed: int) -> int:
        scenario = self.scenario(seed)
        try:
            scenario.run()
        except Exception:  # noqa: BLE001 -- whatever a bug raises
            traceback.print_exc(file=sys.stdout)
            return 1
        finally:
            for at_s, what, about in scenario.fault_plan.log:
                _print(f"{at_s:12.3f}  {what}  {', '.join(map(str, about))}\n")
        return 0


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
