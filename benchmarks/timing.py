"""How two pieces of work are compared on a machine that others use too."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = 15
REPEATS = 20
SENTINEL_SPREAD_MAX = 1.5
"""A fixed piece of work may take this much longer in its slowest quarter of runs than in its fastest."""


ATTEMPTS_MAX = 5
"""A noisy minute passes; a noisy machine does not."""
PAUSE_S = 5


class TooNoisy(Exception):
    """The machine's other work disturbed the measurement; its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Ours against a named peer, each measured once by each call, in `unit`.

    Attributes:
        target: the ratio ours / peer not to exceed; None: told, not judged.
        sentinel_clock: what the fixed work beside it is measured with, nanoseconds; wall time where they are, since
            other work that only takes turns with it leaves CPU time as it is.
    """

    name: str
    unit: str
    target: float | None
    ours: Callable[[], float]
    peer: Callable[[], float]
    sentinel_clock: Callable[[], int] = time.process_time_ns


@dataclass(frozen=True, slots=True)
class Result:
    """`ratio` is ours / peer where less is better for both; `sentinel` is how much a fixed piece of work varied."""

    name: str
    unit: str
    ours: float
    peer: float
    ratio: float
    target: float | None
    met: bool | None
    sentinel: float


def run(benchmarks: Sequence[Benchmark]) -> list[Result]:
    """Each benchmark's medians, from its first attempt that was quiet.

    Raises:
        TooNoisy: none of ATTEMPTS_MAX was.
    """
    return [_run(benchmark) for benchmark in benchmarks]


def _run(benchmark: Benchmark) -> Result:
    benchmark.ours()
    benchmark.peer()
    for number in range(ATTEMPTS_MAX):
        time.sleep(PAUSE_S if number else 0)
        ours, peer, spread = _attempt(benchmark)
        if spread <= SENTINEL_SPREAD_MAX:
            return _result(benchmark, ours, peer, spread)
    raise TooNoisy(f"The machine was too noisy: beside '{benchmark.name}' a fixed piece of work varied by {spread:.2f}")


def _attempt(benchmark: Benchmark) -> tuple[list[float], list[float], float]:
    """Ours and the peer in turn, so that both meet the same noise; who is first changes. And the sentinel's spread."""
    ours, peer, sentinel = list[float](), list[float](), list[float]()
    for number in range(ROUNDS):
        pair = [(ours, benchmark.ours), (peer, benchmark.peer)]
        for figures, measure in pair if number % 2 else reversed(pair):
            figures.append(measure())
        sentinel.append(_took_us(benchmark.sentinel_clock, _fixed_work, times=1))
    sentinel.sort()
    return ours, peer, median(sentinel[-(ROUNDS // 4) :]) / median(sentinel[: ROUNDS // 4])


def _result(benchmark: Benchmark, ours: list[float], peer: list[float], spread: float) -> Result:
    ratio = median(a / b for a, b in zip(ours, peer, strict=True))
    target = benchmark.target
    return Result(
        benchmark.name,
        benchmark.unit,
        round(median(ours), 1),
        round(median(peer), 1),
        round(ratio, 4),
        target,
        None if target is None else ratio <= target,
        round(spread, 2),
    )


def cpu_us(work: Callable[[], object], times: int = REPEATS) -> float:
    """CPU time of one call, in microseconds, averaged over enough of them for the clock's grain."""
    return _took_us(time.process_time_ns, work, times)


def _took_us(clock_ns: Callable[[], int], work: Callable[[], object], times: int) -> float:
    start = clock_ns()
    for _ in range(times):
        work()
    return (clock_ns() - start) / 1_000 / times


def _fixed_work() -> int:
    return sum(number * number for number in range(200_000))
