"""`make bench`: run every benchmark, print a table, write results.json. Exit code 2 if the machine was too noisy."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import process_time_ns

from rich.console import Console
from rich.table import Table

from benchmarks import read_account

RESULTS = Path(__file__).with_name("results.json")
ROUNDS = 15
REPEATS = 20
SENTINEL_SPREAD_MAX = 1.5
"""A fixed piece of work may take this much longer in its slowest quarter of runs than in its fastest."""


@dataclass(frozen=True, slots=True)
class Result:
    """`ratio` is ours / peer where less is better for both; `target` is the ratio not to exceed."""

    name: str
    unit: str
    ours: float
    peer: float
    ratio: float
    target: float
    met: bool


def main() -> int:
    sentinel: list[float] = []
    results = []
    for name, unit, target, ours, peer in read_account.BENCHMARKS:
        ours_us, peer_us = [], []
        for _ in range(ROUNDS):
            ours_us.append(_cpu_us(ours))
            peer_us.append(_cpu_us(peer))
            sentinel.append(_cpu_us(_fixed_work, times=1))
        ratio = median(a / b for a, b in zip(ours_us, peer_us, strict=True))
        results.append(
            Result(
                name,
                unit,
                round(median(ours_us), 1),
                round(median(peer_us), 1),
                round(ratio, 4),
                target,
                ratio <= target,
            )
        )
    quarter = len(sentinel) // 4
    spread = median(sorted(sentinel)[-quarter:]) / median(sorted(sentinel)[:quarter])
    if spread > SENTINEL_SPREAD_MAX:
        Console(stderr=True).print(
            f"The machine was too noisy (a fixed piece of work varied by {spread:.2f}): nothing written, run it again."
        )
        return 2
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    _print(results, spread)
    return 0 if all(result.met for result in results) else 1


def _cpu_us(work: Callable[[], object], times: int = REPEATS) -> float:
    """CPU time of one call, in microseconds, averaged over enough of them for the clock's grain."""
    start = process_time_ns()
    for _ in range(times):
        work()
    return (process_time_ns() - start) / 1_000 / times


def _fixed_work() -> int:
    return sum(number * number for number in range(200_000))


def _print(results: list[Result], spread: float) -> None:
    table = Table(title=f"Medians of {ROUNDS} rounds; sentinel {spread:.2f}", title_justify="left")
    for heading in ("benchmark", "unit", "ours", "peer", "ours / peer", "at most", ""):
        table.add_column(heading, justify="left" if heading in ("benchmark", "unit") else "right")
    for result in results:
        figures = (f"{figure:g}" for figure in (result.ours, result.peer, result.ratio, result.target))
        table.add_row(result.name, result.unit, *figures, "[green]met[/]" if result.met else "[red]missed[/]")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
