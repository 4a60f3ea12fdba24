"""Measures what the bill needs of both designs.

Ours is the deployed functions with their real log lines. The peer is the published design: a Query of ten rows and a
transaction for each command (benchmarks/published.py), its CPU time that of boto3's resource
(benchmarks/resource_baseline.py); a conventional projector that puts one Kinesis record per event
(benchmarks/projector_baseline.py) and logs one line per event; a consumer with Powertools' idempotency utility
(benchmarks/published_consumer.py); no custom metrics and no alarms. What the published design does not have, it shares
with ours: the API, the access log and the lake. The peer is also measured with our consumer, so that one can see what
the consumer contributes.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from statistics import median
from typing import Any
from unittest.mock import patch

import boto3
from aws_lambda_powertools import Logger

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import decode
from benchmarks import command_cpu, costs, kinesis_units
from benchmarks.cost_results import CostResult, Costs
from benchmarks.dollars.deployed import access_log_bytes, monitoring
from benchmarks.dollars.functions import (
    EMF,
    ENVIRONMENT,
    PLATFORM_BYTES,
    ROUNDS,
    WARM_UPS,
    Call,
    Function,
    function,
    invocation,
)
from benchmarks.dollars.hops import Design, Invocation, Lake, Monitoring, Published, Scene
from benchmarks.dollars.units import counted
from benchmarks.fake_kinesis import OWNED, fake
from benchmarks.kinesis_units import KB, PAYLOAD_UNIT_KB, Put
from benchmarks.lake_transform import EVENT as LAKE_EVENT
from benchmarks.projector import Subject, baseline_at
from benchmarks.projector_batches import Accounts, Batch
from benchmarks.published_consumer import PublishedConsumer
from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from local_stack.deploy import read_template

COMMANDS = 45
"""Five snapshot intervals of nine events."""
REQUESTS_OF_PEER = 2
EVENTS_PUT = 500
"""How many events the size of Kinesis records is averaged over."""
COMMAND = "command, average over a snapshot interval"
KEYED = "command, keyed"
PARKED_READ_UNITS = 1.0
"""A strongly consistent Query that finds no parked account."""


@dataclass(frozen=True, slots=True)
class Both:
    """Both designs at one rate. `peer_with_ours` is the peer with our consumer."""

    scene: Scene
    ours: Design
    peer: Design
    peer_with_ours: Design


@dataclass(frozen=True, slots=True)
class _Shared:
    """What does not depend on the rate."""

    template: Any
    command: Invocation
    peer_command: Invocation
    units: Costs
    lake: Lake
    monitoring: Monitoring


class Bench:
    """The functions, ready to be measured at several rates."""

    def __init__(
        self, ours: Function, peer: Subject, consumer: Function, peers_consumer: PublishedConsumer, shared: _Shared
    ) -> None:
        self._ours, self._peer, self._consumer, self._shared = ours, peer, consumer, shared
        self._peers_consumer = peers_consumer

    @property
    def keyed_extra(self) -> tuple[float, float]:
        """The additional read and write units of a command with an idempotency key."""
        plain, keyed = (self._units(name).ours.cost for name in ("command", KEYED))
        return keyed.read_units - plain.read_units, keyed.write_units - plain.write_units

    def at(self, rate: float) -> Both:
        """Measure with the batches that this rate makes."""
        shared, template = self._shared, self._shared.template
        mapping = template["Resources"]["AccountsByOwnerMapping"]["Properties"]
        scene = Scene(
            rate,
            consumer_records_max=mapping["BatchSize"],
            consumer_lanes=mapping["ParallelizationFactor"],
            retention_hours=template["Parameters"]["EventRetentionHours"]["Default"],
        )
        events = max(1, round(scene.projector_batch))
        ours = Subject(self._ours.module.handler, self._ours.module.kinesis)
        batches = [Accounts(events).batch() for _ in range(max(1, EVENTS_PUT // events))]
        ledger = self._units(COMMAND)
        assert ledger.baseline is not None  # noqa: S101 -- the published design has this operation
        known = Accounts(events)
        line_bytes = access_log_bytes(template)
        mine, theirs = _published(ours, batches, events), _published(self._peer, batches, events)
        mine = replace(mine, keys=template["Parameters"]["Buckets"]["Default"])
        consumer = self._consumer, self._consumer.module._dynamodb  # noqa: SLF001 -- the deployed function's client
        published = Function(self._peers_consumer.handler), self._peers_consumer.client
        peer = Design(
            command=shared.peer_command,
            access_log_bytes=line_bytes,
            read_units=ledger.baseline.cost.read_units,
            write_units=ledger.baseline.cost.write_units,
            projector=self._peers_projector(known, scene.projector_batch),
            projector_read_units=0.0,
            published=theirs,
            **self._consumed(scene, theirs, self._peer, *published),
            lake=shared.lake,
            monitoring=Monitoring(),
        )
        return Both(
            scene,
            Design(
                command=shared.command,
                access_log_bytes=line_bytes,
                read_units=ledger.ours.cost.read_units,
                write_units=ledger.ours.cost.write_units,
                projector=invocation(_calls(self._ours, lambda: _parsed(known.batch())), "ProjectorFunction"),
                projector_read_units=PARKED_READ_UNITS,
                published=mine,
                **self._consumed(scene, mine, ours, *consumer),
                lake=shared.lake,
                monitoring=shared.monitoring,
            ),
            peer,
            replace(peer, **self._consumed(scene, theirs, self._peer, *consumer)),
        )

    def _units(self, name: str) -> CostResult:
        return next(result for result in self._shared.units.operations if result.name == name)

    def _peers_projector(self, accounts: Accounts, events: float) -> Invocation:
        calls = _calls(Function(self._peer.handler), lambda: _parsed(accounts.batch()))
        measured = invocation(calls, "ProjectorFunction")
        return replace(measured, log_bytes=events * _line_bytes() + PLATFORM_BYTES)

    def _consumed(
        self,
        scene: Scene,
        published: Published,
        projector: Subject,
        consumer: Function,
        client: Any,  # noqa: ANN401 -- the consumer's client of DynamoDB
    ) -> dict[str, Any]:
        """The consumer's invocation with a mean batch of events in records as the projector puts them.

        The mean is rarely a whole number, so the invocation is interpolated between the two whole ones next to it.
        """
        mean = max(1.0, scene.consumer_batch(published))
        size = max(1, round(scene.projector_batch))

        def batches(events: int) -> Callable[[], Any]:
            parts = [Accounts(min(size, events - first), sequences=(1, 1)) for first in range(0, events, size)]

            def batch() -> Any:  # noqa: ANN401 -- Lambda's event
                puts = [put for part in parts for put in projector.puts(part.batch())]
                return {"Records": [_kinesis_record(number, put) for number, put in enumerate(puts)]}

            return batch

        events = int(mean)
        batch = batches(events)
        fewer, more = (
            invocation(_calls(consumer, each), "AccountsByOwnerFunction") for each in (batch, batches(events + 1))
        )
        with counted(client, OWNED) as units:  # the accounts have positions by now
            consumer.call(batch())
        return {
            "consumer": fewer.towards(more, mean - events),
            "consumer_read_units": units.reads / events,
            "consumer_write_units": units.writes / events,
            "consumer_idle_read_units": units.idle_reads,
        }


@contextmanager
def bench() -> Iterator[Bench]:
    """Measure what does not depend on the rate, and keep the functions.

    Raises:
        DynamoDBLocalMissing: Java or npm is missing on this machine.
    """
    units = costs.measure(names={COMMAND, KEYED, "command"})
    with (
        fake() as url,
        function("account_core.handler", url) as api,
        function("projector.handler", url) as projector,
        function("consumers.owners.handler", url, TABLE_NAME=OWNED) as consumer,
        function("consumers.lake.handler", url) as transform,
    ):
        calls = {
            "api": _commands(api),
            "projector": _calls(projector, Accounts(1).batch),
            "consumer": _calls(consumer, lambda: {"Records": []}),
            "lake": _calls(transform, lambda: _parsed(LAKE_EVENT)),
        }
        template = read_template()
        command = invocation(calls["api"], "ApiFunction")
        shared = _Shared(
            template,
            command,
            _peers_command(command, calls["api"]),
            units,
            _lake(template, calls["lake"], transform),
            monitoring(template, calls),
        )
        with patch.dict(os.environ, {**ENVIRONMENT, "AWS_ENDPOINT_URL": url}):
            published = PublishedConsumer(boto3.client("dynamodb"), OWNED)
        yield Bench(projector, baseline_at(url), consumer, published, shared)


def _calls(measured: Function, event: Callable[[], Any]) -> list[Call]:
    return [measured.call(event())[0] for _ in range(WARM_UPS + ROUNDS)]


def _commands(api: Function) -> list[Call]:
    """Credits of one account, of which every ninth writes a snapshot."""
    _, opened = api.call(command_cpu.gateway_event("/accounts", {"owner": "customer-4711", "currency": "EUR"}))
    path = f"/accounts/{json.loads(opened['body'])['accountId']}/credit"
    event = command_cpu.gateway_event(path, {"amount": "12.50"})
    called = [api.call(event) for _ in range(WARM_UPS + COMMANDS)]
    if {answer["statusCode"] for _, answer in called} != {200}:
        raise AssertionError("A command was refused, so its cost is not that of a command.")
    return [call for call, _ in called]


def _peers_command(ours: Invocation, calls: Sequence[Call]) -> Invocation:
    """Our call with the peer's CPU for the command itself, twice the requests to DynamoDB, and no metrics."""
    [cached, _] = command_cpu.benchmarks()
    extra_us = median(cached.baseline() - cached.ours() for _ in range(ROUNDS))
    metrics = [line for call in calls[WARM_UPS:] for line in call.lines.splitlines(keepends=True) if EMF in line]
    return Invocation(
        ours.cpu_ms + extra_us / 1_000,
        ours.wait_ms * REQUESTS_OF_PEER,
        ours.log_bytes - sum(map(len, metrics)) / (len(calls) - WARM_UPS),
        ours.memory_mb,
    )


def _lake(template: Any, calls: Sequence[Call], transform: Function) -> Lake:  # noqa: ANN401 -- the template
    _, answer = transform.call(_parsed(LAKE_EVENT))
    rows = [json.loads(base64.b64decode(record["data"])) for record in answer["records"]]
    schema = arrow_schema([(column.name, column.glue_type) for column in table.COLUMNS])
    return Lake(
        transform=invocation(list(calls), "LakeTransformFunction"),
        events=len(rows),
        parquet_bytes=len(parquet(rows, schema)) / len(rows),
        buffer_s=template["Parameters"]["LakeBufferSeconds"]["Default"],
    )


def _line_bytes() -> int:
    """The peer's line of one event, by Powertools' logger."""
    output = StringIO()
    [put] = [Put("", data) for data in _one_event()]
    fields = decode(put.data).fields
    Logger(service="peer-projector", level="INFO", stream=output).info(
        "event published",
        event_id=fields["event_id"],
        account_id=fields["account_id"],
        sequence=fields["sequence"],
        correlation_id=fields["correlation_id"],
    )
    return len(output.getvalue().encode())


def _one_event() -> list[bytes]:
    return unpack(base64.b64decode(LAKE_EVENT["records"][0]["data"]))


def _published(projector: Subject, batches: Sequence[Batch], events: int) -> Published:
    """What a projector puts on the stream for batches of so many events each, per event."""
    puts, total = [put for batch in batches for put in projector.puts(batch)], events * len(batches)
    return Published(
        records=len(puts) / total,
        bytes=sum(len(put.data) + len(put.partition_key) for put in puts) / total,
        kb_units=kinesis_units.units(puts, KB) / total,
        put_units=kinesis_units.units(puts, PAYLOAD_UNIT_KB * KB) / total,
    )


def _kinesis_record(number: int, put: Put) -> dict[str, Any]:
    return {"kinesis": {"sequenceNumber": f"{number:056d}", "data": base64.b64encode(put.data).decode()}}


def _parsed(event: Any) -> Any:  # noqa: ANN401 -- Lambda's event
    """The event as Lambda's runtime passes it: just parsed."""
    return json.loads(json.dumps(event))
