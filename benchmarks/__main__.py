"""`make bench`: every benchmark beside its peer; prints tables, writes results.json.

Exit codes: 0, all targets met; 1, one missed; 2, the machine was too noisy for timings, nothing written; 3, the costs
cannot be measured on this machine, nothing written.
"""

import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    cold_start,
    command_cpu,
    consumers,
    cost_report,
    costs,
    lake_transform,
    projector,
    read_account,
    timing,
)
from benchmarks.timing import ROUNDS, Result, TooNoisy
from local_stack.dynamodb_local import DynamoDBLocalMissing
from local_stack.emulator import forget_aws_settings

RESULTS = Path(__file__).with_name("results.json")
MISSED, NOISY, UNKNOWN = 1, 2, 3


def main() -> int:
    forget_aws_settings()
    complain = Console(stderr=True).print
    try:
        with cold_start.benchmarks() as starts:  # timings first: nothing else of ours runs then
            readers = [*consumers.BENCHMARKS, *lake_transform.BENCHMARKS]
            timings = timing.run([*read_account.BENCHMARKS, *command_cpu.benchmarks(), *readers, *starts])
        with projector.benchmarks() as batches:  # nothing but the stand-in that they talk to
            timings += timing.run(batches)
    except TooNoisy as noisy:
        complain(f"{noisy}. Nothing written: run it again.")
        return NOISY
    _show(timings)
    try:
        measured = costs.measure()
    except DynamoDBLocalMissing as missing:
        complain(f"The costs cannot be measured here: {missing}. Nothing written.")
        return UNKNOWN
    cost_report.show(measured)
    _write(timings, measured)
    return 0 if measured.met and all(result.met is not False for result in timings) else MISSED


def _write(timings: list[Result], measured: costs.Costs) -> None:
    results = {
        "python": platform.python_version(),
        "timings": [asdict(result) for result in timings],
        "costs": measured.as_json(),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


def _show(results: list[Result]) -> None:
    table = Table(title=f"Ours against a peer, medians of {ROUNDS} rounds", title_justify="left")
    for heading in ("benchmark; peer", "unit", "ours", "peer", "ours / peer", "at most", "", "peer / ours", "sentinel"):
        table.add_column(heading, justify="left" if heading in ("benchmark; peer", "unit") else "right")
    for result in results:
        figures = [f"{figure:g}" for figure in (result.ours, result.peer, result.ratio)]
        target = "-" if result.target is None else f"{result.target:.3g}"
        met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[result.met]
        table.add_row(
            result.name, result.unit, *figures, target, met, f"{1 / result.ratio:.3g}", f"{result.sentinel:g}"
        )
    console = Console(highlight=False)
    console.width = max(console.width, cost_report.WIDTH_MIN)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
