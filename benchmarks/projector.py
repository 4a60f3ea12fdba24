"""The projector's function against a conventional one (projector_baseline.py), with equal batches and the same fake.

Ours is the real handler with its real clients. Unlike the baseline, it also lists the parked accounts, which takes
QUERY_S. Unless a benchmark states otherwise, our handler knows the accounts from the previous batch. Both handlers
receive batches that were just parsed from JSON, as Lambda's runtime passes them. The figures exclude Lambda's own time
and the collection of the previous batch's garbage.
"""

import base64
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from account_events.aggregation.unpacking import unpack
from benchmarks import kinesis_units
from benchmarks.fake_kinesis import PUT_RECORDS_S, fake
from benchmarks.kinesis_units import Put
from benchmarks.projector_baseline import BaselineProjector
from benchmarks.projector_batches import Accounts, Batch
from benchmarks.timing import Benchmark

SMALL, MIDDLE, LARGE = 1_000, 4_000, 7_000
REQUESTS = 1 / 50
WALL_LARGE = 1 / 5
GROWTH = 1.1
DRAINED = 10_000
STREAM = "domain-events"
ENVIRONMENT = {
    "EVENT_STREAM_NAME": STREAM,
    "TABLE_NAME": "accounts",
    "PARKING_TABLE_NAME": "parked",
    "AGGREGATION": "on",
    "BUCKETS": "32",
    "ORDER_WINDOW_SECONDS": "10",
    "FRAMING": "single-object",
    "STACK_NAME": "account-events",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
}
Clock = Callable[[], int]
WALL, CPU = time.perf_counter_ns, time.process_time_ns
_NOWHERE = Path(os.devnull).open("w")  # noqa: SIM115 -- the logger of a service keeps its first stream


@dataclass(frozen=True, slots=True)
class Subject:
    """A projector and its clients."""

    handler: Callable[[Batch, Any], Any]
    kinesis: Any
    dynamodb: Any = None

    def took_ms(self, clock: Clock, accounts: Accounts) -> float:
        """Measure the accounts' next batch."""
        text = json.dumps(accounts.batch())
        gc.collect()
        event = json.loads(text)
        start = clock()
        answer = self.publish(event)
        took = clock() - start
        if answer != {"batchItemFailures": []}:
            raise AssertionError(f"Not everything was published: {answer}")
        return took / 1_000_000

    def puts(self, event: Batch) -> list[Put]:
        """The records that a batch puts on the stream, read from the requests."""
        entries = [entry for body in self._sent(self.kinesis, event) for entry in json.loads(body)["Records"]]
        return [Put(entry["PartitionKey"], base64.b64decode(entry["Data"])) for entry in entries]

    def requests(self, event: Batch) -> int:
        """The number of requests to DynamoDB for a batch."""
        return len(self._sent(self.dynamodb, event))

    def _sent(self, client: Any, event: Batch) -> list[bytes]:  # noqa: ANN401 -- boto3's clients are made at run time
        """The bodies of the client's requests for a batch."""
        bodies: list[bytes] = []

        def read(request: Any, **_: Any) -> None:  # noqa: ANN401 -- botocore's
            bodies.append(request.body)

        client.meta.events.register("before-send", read)
        self.publish(event)
        client.meta.events.unregister("before-send", read)
        return bodies

    def publish(self, event: Batch) -> Any:  # noqa: ANN401 -- JSON
        """Project a batch; the lines of the log and the metrics are discarded."""
        with redirect_stdout(_NOWHERE):
            return self.handler(event, _Context())


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """The benchmarks. They run only inside the block, because the fake is stopped after it."""
    with fake() as url, ours_at(url) as ours:
        baseline = baseline_at(url)
        units = _units(ours, baseline)
        yield [*_timings(ours, baseline), *_growth(ours), *_first_seen(ours), *units]


def _timings(ours: Subject, baseline: Subject) -> list[Benchmark]:
    def against_peer(clock: Clock, unit: str, records: int, target: float | None) -> Benchmark:
        mine, theirs = Accounts(records), Accounts(records)
        return Benchmark(
            f"projector, batch of {records:,}; a conventional projector",
            unit,
            target,
            lambda: ours.took_ms(clock, mine),
            lambda: baseline.took_ms(clock, theirs),
            clock,
        )

    drained = Accounts(LARGE)
    # A small batch has no target: most of its time is a wait, and its CPU time is a small part of what a command costs.
    # The dollars and the latency of the whole path have targets instead (docs/performance.md).
    return [
        against_peer(WALL, "ms", SMALL, None),
        against_peer(WALL, "ms", LARGE, WALL_LARGE),
        against_peer(CPU, "CPU ms", SMALL, None),
        Benchmark(
            f"projector, {DRAINED:,} events of a shard at {PUT_RECORDS_S * 1_000:g} ms a put; a second",
            "ms",
            1.0,
            lambda: ours.took_ms(WALL, drained) / LARGE * DRAINED,
            lambda: 1_000.0,
            WALL,
        ),
    ]


def _growth(ours: Subject) -> list[Benchmark]:
    """The cost of an additional record in a large batch (MIDDLE to LARGE) against a small one (SMALL to MIDDLE).

    Both exclude the fixed costs of a batch, such as waits, calls and the log. SMALL is large enough to hide the listing
    of parked accounts; below it, an additional record only shortens that wait.
    """
    accounts = {records: Accounts(records) for records in (SMALL, MIDDLE, LARGE)}

    def one_more_us(clock: Clock, smaller: int, larger: int) -> float:
        took_ms = {records: ours.took_ms(clock, accounts[records]) for records in (larger, smaller)}
        return (took_ms[larger] - took_ms[smaller]) / (larger - smaller) * 1_000

    def growth(clock: Clock, unit: str) -> Benchmark:
        return Benchmark(
            f"projector, an additional record up to {LARGE:,}; up to {MIDDLE:,}",
            unit,
            GROWTH,
            lambda: one_more_us(clock, MIDDLE, LARGE),
            lambda: one_more_us(clock, SMALL, MIDDLE),
            clock,
        )

    return [growth(WALL, "us"), growth(CPU, "CPU us")]


def _first_seen(ours: Subject) -> list[Benchmark]:
    """Accounts that the environment has not seen: their predecessors are looked up, a hundred per request.

    These run last, because so many new accounts can make the projector forget those that it knows.
    """
    known = Accounts(SMALL)

    def unknown(clock: Clock) -> float:
        return ours.took_ms(clock, Accounts(SMALL))

    def against_known(clock: Clock, unit: str) -> Benchmark:
        name = f"projector, {SMALL:,} events of accounts seen for the first time; of known accounts"
        return Benchmark(name, unit, None, lambda: unknown(clock), lambda: ours.took_ms(clock, known), clock)

    return [
        against_known(WALL, "ms"),
        against_known(CPU, "CPU ms"),
        Benchmark(
            f"projector, requests to DynamoDB for these {SMALL:,} events; one per account",
            "requests",
            REQUESTS,
            lambda: ours.requests(Accounts(SMALL).batch()),
            lambda: len(Accounts(SMALL)),
        ),
    ]


def _units(ours: Subject, baseline: Subject) -> list[Benchmark]:
    """The billed units. Raises AssertionError if the two projectors do not put the same events."""
    plain, keyed = _puts_of_the_same_events(ours, baseline), _puts_of_the_same_events(ours, baseline, keyed=True)
    return [
        *kinesis_units.benchmarks(f"{SMALL:,} events billed", *plain, has_target=True),
        *kinesis_units.benchmarks(f"{SMALL:,} keyed events billed", *keyed, has_target=False),
    ]


def _puts_of_the_same_events(ours: Subject, baseline: Subject, *, keyed: bool = False) -> tuple[list[Put], list[Put]]:
    """The records that both put for the same batch, after checking that their events have the same bytes."""
    event = Accounts(SMALL, keyed=keyed).batch()
    our_puts, baseline_puts = ours.puts(event), baseline.puts(event)
    our_events, baseline_events = (
        sorted(data for put in puts for data in unpack(put.data)) for puts in (our_puts, baseline_puts)
    )
    if our_events != baseline_events or len(our_events) != SMALL:
        raise AssertionError("The two projectors did not put the same events.")
    return our_puts, baseline_puts


@contextmanager
def ours_at(url: str) -> Iterator[Subject]:
    """Import the function's module as an execution environment does, with clients that use the fake."""
    with patch.dict(os.environ, _environment(url)), redirect_stdout(_NOWHERE):
        module = importlib.import_module("projector.handler")
    del sys.modules["projector.handler"]  # the next import creates another one
    yield Subject(module.handler, module.kinesis, module.dynamodb)
    gc.unfreeze()  # importing the handler freezes all objects


def baseline_at(url: str) -> Subject:
    """The baseline, with a client that uses the fake."""
    with patch.dict(os.environ, _environment(url)):
        kinesis = boto3.session.Session().client("kinesis")
    return Subject(BaselineProjector(kinesis, STREAM).handler, kinesis)


def _environment(url: str) -> Mapping[str, str]:
    return {**ENVIRONMENT, "AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1"}


class _Context:
    """Lambda's context, with plenty of time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
