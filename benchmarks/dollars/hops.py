"""What a million commands take, as lines of a bill by hop. Pure."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.dollars.batches import STREAM_POLL_S, TABLE_POLL_S, billed_s, mean_batch
from benchmarks.dollars.prices import Price, Prices

MILLION = 1_000_000
GB = 2**30
KB = 1_024
HOUR_S = 3_600
TABLE_SHARDS = STREAM_SHARDS = 4
"""A new table on demand takes 4,000 writes a second, and a partition 1,000 (Amazon DynamoDB developer guide, "On-demand
capacity mode" and "Burst and adaptive capacity"). A new stream on demand takes 4 MB a second, and a shard one (Amazon
Kinesis Data Streams developer guide, "Choose the data stream capacity mode")."""
SHARD_RECORDS_MAX, SHARD_BYTES_MAX = 1_000, 2**20
FIREHOSE_RECORD_KB = 5
EVENT_TYPES = 3
READERS = 2
"""Of the event stream: the consumer and Firehose."""
FREE_RETENTION_HOURS = 24
EQUAL = 0.02


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation of a function: CPU and waits in milliseconds, and what it logs in bytes."""

    cpu_ms: float
    wait_ms: float
    log_bytes: float
    memory_mb: int

    def towards(self, other: "Invocation", share: float) -> "Invocation":
        """The invocation at this share of the way to another one of the same function."""
        return Invocation(
            self.cpu_ms + share * (other.cpu_ms - self.cpu_ms),
            self.wait_ms + share * (other.wait_ms - self.wait_ms),
            self.log_bytes + share * (other.log_bytes - self.log_bytes),
            self.memory_mb,
        )


@dataclass(frozen=True, slots=True)
class Published:
    """The Kinesis records of a projector's batches, per event: records, bytes, and units of both modes.

    Attributes:
        keys: the partition keys that they have over time; None if that is not limited.
    """

    records: float
    bytes: float
    kb_units: float
    put_units: float
    keys: float | None = None


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What is billed by the month."""

    metrics: int = 0
    alarm_metrics: int = 0
    composite_alarms: int = 0
    dashboards: int = 0


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake, which is the same in both designs.

    Attributes:
        transform: one invocation of the transform.
        events: in that invocation.
        parquet_bytes: of a row.
        buffer_s: seconds after which Firehose writes an object per day and event type.
    """

    transform: Invocation
    events: float
    parquet_bytes: float
    buffer_s: float


@dataclass(frozen=True, slots=True)
class Design:
    """What was measured of one design at one rate.

    Attributes:
        command: one invocation of the API's function.
        access_log_bytes: the gateway's line of a request.
        read_units, write_units: of a command, averaged over a snapshot interval.
        projector: one invocation with the mean batch.
        projector_read_units: of that invocation.
        published: the batch's Kinesis records.
        consumer: one invocation with the mean batch of `consumer_batch`.
        consumer_read_units, consumer_write_units: of an event in that invocation.
        consumer_idle_read_units: of an invocation, whatever its events.
    """

    command: Invocation
    access_log_bytes: float
    read_units: float
    write_units: float
    projector: Invocation
    projector_read_units: float
    published: Published
    consumer: Invocation
    consumer_read_units: float
    consumer_write_units: float
    consumer_idle_read_units: float
    lake: Lake
    monitoring: Monitoring


@dataclass(frozen=True, slots=True)
class Scene:
    """The assumptions.

    Attributes:
        rate: commands a second, around the clock. Each makes one event.
        consumer_records_max: BatchSize of the consumer's mapping.
        consumer_lanes: its ParallelizationFactor: a poll's records are divided into as many batches by partition key.
        retention_hours: of the event stream.
    """

    rate: float
    consumer_records_max: int
    consumer_lanes: int
    retention_hours: float

    @property
    def projector_batch(self) -> float:
        """The mean number of events in an invocation of the projector."""
        return mean_batch(self.rate / TABLE_SHARDS, TABLE_POLL_S)

    def consumer_batch(self, published: Published) -> float:
        """The mean number of events in an invocation of the consumer."""
        lanes: float = self.consumer_lanes
        if published.keys is not None:
            lanes = min(lanes, published.keys / STREAM_SHARDS)
        polled = mean_batch(self.rate / STREAM_SHARDS / lanes, STREAM_POLL_S)
        return min(polled, self.consumer_records_max / published.records)

    def hours(self) -> float:
        """The hours that a million commands take."""
        return MILLION / self.rate / HOUR_S


@dataclass(frozen=True, slots=True)
class Charge:
    """What a million commands take of one thing, and its price."""

    hop: str
    what: str
    quantity: float
    price: Price

    @property
    def dollars(self) -> float:
        return self.price.of(self.quantity)


def bill(scene: Scene, design: Design, prices: Prices, *, on_demand: bool = True) -> list[Charge]:
    """The lines for a million commands; with provisioned shards instead of a stream on demand, if requested."""
    stream = _on_demand if on_demand else _provisioned
    return [
        *_command(design, prices),
        *_projector(scene, design, prices),
        *stream(scene, design.published, prices),
        *_consumer(scene, design, prices),
        *_lake(scene, design.lake, prices),
        *_monitoring(scene, design.monitoring, prices),
    ]


def total(lines: Iterable[Charge]) -> float:
    return sum(line.dollars for line in lines)


def shared(ours: Iterable[Charge], peer: Iterable[Charge]) -> float:
    """Dollars of the lines that are the same in both bills, except for the noise of measurements (EQUAL)."""
    pairs = zip(ours, peer, strict=True)
    return sum(line.dollars for line, other in pairs if math.isclose(line.quantity, other.quantity, rel_tol=EQUAL))


def _command(design: Design, prices: Prices) -> Iterator[Charge]:
    yield Charge("API", "requests to the HTTP API", MILLION, prices["http_api"])
    yield Charge("API", "the API's access log", design.access_log_bytes * MILLION / GB, prices["logs"])
    yield from _function("API", design.command, MILLION, prices)
    yield Charge("ledger", "writes", design.write_units * MILLION, prices["dynamodb_writes"])
    yield Charge("ledger", "reads", design.read_units * MILLION, prices["dynamodb_reads"])


def _projector(scene: Scene, design: Design, prices: Prices) -> Iterator[Charge]:
    invocations = MILLION / scene.projector_batch
    yield Charge("projector", "reads of the table's stream", MILLION, prices["dynamodb_stream_reads"])
    yield from _function("projector", design.projector, invocations, prices)
    yield Charge("projector", "reads", design.projector_read_units * invocations, prices["dynamodb_reads"])


def _on_demand(scene: Scene, published: Published, prices: Prices) -> Iterator[Charge]:
    written_gb = published.kb_units * KB * MILLION / GB
    months = max(0.0, scene.retention_hours - FREE_RETENTION_HOURS) / prices.month_hours
    yield Charge("event stream", "hours", scene.hours(), prices["kinesis_stream_hours"])
    yield Charge("event stream", "written", written_gb, prices["kinesis_in"])
    yield Charge("event stream", "read", READERS * published.bytes * MILLION / GB, prices["kinesis_out"])
    yield Charge("event stream", "kept", written_gb * months, prices["kinesis_kept"])


def _provisioned(scene: Scene, published: Published, prices: Prices) -> Iterator[Charge]:
    hours = shards(scene.rate, published) * scene.hours()
    kept = hours if scene.retention_hours > FREE_RETENTION_HOURS else 0
    yield Charge("event stream", "shard hours", hours, prices["kinesis_shard_hours"])
    yield Charge("event stream", "shard hours with longer retention", kept, prices["kinesis_kept_shard_hours"])
    yield Charge("event stream", "PUT units", published.put_units * MILLION, prices["kinesis_put_units"])


def shards(rate: float, published: Published) -> int:
    """The shards that this rate of events needs, without spare capacity."""
    return max(
        1, -int(-rate * published.records // SHARD_RECORDS_MAX), -int(-rate * published.bytes // SHARD_BYTES_MAX)
    )


def _consumer(scene: Scene, design: Design, prices: Prices) -> Iterator[Charge]:
    invocations = MILLION / scene.consumer_batch(design.published)
    yield from _function("consumer", design.consumer, invocations, prices)
    reads = design.consumer_read_units * MILLION + design.consumer_idle_read_units * invocations
    yield Charge("consumer", "writes", design.consumer_write_units * MILLION, prices["dynamodb_writes"])
    yield Charge("consumer", "reads", reads, prices["dynamodb_reads"])


def _lake(scene: Scene, lake: Lake, prices: Prices) -> Iterator[Charge]:
    rounded_gb = FIREHOSE_RECORD_KB * KB * MILLION / GB
    objects = EVENT_TYPES * max(1.0, scene.hours() * HOUR_S / lake.buffer_s)
    parquet_bytes = lake.parquet_bytes * MILLION
    yield Charge("lake", "Firehose, ingestion", rounded_gb, prices["firehose_in"])
    yield Charge("lake", "Firehose, conversion to Parquet", rounded_gb, prices["firehose_conversion"])
    yield Charge("lake", "Firehose, partitions", parquet_bytes / GB, prices["firehose_partitioning"])
    yield Charge("lake", "Firehose, objects", objects, prices["firehose_objects"])
    yield from _function("lake", lake.transform, MILLION / lake.events, prices)
    yield Charge("lake", "S3, objects", objects, prices["s3_puts"])
    yield Charge("lake", "Athena, a report that reads each row once", parquet_bytes, prices["athena"])


def _monitoring(scene: Scene, monitoring: Monitoring, prices: Prices) -> Iterator[Charge]:
    months = scene.hours() / prices.month_hours
    yield Charge("monitoring", "custom metrics", monitoring.metrics * months, prices["metrics"])
    yield Charge("monitoring", "alarms", monitoring.alarm_metrics * months, prices["alarms"])
    yield Charge("monitoring", "composite alarms", monitoring.composite_alarms * months, prices["composite_alarms"])
    yield Charge("monitoring", "dashboards", monitoring.dashboards * months, prices["dashboards"])


def _function(hop: str, invocation: Invocation, invocations: float, prices: Prices) -> Iterator[Charge]:
    duration_s = billed_s(invocation.cpu_ms, invocation.wait_ms, invocation.memory_mb)
    yield Charge(hop, "Lambda, requests", invocations, prices["lambda_requests"])
    gb_s = duration_s * invocation.memory_mb / 1_024 * invocations
    yield Charge(hop, f"Lambda, {duration_s * 1_000:.0f} ms each", gb_s, prices["lambda_duration"])
    yield Charge(hop, "logs", invocation.log_bytes * invocations / GB, prices["logs"])
