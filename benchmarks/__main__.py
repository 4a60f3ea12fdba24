"""`make bench`: measures everything against its baseline, prints tables and writes results.json.

At the end it runs `python -m benchmarks.dollars`, in a process of its own because both import the functions' modules.
It does not run `python -m benchmarks.path`, which needs a quiet machine for five minutes, nor
`python -m benchmarks.transfers`, whose figures do not depend on the machine.

Exit codes: 0, all targets met; 1, a target missed; 2, the machine was too noisy for timings; 3, the costs cannot be
measured on this machine. With exit codes 2 and 3, it writes no results.
"""

import platform
import subprocess
import sys

from rich.console import Console

from benchmarks import (
    cold_start,
    command_cpu,
    consumers,
    cost_report,
    costs,
    lake_transform,
    owners,
    projector,
    read_account,
    timing,
    tricks,
)
from benchmarks.timing import ROUNDS, TooNoisy
from benchmarks.timing_report import as_json, show, store
from local_stack.dynamodb_local import DynamoDBLocalMissing
from local_stack.emulator import forget_aws_settings

MISSED, NOISY, UNKNOWN = 1, 2, 3


def main() -> int:
    forget_aws_settings()
    print_error = Console(stderr=True).print
    try:
        with cold_start.benchmarks() as starts:  # timings first, while no other process of ours runs
            readers = [*consumers.BENCHMARKS, *lake_transform.BENCHMARKS]
            timings = timing.run([*read_account.BENCHMARKS, *command_cpu.benchmarks(), *readers, *starts])
        with projector.benchmarks() as batches:
            timings += timing.run(batches)
        with owners.benchmarks() as read_model:
            timings += timing.run(read_model)
        optimisations = tricks.measure()
    except TooNoisy as noisy:
        print_error(f"{noisy}. No results were written. Run the benchmarks again when the machine is quiet.")
        return NOISY
    show(f"Timings, medians of {ROUNDS} rounds", timings)
    tricks.show_results(optimisations)
    try:
        measured = costs.measure()
    except DynamoDBLocalMissing as missing:
        print_error(f"No results were written, because the costs cannot be measured on this machine: {missing}")
        return UNKNOWN
    cost_report.show(measured)
    store(
        python=platform.python_version(),
        timings=as_json(timings),
        tricks=as_json(optimisations),
        costs=measured.as_json(),
    )
    dollars = subprocess.run([sys.executable, "-m", "benchmarks.dollars"], check=False).returncode
    is_met = measured.met and all(result.met is not False for result in [*timings, *optimisations])
    return dollars or (0 if is_met else MISSED)


if __name__ == "__main__":
    sys.exit(main())
