"""Many stories of the projector: `python -m tests.simulation.projector --seeds 100000`; other ones in every run."""

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
    """0: every story ended well; 1: one did not; 130: Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.projector", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many stories (10000)")
    parser.add_argument("--first", type=int, help="the first seed (drawn)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes (1)")
    parser.add_argument("--tell", action="store_true", help="tell what happens in the first story, and no other")
    arguments = parser.parse_args()
    if arguments.first is None:
        arguments.first = secrets.randbits(FRESH_BITS)
    if arguments.tell:
        return _tell(arguments.first)
    _say(f"from seed {arguments.first} on; again: make simulate SEEDS={arguments.seeds} FIRST={arguments.first}\n")
    try:
        for done, failure in _played(arguments.first, arguments.seeds, arguments.jobs):
            _say(f"\r{done:,} of {arguments.seeds:,} stories")
            if failure:
                _say(f"\n{failure}\n")
                return 1
    except KeyboardInterrupt:
        _say("\nended\n")
        return 130
    _say(f"\r{arguments.seeds:,} stories, from seed {arguments.first} on: every promise kept\n")
    return 0


def _played(first: int, seeds: int, jobs: int) -> Iterator[tuple[int, str]]:
    """How many stories are over, and what is wrong with one of them."""
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
    """What is wrong with the first story that does not end well, with the command that tells it."""
    try:
        for seed in seeds:
            play(seed)
    except Exception:  # noqa: BLE001 -- whatever a bug raises
        return traceback.format_exc()
    return ""


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell(seed: int) -> int:
    scenario = Scenario(seed)
    try:
        scenario.run()
    except Exception:  # noqa: BLE001 -- whatever a bug raises
        traceback.print_exc(file=sys.stdout)
        return 1
    finally:
        for at_s, what, about in scenario.fault_plan.log:
            _say(f"{at_s:12.3f}  {what}  {', '.join(map(str, about))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
