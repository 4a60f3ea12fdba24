"""The projector's function beside a usual one (benchmarks/projector_peer.py), on the same batches and stand-in.

Ours is the real handler with its real clients. It also reads the parked accounts, in QUERY_S, which the peer does not,
and it knows the accounts from the batch before, unless a benchmark says otherwise. Both get batches parsed from JSON
just before, as Lambda's runtime hands them over. What Lambda itself takes is in none of the figures, nor is the garbage
of the batch before.
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
from benchmarks.fake_kinesis import PUT_RECORDS_S, stand_in
from benchmarks.kinesis_units import Put
from benchmarks.projector_batches import Accounts, Batch
from benchmarks.projector_peer import BaselineProjector
from benchmarks.timing import Benchmark

SMALL, MIDDLE, LARGE = 1_000, 4_000, 7_000
REQUESTS = 1 / 50
WALL_SMALL, WALL_LARGE, CPU_SMALL = 1 / 2.8, 1 / 5, 1 / 3
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


@dataclass(frozen=True, slots=True)
class Subject:
    """A projector, and its Kinesis client."""

    handler: Callable[[Batch, Any], Any]
    kinesis: Any
    dynamodb: Any = None

    def took_ms(self, clock: Clock, accounts: Accounts) -> float:
        """For their next batch."""
        text = json.dumps(accounts.batch())
        gc.collect()
        event = json.loads(text)
        start = clock()
        answer = self._published(event)
        took = clock() - start
        if answer != {"batchItemFailures": []}:
            raise AssertionError(f"Not all was published: {answer}")
        return took / 1_000_000

    def puts(self, event: Batch) -> list[Put]:
        """What it puts on the stream for a batch, read from the wire."""
        entries = [entry for body in self._sent(self.kinesis, event) for entry in json.loads(body)["Records"]]
        return [Put(entry["PartitionKey"], base64.b64decode(entry["Data"])) for entry in entries]

    def requests(self, event: Batch) -> int:
        """How many requests a batch makes to DynamoDB."""
        return len(self._sent(self.dynamodb, event))

    def _sent(self, client: Any, event: Batch) -> list[bytes]:  # noqa: ANN401 -- boto3's clients are made at run time
        """The bodies of the client's requests for a batch."""
        bodies: list[bytes] = []

        def read(request: Any, **_: Any) -> None:  # noqa: ANN401 -- botocore's
            bodies.append(request.body)

        client.meta.events.register("before-send", read)
        self._published(event)
        client.meta.events.unregister("before-send", read)
        return bodies

    def _published(self, event: Batch) -> Any:  # noqa: ANN401 -- JSON
        """The log's and the metrics' lines are written, but not shown."""
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            return self.handler(event, _Context())


@contextmanager
def benchmarks() -> Iterator[list[Benchmark]]:
    """Good only inside, where the stand-in is."""
    with stand_in() as url, _ours(url) as ours:
        peer = _peer(url)
        units = _units(ours, peer)
        yield [*_timings(ours, peer), *_growth(ours), *_first_sights(ours), *units]


def _timings(ours: Subject, peer: Subject) -> list[Benchmark]:
    def against_peer(clock: Clock, unit: str, records: int, target: float) -> Benchmark:
        mine, theirs = Accounts(records), Accounts(records)
        return Benchmark(
            f"projector, batch of {records:,}; a usual projector",
            unit,
            target,
            lambda: ours.took_ms(clock, mine),
            lambda: peer.took_ms(clock, theirs),
            clock,
        )

    drained = Accounts(LARGE)
    return [
        against_peer(WALL, "ms", SMALL, WALL_SMALL),
        against_peer(WALL, "ms", LARGE, WALL_LARGE),
        against_peer(CPU, "CPU ms", SMALL, CPU_SMALL),
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
    """A record more in a large batch against one more in a small one: from MIDDLE to LARGE, and from SMALL to MIDDLE.

    So whatever a batch costs however large it is, waits, calls and log among it, is in neither. SMALL is large enough
    for the look at parked accounts to go by unnoticed; below it, a record more costs only the rest of that wait.
    """
    accounts = {records: Accounts(records) for records in (SMALL, MIDDLE, LARGE)}

    def one_more_us(clock: Clock, smaller: int, larger: int) -> float:
        took_ms = {records: ours.took_ms(clock, accounts[records]) for records in (larger, smaller)}
        return (took_ms[larger] - took_ms[smaller]) / (larger - smaller) * 1_000

    def growth(clock: Clock, unit: str) -> Benchmark:
        return Benchmark(
            f"projector, a record more up to {LARGE:,}; up to {MIDDLE:,}",
            unit,
            GROWTH,
            lambda: one_more_us(clock, MIDDLE, LARGE),
            lambda: one_more_us(clock, SMALL, MIDDLE),
            clock,
        )

    return [growth(WALL, "us"), growth(CPU, "CPU us")]


def _first_sights(ours: Subject) -> list[Benchmark]:
    """Accounts that the environment has not met: the event before each one's first is looked up, a hundred a request.

    Last of the timings: so many new accounts can make the projector forget those that it knows.
    """
    known = Accounts(SMALL)

    def unknown(clock: Clock) -> float:
        return ours.took_ms(clock, Accounts(SMALL))

    def against_known(clock: Clock, unit: str) -> Benchmark:
        name = f"projector, {SMALL:,} events of accounts met for the first time; of known ones"
        return Benchmark(name, unit, None, lambda: unknown(clock), lambda: ours.took_ms(clock, known), clock)

    return [
        against_known(WALL, "ms"),
        against_known(CPU, "CPU ms"),
        Benchmark(
            f"projector, requests to DynamoDB for these {SMALL:,} events; one for each of their accounts",
            "requests",
            REQUESTS,
            lambda: ours.requests(Accounts(SMALL).batch()),
            lambda: len(Accounts(SMALL)),
        ),
    ]


def _units(ours: Subject, peer: Subject) -> list[Benchmark]:
    """Raises AssertionError: they do not put the same events."""
    plain, keyed = _puts_of_the_same_events(ours, peer), _puts_of_the_same_events(ours, peer, keyed=True)
    return [
        *kinesis_units.benchmarks(f"{SMALL:,} events billed", *plain, is_judged=True),
        *kinesis_units.benchmarks(f"{SMALL:,} keyed events billed", *keyed, is_judged=False),
    ]


def _puts_of_the_same_events(ours: Subject, peer: Subject, *, keyed: bool = False) -> tuple[list[Put], list[Put]]:
    """What both put for the same batch: in other records, but the same bytes of every event, accounts in order."""
    event = Accounts(SMALL, keyed=keyed).batch()
    our_puts, peer_puts = ours.puts(event), peer.puts(event)
    our_events, peer_events = (
        sorted(data for put in puts for data in unpack(put.data)) for puts in (our_puts, peer_puts)
    )
    if our_events != peer_events or len(our_events) != SMALL:
        raise AssertionError("They do not do the same job.")
    return our_puts, peer_puts


@contextmanager
def _ours(url: str) -> Iterator[Subject]:
    """The function's module, imported as its execution environment does, clients on the stand-in."""
    with Path(os.devnull).open("w") as nowhere:
        with patch.dict(os.environ, _environment(url)), redirect_stdout(nowhere):
            module = importlib.import_module("projector.handler")
        yield Subject(module.handler, module.kinesis, module.dynamodb)
        del sys.modules["projector.handler"]
    gc.unfreeze()  # it freezes all there is when it is imported


def _peer(url: str) -> Subject:
    with patch.dict(os.environ, _environment(url)):
        kinesis = boto3.session.Session().client("kinesis")
    return Subject(BaselineProjector(kinesis, STREAM).handler, kinesis)


def _environment(url: str) -> Mapping[str, str]:
    return {**ENVIRONMENT, "AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1"}


class _Context:
    """Lambda's, with all the time in the world."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
