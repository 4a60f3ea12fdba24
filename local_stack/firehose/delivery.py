"""One delivery stream's work: collect, transform, collect by partition, write. Its ports are arguments. Pure.

Nothing is forgotten before it is written: what is read stays in one of three places, the transform's buffer, a
partition's, or the outbox, until S3 has taken it or its failure document. A shard's checkpoint moves when nothing read
from it is left in them, so that who begins again there repeats and never loses: at-least-once.

Source: Amazon Data Firehose Developer Guide, "Understand data delivery in Amazon Data Firehose" (buffering by size and
interval, whichever comes first; retries; duplicates), "Handle failure in data transformation", "Understand dynamic
partitioning".
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from consumers.lake.delivery.contract import BadAnswer, Failed, Transformed, outcomes_of
from consumers.lake.delivery.conversion import converted
from consumers.lake.delivery.records import SourceRecord, invocation
from local_stack.firehose.config import PARTITIONS_MAX, DeliveryConfig
from local_stack.firehose.failures import conversion_failed, processing_failed
from local_stack.firehose.object_prefixes import (
    CONVERSION_FAILED,
    PROCESSING_FAILED,
    NoSuchKey,
    error_place,
    object_name,
    partition,
)

FORMAT_SUFFIX = ".parquet"
OPEN_RECORDS_MAX = 50_000
"""Records of Kinesis, read and not written: whoever reads stops there until something is."""

Place = tuple[str, str]
"""A record's on the stream: its shard and its sequence number there, which all records of an aggregate share."""


class InvocationFailed(Exception):
    """The function could not be invoked, did not answer in time, or raised; `code` is Firehose's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Names:
    """Whose names stand in invocations, objects and failures."""

    stream_arn: str
    delivery_name: str
    function_arn: str
    table: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the work needs of the world.

    Attributes:
        invoke: the function, with JSON; its answer. Raises InvocationFailed.
        put: an object by its key. What it raises is passed on: the object stays in the outbox.
        unique: a new UUID's text.
    """

    invoke: Callable[[bytes], bytes]
    put: Callable[[str, bytes], None]
    unique: Callable[[], str]


@dataclass
class Totals:
    """What has been done so far; `failed` counts records by error output type."""

    rows: int = 0
    objects: int = 0
    invocations: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Object:
    """Waits to be written; its key is fixed, so that a lost answer makes no second object."""

    key: str
    body: bytes
    places: Counter[Place]
    rows: int = 0


@dataclass
class _Partition:
    since_s: float
    records: list[Transformed] = field(default_factory=list)
    size: int = 0


class Delivery:
    """Feed it with `take`, then let `work` do what is due. It raises what `put` does, and goes on when called next."""

    def __init__(self, config: DeliveryConfig, schema: pa.Schema, names: Names, ports: Ports) -> None:
        self._config, self._schema, self._names, self._ports = config, schema, names, ports
        self._waiting: list[SourceRecord] = []
        self._waiting_since_s = 0.0
        self._partitions: dict[str, _Partition] = {}
        self._outbox: list[_Object] = []
        self._open: dict[str, Counter[str]] = {}
        self.checkpoints: dict[str, str] = {}
        self.totals = Totals()

    def take(self, records: Sequence[SourceRecord], now_s: float) -> None:
        """What was read of one shard, in its order."""
        if not records:
            return
        if not self._waiting:
            self._waiting_since_s = now_s
        self._waiting += records
        for record in records:
            self._open.setdefault(record.shard_id, Counter())[record.sequence_number] += 1

    def is_empty(self) -> bool:
        """Whether everything taken is written."""
        return not (self._waiting or self._partitions or self._outbox)

    def is_full(self) -> bool:
        """Whether so much waits to be written that no more should be taken."""
        return sum(map(len, self._open.values())) >= OPEN_RECORDS_MAX

    def work(self, now_s: float, *, flush: bool = False) -> None:
        """Do what is due at this time, seconds since 1970; with `flush` everything."""
        self._send()
        while self._waiting and (flush or self._transform_is_due(now_s)):
            batch = self._batch()
            self._transform(batch, now_s)
            del self._waiting[: len(batch)]
            self._waiting_since_s = now_s
            self._write_due(now_s, flush=False)
            self._send()
        self._write_due(now_s, flush=flush)
        self._send()

    def _transform_is_due(self, now_s: float) -> bool:
        is_old = now_s - self._waiting_since_s >= self._config.transform_interval_s
        return is_old or sum(len(record.data) for record in self._waiting) >= self._config.transform_bytes

    def _batch(self) -> list[SourceRecord]:
        """At most the buffer, and what fits an invocation; at least one record."""
        size, batch = 0, list[SourceRecord]()
        for record in self._waiting:
            size += len(record.data)
            if batch and size > self._config.transform_bytes:
                break
            batch.append(record)
        return batch

    def _transform(self, batch: Sequence[SourceRecord], now_s: float) -> None:
        event = invocation(batch, self._ports.unique(), self._names.stream_arn, self._names.delivery_name)
        payload = json.dumps(event).encode()
        problem: InvocationFailed | BadAnswer | None = None
        for attempt in range(1, self._config.retries + 2):
            try:
                self.totals.invocations += 1
                outcomes = outcomes_of(batch, self._ports.invoke(payload))
            except (InvocationFailed, BadAnswer) as error:
                problem = error
                continue
            self._close(_places(batch) - _places([outcome.record for outcome in outcomes]))  # dropped on purpose
            self._sort(outcomes, attempt, now_s)
            return
        assert problem is not None  # noqa: S101 -- there is at least one attempt
        self._sort([Failed(record, problem.code, str(problem)) for record in batch], self._config.retries + 1, now_s)

    def _sort(self, outcomes: Sequence[Transformed | Failed], attempts: int, now_s: float) -> None:
        """Rows to their partitions; failures to the outbox, all of a batch in one object."""
        failures: list[Failed] = []
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                failures.append(outcome)
                continue
            try:
                prefix = partition(self._config.prefix, outcome.keys, _time(now_s))
            except NoSuchKey as missing:
                message = f"The record has no partition key {missing}."
                failures.append(Failed(outcome.record, "DynamicPartitioning.MetadataExtractionFailed", message))
                continue
            if prefix not in self._partitions and len(self._partitions) >= PARTITIONS_MAX:
                message = f"{PARTITIONS_MAX} partitions are active, Firehose's quota."
                failures.append(Failed(outcome.record, "DynamicPartitioning.ActivePartitionLimitExceeded", message))
                continue
            self._collect(prefix, outcome, now_s)
        now_ms, arn = round(now_s * 1000), self._names.function_arn
        lines = [(failed.record, processing_failed(failed, attempts, now_ms, arn)) for failed in failures]
        self._keep(PROCESSING_FAILED, lines, now_s)

    def _collect(self, prefix: str, transformed: Transformed, now_s: float) -> None:
        waiting = self._partitions.setdefault(prefix, _Partition(now_s))
        waiting.records.append(transformed)
        waiting.size += len(transformed.data)

    def _write_due(self, now_s: float, *, flush: bool) -> None:
        for prefix, waiting in list(self._partitions.items()):
            is_old = now_s - waiting.since_s >= self._config.delivery_interval_s
            if flush or is_old or waiting.size >= self._config.delivery_bytes:
                self._write(prefix, now_s)

    def _write(self, prefix: str, now_s: float) -> None:
        """One partition's records, into the outbox."""
        records = self._partitions[prefix].records
        body, rows, failed = converted(records, self._schema)
        bad = {id(each) for each, _ in failed}
        if rows:
            key = prefix + object_name(self._names.delivery_name, _time(now_s), self._ports.unique(), FORMAT_SUFFIX)
            places = _places([each.record for each in records if id(each) not in bad])
            self._outbox.append(_Object(key, body, places, rows))
        now_ms = round(now_s * 1000)
        lines = [
            (each.record, conversion_failed(each.record, each.data, why, now_ms, self._names.table))
            for each, why in failed
        ]
        self._keep(CONVERSION_FAILED, lines, now_s)
        del self._partitions[prefix]

    def _keep(self, error_type: str, lines: Sequence[tuple[SourceRecord, bytes]], now_s: float) -> None:
        if not lines:
            return
        place = error_place(self._config.error_prefix, error_type, _time(now_s))
        key = place + object_name(self._names.delivery_name, _time(now_s), self._ports.unique())
        places = _places([record for record, _ in lines])
        self._outbox.append(_Object(key, b"".join(line for _, line in lines), places))
        self.totals.failed[error_type] += len(lines)

    def _send(self) -> None:
        """What stands in the outbox, the oldest first; what S3 does not take stays, and all behind it."""
        while self._outbox:
            written = self._outbox[0]
            self._ports.put(written.key, written.body)
            del self._outbox[0]
            self.totals.objects += 1
            self.totals.rows += written.rows
            self._close(written.places)

    def _close(self, places: Mapping[Place, int]) -> None:
        """So many records of each place are done with; a checkpoint moves over what is done from the oldest on."""
        for (shard_id, sequence_number), count in places.items():
            self._open[shard_id][sequence_number] -= count
        for shard_id in {shard_id for shard_id, _ in places}:
            records = self._open[shard_id]
            for sequence_number in list(records):
                if records[sequence_number]:
                    break
                del records[sequence_number]
                self.checkpoints[shard_id] = sequence_number


def _places(records: Sequence[SourceRecord]) -> Counter[Place]:
    return Counter((record.shard_id, record.sequence_number) for record in records)


def _time(now_s: float) -> datetime:
    return datetime.fromtimestamp(now_s, UTC)
