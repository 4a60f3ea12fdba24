"""Runs many scenarios of the projector, with fresh seeds in every run.

`python -m tests.simulation.projector --seeds 100000`
"""

import argparse
import secrets
import signal
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.projector.scenario import Scenario, play
from tests.support.seeds import FRESH_BITS

CHUNK = 100


def main() -> int:
    """Exit codes: 0, every scenario kept every promise; 1, one did not; 130, Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.projector", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="number of scenarios (default: %(default)s)")
    parser.add_argument("--first", type=int, help="first seed (default: a fresh one)")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes (default: %(default)s)")
    parser.add_argument("--log", action="store_true", help="run only the first scenario and print its log")
    arguments = parser.parse_args()
    if arguments.first is None:
        arguments.first = secrets.randbits(FRESH_BITS)
    if arguments.log:
        return _log(arguments.first)
    _print(f"first seed {arguments.first}; repeat: make simulate SEEDS={arguments.seeds} FIRST={arguments.first}\n")
    try:
        for done, failure in _played(arguments.first, arguments.seeds, arguments.jobs):
            _print(f"\r{done:,} of {arguments.seeds:,} scenarios")
            if failure:
                _print(f"\n{failure}\n")
                return 1
    except KeyboardInterrupt:
        _print("\ninterrupted\n")
        return 130
    _print(f"\r{arguments.seeds:,} scenarios from seed {arguments.first}: every promise kept\n")
    return 0


def _played(first: int, seeds: int, jobs: int) -> Iterator[tuple[int, str]]:
    """Yield the number of finished scenarios, and the failure of one of them."""
    starts = range(first, first + seeds, CHUNK)
    chunks = [range(start, min(start + CHUNK, first + seeds)) for start in starts]
    if jobs == 1:
        done = map(_play_chunk, chunks)
        yield from ((min(number * CHUNK, seeds), failure) for number, failure in enumerate(done, 1))
        return
    with ProcessPoolExecutor(jobs, initializer=_leave_ctrl_c_to_the_parent) as processes:
        try:
            failures = processes.map(_play_chunk, chunks)
            yield from ((min(number * CHUNK, seeds), failure) for number, failure in enumerate(failures, 1))
        finally:
            processes.shutdown(wait=False, cancel_futures=True)


def _play_chunk(seeds: range) -> str:
    """Return the traceback of the first failing scenario, with the command that repeats it."""
    try:
        for seed in seeds:
            play(seed)
    except Exception:  # noqa: BLE001 -- whatever a bug raises
        return traceback.format_exc()
    return ""


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _log(seed: int) -> int:
    scenario = Scenario(seed)
    try:
        scenario.run()
    except Exception:  # noqa: BLE001 -- whatever a bug raises
        traceback.print_exc(file=sys.stdout)
        return 1
    finally:
        for at_s, what, about in scenario.fault_plan.log:
            _print(f"{at_s:12.3f}  {what}  {', '.join(map(str, about))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
