"""`python -m benchmarks.path` measures the path of an event on the local stack, from the command to its last readers.

Several clients send commands at a steady rate through the API. The projector's and the read model's event source
mappings read at the base rates that AWS documents (`POLLING`). For each hop, the table shows the 50th, 99th and 99.9th
percentile. The second trial models enhanced fan-out instead of polling the event stream. Then the rate rises until the
lag grows, to find the hop that is the limit. At the end, the stream, the read model and the lake must agree with the
ledger. A trial during which other processes use more than a tenth of the machine is repeated.

Exit codes: 0, the target is met; 1, it is missed, or an event is lost, out of order or differs; 2, the machine was too
noisy. With exit code 2 it writes no results.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from rich.console import Console
from rich.table import Table

from account_events.lambda_mapping.filters import SourceKind
from benchmarks.cost_report import WIDTH_MIN
from benchmarks.machine import OTHERS_SHARE_MAX, Used, Watch
from benchmarks.path.checks import Check, check
from benchmarks.path.hops import HOPS, TO_APPLIED, Distribution, Step, Times, distribution, step
from benchmarks.path.journal import Journal, RecordedAddress
from benchmarks.path.load import Clients, Sent
from benchmarks.path.timeline import timeline
from benchmarks.timing_report import store
from local_stack.emulator import forget_aws_settings
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.poll_rate import PollRate
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.local_deployment import LocalDeployment
from local_stack.poll_loop import running

MISSED, NOISY = 1, 2
RATE = 20.0
SECONDS = 60.0
TARGET_P99_S = 1.5
RISING_RATES = (30.0, 40.0, 50.0, 60.0, 80.0, 100.0)
STEP_SECONDS = 20.0
WARM_UP_SECONDS = 5.0
ATTEMPTS = 5
IDLE_TIMEOUT_S = 180.0
FIREHOSE_POLL_S = 1.0
"""Firehose "calls the Kinesis Data Streams GetRecords operation once per second for each shard" (Amazon Data Firehose
developer guide, "Configure source settings")."""
Rates = Mapping[SourceKind, PollRate]
TABLE_STREAM = PollRate(0.25, 0.0, is_steady=True)
POLLING: Rates = {"dynamodb": TABLE_STREAM, "kinesis": PollRate(1.0, 0.2, is_steady=True)}
"""Four reads a second of the table's stream and one of the event stream, for each shard, also after a read that found
records: AWS documents no faster rate. The pages are those in local_stack/event_source_mapping/poll_rate.py."""
FAN_OUT: Rates = {"dynamodb": TABLE_STREAM, "kinesis": PollRate(0.14, 0.0, is_steady=True)}
"""With enhanced fan-out, Kinesis pushes records after 70 ms on average (Kinesis Data Streams developer guide, "Develop
enhanced fan-out consumers with dedicated throughput"). A read every 140 ms has the same average."""
report = Console(stderr=True, highlight=False).print


@dataclass(frozen=True, slots=True)
class Trial:
    """Attributes: `events` are the times of all accepted commands; `refused` are the other responses."""

    rate: float
    events: list[Times]
    refused: int
    used: Used

    @property
    def is_quiet(self) -> bool:
        return self.used.others_share <= OTHERS_SHARE_MAX


@dataclass(frozen=True, slots=True)
class Run:
    """Attributes: `pushed` is None if one of the two trials was noisy; `steps` are those of the rising rate."""

    polled: Trial
    pushed: Trial | None
    steps: list[Step]
    checked: Check


class Path:
    """A local stack with clients, whose mappings read at given rates."""

    def __init__(self, stack: LocalDeployment, clients: Clients, journal: Journal) -> None:
        self._stack, self._clients, self._journal = stack, clients, journal
        self.accepted: list[Sent] = []

    def trial(self, rate: float, seconds: float) -> Trial:
        """Send commands, and wait until all of their events are applied and in the lake."""
        watch = Watch(self._stack.emulator.pid)
        load = self._clients.send(rate, seconds)
        used = watch.used()
        self.accepted += load.accepted
        if not self._stack.wait_until_idle(IDLE_TIMEOUT_S):
            raise RuntimeError(f"The stack did not become idle: {self._stack.mapping.status()}")
        outputs = self._stack.address.outputs
        names = {"projector": outputs["ProjectorFunctionName"], "consumer": outputs["OwnedFunctionName"]}
        events = timeline(load.accepted, self._journal, **names)
        self._journal.invocations.clear()
        self._journal.written.clear()
        p99_s = distribution(TO_APPLIED, events).p99_s
        report(
            f"{rate:g} commands/s: {len(events)} accepted, {len(load.refused)} refused, p99 {p99_s:.2f} s; others used "
            f"{used.others_share:.0%} of the machine"
        )
        return Trial(rate, events, len(load.refused), used)

    @contextmanager
    def reading(self, rates: Rates) -> Iterator[None]:
        """Run mappings with these rates instead of the stack's own, from where the earlier ones stopped.

        They deliver a shard in one lane, because the lanes of the fake take turns. Lambda's are concurrent.
        """
        stack, client = self._stack, self._stack.address.client
        clients = MappingClients(
            client("dynamodbstreams"),
            client("kinesis"),
            client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
            client("s3"),
            client("sqs"),
        )
        runners = {}
        for name, runner in stack.mappings.items():
            runner.stop()
            checkpoints = {shard.shard_id: shard.checkpoint for shard in runner.status().shards if shard.checkpoint}
            config = replace(runner.config, parallelization_factor=1)
            rate = rates[config.source_kind]
            runners[name] = MappingRunner(config, clients, rate=rate, resume_after=checkpoints)
        stack.mappings = runners
        with running(list(runners.values())):
            yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.path", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE, help="commands a second")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of each trial")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="trials until the machine is quiet")
    parser.add_argument("--only-trials", action="store_true", help="do not raise the rate")
    arguments = parser.parse_args()
    forget_aws_settings()
    for _ in range(arguments.attempts):
        run = _run(arguments.rate, arguments.seconds, rises=not arguments.only_trials)
        if run.pushed or not run.checked.is_clean:
            break
    return _result(run)


def _run(rate: float, seconds: float, *, rises: bool) -> Run:
    """Start a stack and measure on it; without what follows a trial on a noisy machine.

    Each attempt has a stack of its own, because the emulator becomes slower the more records it has.
    """
    journal, steps, pushed = Journal(), list[Step](), None
    with LocalDeployment(progress=report) as stack:
        stack.address = RecordedAddress.of(stack.address, journal)
        stack.firehose.stop()
        stack.firehose = stack.delivery(poll_interval_s=FIREHOSE_POLL_S)
        with running([stack.firehose]), Clients(stack.address) as clients:
            path = Path(stack, clients, journal)
            with path.reading(POLLING):
                path.trial(rate, WARM_UP_SECONDS)
                polled = path.trial(rate, seconds)
            with path.reading(FAN_OUT):
                if polled.is_quiet:
                    pushed = path.trial(rate, seconds)
            with path.reading(POLLING):
                if pushed and pushed.is_quiet and rises:
                    steps = _rising(path)
                stack.wait_until_idle(IDLE_TIMEOUT_S)
                checked = check(stack, path.accepted)
    return Run(polled, pushed if pushed and pushed.is_quiet else None, steps, checked)


def _rising(path: Path) -> list[Step]:
    """Raise the rate until the lag grows."""
    steps = list[Step]()
    for rate in RISING_RATES:
        trial = path.trial(rate, STEP_SECONDS)
        shares = {"emulator_share": trial.used.emulator_share, "others_share": trial.used.others_share}
        steps.append(step(rate, trial.events, **shares))
        if steps[-1].growing_hop:
            break
    return steps


def _result(run: Run) -> int:
    polled, pushed, steps, checked = run.polled, run.pushed, run.steps, run.checked
    report(f"compared with the ledger: {checked}")
    if steps:
        show_steps(steps)
    if pushed is None:
        report("no result: other processes used too much of this machine. Run it again when the machine is quiet.")
        return NOISY if checked.is_clean else MISSED
    tables = {
        "polling": [distribution(hop, polled.events) for hop in HOPS],
        "enhanced fan-out": [distribution(hop, pushed.events) for hop in HOPS],
    }
    for name, distributions in tables.items():
        show(f"{polled.rate:g} commands/s, {name}", distributions)
    p99_s = distribution(TO_APPLIED, polled.events).p99_s
    is_met = p99_s <= TARGET_P99_S
    report(f"{'met' if is_met else 'missed'}: p99 {TO_APPLIED.name} {p99_s:.2f} s, target {TARGET_P99_S:g} s")
    store(
        path={
            "rate": polled.rate,
            "target_p99_s": TARGET_P99_S,
            "met": is_met and checked.is_clean,
            "others_share": round(max(polled.used.others_share, pushed.used.others_share), 3),
            "hops": {name: [asdict(each) for each in distributions] for name, distributions in tables.items()},
            "rising": [asdict(each) for each in steps],
            "check": asdict(checked),
        }
    )
    return 0 if is_met and checked.is_clean else MISSED


def show(title: str, distributions: list[Distribution]) -> None:
    table = Table(title=f"{title}: seconds", title_justify="left")
    table.add_column("hop")
    for heading in ("samples", "p50", "p99", "p99.9"):
        table.add_column(heading, justify="right")
    for each in distributions:
        figures = (each.p50_s, each.p99_s, each.p999_s)
        table.add_row(each.name, f"{each.samples:,}", *(f"{figure:.3f}" for figure in figures))
    _print(table)


def show_steps(steps: list[Step]) -> None:
    table = Table(title="A rising rate", title_justify="left")
    for heading in (
        "commands/s",
        "accepted/s",
        "lag, median s",
        "gained per s",
        "emulator's share",
        "others' share",
        "growing hop",
    ):
        table.add_column(heading, justify="right")
    for each in steps:
        figures = (f"{each.rate:g}", f"{each.accepted_rate:g}", f"{each.lag_s:.2f}", f"{each.growth:.3f}")
        table.add_row(*figures, f"{each.emulator_share:.0%}", f"{each.others_share:.0%}", each.growing_hop or "-")
    _print(table)


def _print(table: Table) -> None:
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH_MIN)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
