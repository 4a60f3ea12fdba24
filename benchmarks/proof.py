"""`python -m benchmarks.proof` measures the Spark job that reconciles an export with the lake: 1 and 10 million events.

It generates both in `.build` and uses them again. The job runs as `account-events reconcile --engine spark` starts it,
on two cores. The measured time includes the start of Spark. If other processes use more than a tenth of the machine
during a run, the run is discarded and repeated. Exit codes: 0, the targets are met; 1, one is missed; 2, there were too
few quiet runs.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks.lake.__main__ import BUILD
from benchmarks.lake.export import TABLE_ARN, write_export
from benchmarks.lake.generator import FIRST_DAY, Size, generate
from benchmarks.machine import OTHERS_SHARE_MAX, busy_s
from benchmarks.reconcile import report
from ops.lake.reconcile.result import from_json
from ops.lake.spark.local_job import PYTHON, ROOT

SMALL, LARGE = 1_000_000, 10_000_000
EVENTS_PER_DAY = 100_000
CORES = 2
TARGET_S = 300.0
TARGET_BYTES = 8 * 2**30
RATIO_MAX = 1.1
ATTEMPTS = 3
SAMPLE_S = 0.5
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Run(NamedTuple):
    """Attributes: `others_share` is the share of the machine that other processes used."""

    events: int
    took_s: float
    cpu_s: float
    peak_bytes: int
    others_share: float

    @property
    def is_quiet(self) -> bool:
        return self.others_share <= OTHERS_SHARE_MAX

    @property
    def us_per_event(self) -> float:
        return self.took_s / self.events * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("--events", type=int, action="append", help="measure only these numbers of events, once each")
    given = parser.parse_args()
    if given.events:
        for events in given.events:
            measured(events, generated(events))
        return 0
    runs = {}
    for events in (SMALL, LARGE):
        folder = generated(events)
        quiet = next((run for _ in range(ATTEMPTS) if (run := measured(events, folder)).is_quiet), None)
        if quiet is None:
            report("no result: other processes used too much of this machine. Run it again when the machine is quiet.")
            return 2
        runs[events] = quiet
    large, ratio = runs[LARGE], runs[LARGE].us_per_event / runs[SMALL].us_per_event
    return 0 if all(
        [
            _is_met(f"{LARGE:,} events", large.took_s, TARGET_S, "s"),
            _is_met("peak memory of all processes", large.peak_bytes / 2**30, TARGET_BYTES / 2**30, "GiB"),
            _is_met(f"time per event, of that with {SMALL:,} events", ratio, RATIO_MAX, "x"),
        ]
    ) else 1  # fmt: skip


def generated(events: int) -> Path:
    """The folder with export and lake, generated if necessary. An incomplete one is never used."""
    folder = BUILD / f"proof-{events}"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "lake").mkdir(parents=True)
    report(f"generating {events:,} events")
    try:
        with duckdb.connect(config={"threads": CORES}) as connection:
            size = Size(events, max(1, events // EVENTS_PER_DAY), flush_minutes=60)
            generate(
                unfinished / "lake", size, connection, lambda made: write_export(unfinished / "export", events, made)
            )
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def measured(events: int, folder: Path) -> Run:
    """Run the job once, and check that it finds no difference."""
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        result = Path(temporary) / "result.json"
        options = {
            "--export": folder / "export",
            "--lake": folder / "lake",
            "--table-arn": TABLE_ARN,
            "--first-day": FIRST_DAY,
            "--grace-s": 0,
            "--result": result,
            "--cores": CORES,
            "--folder": temporary,
        }
        arguments = [str(text) for option in options.items() for text in option]
        busy, began = busy_s(), time.perf_counter()
        job = subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
            [str(PYTHON), "-m", "ops.lake.spark.job", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        used = Used(job.pid)
        while job.poll() is None:
            used.sample()
            time.sleep(SAMPLE_S)
        took_s = time.perf_counter() - began
        assert job.returncode == 0, job.stdout and job.stdout.read()  # noqa: S101
        found = from_json(result.read_bytes())
        assert (found.events, found.agrees) == (events, True), json.dumps(found, default=str)  # noqa: S101
    others = max(0.0, busy_s() - busy - used.cpu_s) / took_s / (os.cpu_count() or 1)
    run = Run(events, took_s, used.cpu_s, used.peak_bytes, others)
    report(
        f"{events:,} events: {took_s:.1f} s, {run.us_per_event:.1f} us per event; CPU {used.cpu_s:.1f} s, "
        f"{used.cpu_s / events * 1e6:.1f} us per event; memory {used.peak_bytes / 2**30:.2f} GiB; others {others:.0%}"
    )
    return run


@dataclass(slots=True)
class Used:
    """What the processes of one session have used: Python, its workers, and Java.

    Attributes:
        peak_bytes: the most memory of all of them together.
    """

    session: int
    peak_bytes: int = 0
    _cpu_s: dict[int, float] = field(default_factory=dict)

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu_s.values())

    def sample(self) -> None:
        resident = 0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()  # see proc(5)
                if int(fields[3]) == self.session:
                    self._cpu_s[int(entry.name)] = (int(fields[11]) + int(fields[12])) * TICK_S
                    resident += int(fields[21]) * PAGE_BYTES
        self.peak_bytes = max(self.peak_bytes, resident)


def _is_met(what: str, found: float, target: float, unit: str) -> bool:
    report(f"{'met' if found <= target else 'missed'}: {what}: {found:.3g} {unit}, the target is {target:g} {unit}")
    return found <= target


if __name__ == "__main__":
    sys.exit(main())
