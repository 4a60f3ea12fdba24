"""Compares two pieces of work on a machine that also runs other work."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = 15
REPEATS = 20
SENTINEL_SPREAD_MAX = 1.5
"""The maximum variation of the sentinel, a fixed piece of work: the median of the slowest quarter of its runs, divided
by the median of the fastest quarter."""

ATTEMPTS_MAX = 5
"""Attempts per benchmark until the machine is quiet."""
PAUSE_S = 5


class TooNoisy(Exception):
    """Other work on the machine disturbed the measurement, so its figures are void."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Our code against a baseline. Each call measures once and returns a figure in `unit`.

    Attributes:
        target: the maximum of the ratio ours / baseline; None: the ratio is reported without a target.
        sentinel_clock: measures the sentinel, nanoseconds. Benchmarks of wall time need a wall clock: other processes
            that share a core increase wall time but not CPU time.
    """

    name: str
    unit: str
    target: float | None
    ours: Callable[[], float]
    baseline: Callable[[], float]
    sentinel_clock: Callable[[], int] = time.process_time_ns


@dataclass(frozen=True, slots=True)
class Result:
    """`ratio` is ours / baseline, less is better; `sentinel` is how much the sentinel varied."""

    name: str
    unit: str
    ours: float
    baseline: float
    ratio: float
    target: float | None
    met: bool | None
    sentinel: float


def run(benchmarks: Sequence[Benchmark], rounds: int = ROUNDS) -> list[Result]:
    """Return each benchmark's medians from its first attempt on a quiet machine.

    Raises:
        TooNoisy: the machine was noisy in all ATTEMPTS_MAX attempts.
    """
    return [_run(benchmark, rounds) for benchmark in benchmarks]


def _run(benchmark: Benchmark, rounds: int) -> Result:
    benchmark.ours()
    benchmark.baseline()
    for number in range(ATTEMPTS_MAX):
        time.sleep(PAUSE_S if number else 0)
        ours, baseline, spread = _attempt(benchmark, rounds)
        if spread <= SENTINEL_SPREAD_MAX:
            return _result(benchmark, ours, baseline, spread)
    raise TooNoisy(f"The machine was too noisy: during '{benchmark.name}', the sentinel varied by {spread:.2f}")


def _attempt(benchmark: Benchmark, rounds: int) -> tuple[list[float], list[float], float]:
    """Measure both in turn, so that both see the same noise. Return their figures and the sentinel's variation."""
    ours, baseline, sentinel = list[float](), list[float](), list[float]()
    for number in range(rounds):
        pair = [(ours, benchmark.ours), (baseline, benchmark.baseline)]
        for figures, measure in pair if number % 2 else reversed(pair):
            figures.append(measure())
        sentinel.append(_took_us(benchmark.sentinel_clock, _fixed_work, times=1))
    sentinel.sort()
    return ours, baseline, median(sentinel[-(rounds // 4) :]) / median(sentinel[: rounds // 4])


def _result(benchmark: Benchmark, ours: list[float], baseline: list[float], spread: float) -> Result:
    ratio = median(a / b for a, b in zip(ours, baseline, strict=True))
    target = benchmark.target
    return Result(
        benchmark.name,
        benchmark.unit,
        round(median(ours), 1),
        round(median(baseline), 1),
        round(ratio, 4),
        target,
        None if target is None else ratio <= target,
        round(spread, 2),
    )


def cpu_us(work: Callable[[], object], times: int = REPEATS) -> float:
    """CPU time of one call, in microseconds, averaged over enough calls for the clock's resolution."""
    return _took_us(time.process_time_ns, work, times)


def _took_us(clock_ns: Callable[[], int], work: Callable[[], object], times: int) -> float:
    start = clock_ns()
    for _ in range(times):
        work()
    return (clock_ns() - start) / 1_000 / times


def _fixed_work() -> int:
    return sum(number * number for number in range(200_000))
