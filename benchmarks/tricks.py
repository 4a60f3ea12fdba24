"""The code with and without each of its optimisations: `python -m benchmarks.tricks`, also part of `make bench`.

Both variants run in this process, in turn, with equal batches and against the same fake. If an optimisation saves less
than GAIN_MIN, its benchmark misses the target: the optimisation is not worth its code and should be deleted.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3

from account_core.rows.items import to_item
from account_events.avro import encoder
from benchmarks import cold_start, projector, timing
from benchmarks.canned import CannedAnswers
from benchmarks.fake_kinesis import fake
from benchmarks.long_accounts import ledger
from benchmarks.projector import CPU, WALL, Clock, Subject
from benchmarks.projector_batches import Accounts
from benchmarks.timing import Benchmark, Result, TooNoisy
from benchmarks.timing_report import as_json, show, store
from local_stack.emulator import REGION, forget_aws_settings
from ops.lake.reconcile.ledger_pages import skip_scan_parsing
from projector import fast, parse, project, put_records

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GAIN_MIN = 0.03
ROUNDS = 41
BATCHES = 20
PARSED_BATCHES = 5
RECORDS = 1_000
MISSED, NOISY = 1, 2
DEFAULT_SWITCH_INTERVAL_S = 0.005

Took = Callable[[Clock, Accounts], float]
Change = Callable[[], AbstractContextManager[Any]]


class InTurn(Executor):
    """Runs each call immediately, in the caller's thread."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 -- as the base class
        future = Future[Any]()
        future.set_result(call(*args, **kwargs))
        return future


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """The benchmarks, which run only inside the block, where the fake is."""
    with fake() as url, TemporaryDirectory() as directory, ExitStack() as stack:

        def subject(*changes: AbstractContextManager[Any]) -> Subject:
            """A projector that is imported with these changes."""
            with ExitStack() as changed:
                for change in changes:
                    changed.enter_context(change)
                return stack.enter_context(projector.ours_at(url))

        yield [*_parsing(), *_batches(subject), *_waits(subject), *_starts(Path(directory)), *_scans()]


def _parsing() -> Iterator[Benchmark]:
    """The optimisations of the fast path, in the time that a batch takes to parse and encode."""
    loop = patch.object(encoder, "_EIGHT_BYTES_BELOW", 0)
    uncached = patch.object(fast, "_sequence_of", fast._sequence_of.__wrapped__)  # noqa: SLF001
    yield _row("parsing, Avro's longs of eight bytes without a loop", RECORDS, _parsed(), _parsed(loop))
    yield _row("parsing, a cache of sequences", RECORDS, _parsed(), _parsed(uncached))


def _parsed(*changes: AbstractContextManager[Any]) -> Took:
    def took(clock: Clock, accounts: Accounts) -> float:
        batches = [json.loads(json.dumps(accounts.batch())) for _ in range(PARSED_BATCHES)]
        gc.collect()
        with ExitStack() as changed:
            for change in changes:
                changed.enter_context(change)
            start = clock()
            for batch in batches:
                parse.parse(batch)
            return (clock() - start) / 1_000_000 / PARSED_BATCHES

    return took


def _batches(subject: Callable[..., Subject]) -> Iterator[Benchmark]:
    """The optimisations that save CPU time."""
    ours = subject()
    plain = patch.dict(projector.ENVIRONMENT, AGGREGATION="off")
    no_hooks = patch.object(put_records, "build_bodies")
    hooked, unhooked = subject(plain), subject(plain, no_hooks)
    yield _row("the fast path for common rows", RECORDS, ours.took_ms, _changed(ours, _general_path))
    yield _row("the shortcut for accounts in sequence", RECORDS, ours.took_ms, _changed(ours, _no_shortcut))
    yield _row("PutRecords bodies built here, no aggregation", RECORDS, hooked.took_ms, unhooked.took_ms)
    yield _row(
        f"frozen start-up objects, {BATCHES} batches", RECORDS, _batches_of(ours), _batches_of(ours, gc.unfreeze)
    )


def _waits(subject: Callable[..., Subject]) -> Iterator[Benchmark]:
    """The optimisations that save waiting time."""
    ours = subject()
    in_turn = subject(patch("concurrent.futures.ThreadPoolExecutor", lambda _: InTurn()))
    changed = _changed(ours, _default_switch_interval)
    yield _row("parked accounts listed during parsing", RECORDS, ours.took_ms, in_turn.took_ms, WALL)
    yield _row("a shorter switch interval", RECORDS, ours.took_ms, changed, WALL)
    yield _row("concurrent look-ups of predecessors", RECORDS, _new_accounts(ours), _new_accounts(in_turn), WALL)


def _starts(directory: Path) -> Iterator[Benchmark]:
    package = cold_start.unpacked("ProjectorFunction", directory)
    start = "import projector.handler"

    def row(name: str, without: str) -> Benchmark:
        return Benchmark(
            f"cold start: {name}",
            "CPU ms",
            1 - GAIN_MIN,
            lambda: cold_start.cpu_ms(start, package),
            lambda: cold_start.cpu_ms(without, package),
        )

    yield row("no garbage collection during imports", f"import gc; gc.disable = gc.enable; {start}")


def _scans() -> Iterator[Benchmark]:
    """The optimisation of the commands that read the whole table, `reconcile` for one."""
    items = [to_item(row) for row in ledger(RECORDS)]
    answers = CannedAnswers({"Scan": {"Items": items, "Count": len(items), "ScannedCount": len(items)}})

    def scan(*changes: Callable[["DynamoDBClient"], None]) -> Callable[[], float]:
        client = boto3.client("dynamodb", REGION, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="not-a-secret")  # noqa: S106
        answers.attach(client)
        for change in changes:
            change(client)
        return lambda: timing.cpu_us(lambda: client.scan(TableName="accounts"))

    yield Benchmark(
        f"Scan responses left unparsed, {len(items):,} rows", "CPU us", 1 - GAIN_MIN, scan(skip_scan_parsing), scan()
    )


def _row(name: str, records: int, took: Took, took_without: Took, clock: Clock = CPU) -> Benchmark:
    accounts, others = Accounts(records), Accounts(records)
    return Benchmark(
        f"{name}, batch of {records:,}",
        "CPU ms" if clock is CPU else "ms",
        1 - GAIN_MIN,
        lambda: took(clock, accounts),
        lambda: took_without(clock, others),
        clock,
    )


def _new_accounts(subject: Subject) -> Took:
    """Measure accounts that the projector does not know, whose predecessors it looks up."""
    return lambda clock, accounts: subject.took_ms(clock, Accounts(accounts.records))


def _batches_of(subject: Subject, before: Callable[[], object] = gc.freeze) -> Took:
    """Measure consecutive batches, including their parsing from JSON, because a full collection occurs only rarely."""

    def took(clock: Clock, accounts: Accounts) -> float:
        texts = [json.dumps(accounts.batch()) for _ in range(BATCHES)]
        before()
        gc.collect()
        start = clock()
        for text in texts:
            subject.publish(json.loads(text))
        took_ms = (clock() - start) / 1_000_000
        gc.freeze()
        return took_ms / BATCHES

    return took


def _changed(ours: Subject, change: Change) -> Took:
    def took(clock: Clock, accounts: Accounts) -> float:
        with change():
            return ours.took_ms(clock, accounts)

    return took


def _general_path() -> AbstractContextManager[Any]:
    return patch.object(parse, "fast_event", lambda *_: None)


def _no_shortcut() -> AbstractContextManager[Any]:
    return patch.object(project, "is_in_sequence", lambda *_: False)


@contextmanager
def _default_switch_interval() -> Iterator[None]:
    shorter = sys.getswitchinterval()
    sys.setswitchinterval(DEFAULT_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(shorter)


def measure() -> list[Result]:
    """Measure all optimisations. Raises TooNoisy if the machine is not quiet."""
    with benchmarks() as rows:
        return timing.run(rows, ROUNDS)


def show_results(results: Sequence[Result]) -> None:
    title = f"The code with and without each optimisation, medians of {ROUNDS} rounds"
    show(title, results, ("with", "without"))


def main() -> int:
    forget_aws_settings()
    try:
        results = measure()
    except TooNoisy as noisy:
        sys.stderr.write(f"{noisy}. No results were written. Run the benchmarks again when the machine is quiet.\n")
        return NOISY
    show_results(results)
    store(tricks=as_json(results))
    return 0 if all(result.met for result in results) else MISSED


if __name__ == "__main__":
    sys.exit(main())
