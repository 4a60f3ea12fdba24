"""The work of one delivery stream: buffer, transform, buffer by partition, write. Its side effects are arguments.

A record stays in one of three buffers (the transform's, a partition's or the outbox) until S3 has accepted its row or
its failure document. A shard's checkpoint passes a record only then, so a runner that resumes from the checkpoints may
repeat records but loses none: at-least-once.

Source: Amazon Data Firehose Developer Guide, "Understand data delivery in Amazon Data Firehose" (buffering by size and
interval; retries; duplicates), "Handle failure in data transformation", "Understand dynamic
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
    error_prefix,
    object_name,
    partition_prefix,
)

FORMAT_SUFFIX = ".parquet"
OPEN_RECORDS_MAX = 50_000
"""When this many Kinesis records are read but not written, the runner stops reading until some of them are written."""

RecordPosition = tuple[str, str]
"""A record's shard and sequence number. All records of an aggregate share them."""


class InvocationFailed(Exception):
    """The function could not be invoked, did not answer in time, or raised; `code` is Firehose's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Names:
    """Names that appear in invocations, objects' keys and failure documents."""

    stream_arn: str
    delivery_name: str
    function_arn: str
    table: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ports:
    """The side effects that a delivery needs.

    Attributes:
        invoke: invokes the function with JSON and returns its response. Raises InvocationFailed.
        put: writes an object under a key. If it raises, the object stays in the outbox and the error is passed on.
        unique: returns a new UUID as text.
    """

    invoke: Callable[[bytes], bytes]
    put: Callable[[str, bytes], None]
    unique: Callable[[], str]


@dataclass
class Totals:
    """Counts of the work done so far; `failed` counts records by error output type."""

    rows: int = 0
    objects: int = 0
    invocations: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Object:
    """An object to write. Its key is fixed, so a retry after a lost response creates no second object."""

    key: str
    body: bytes
    positions: Counter[RecordPosition]
    rows: int = 0


@dataclass
class _Partition:
    since_s: float
    records: list[Transformed] = field(default_factory=list)
    size: int = 0


class Delivery:
    """Buffers records and delivers them: add them with `take`, then call `work` regularly."""

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
        """Add records read from one shard, in the shard's order."""
        if not records:
            return
        if not self._waiting:
            self._waiting_since_s = now_s
        self._waiting += records
        for record in records:
            self._open.setdefault(record.shard_id, Counter())[record.sequence_number] += 1

    def is_empty(self) -> bool:
        """Whether every record taken is written."""
        return not (self._waiting or self._partitions or self._outbox)

    def is_full(self) -> bool:
        """Whether OPEN_RECORDS_MAX records are unwritten. If so, do not call `take` until some are written."""
        return sum(map(len, self._open.values())) >= OPEN_RECORDS_MAX

    def work(self, now_s: float, *, flush: bool = False) -> None:
        """Process every buffer that is full or old enough, or all of them with `flush`.

        It passes on any error that `put` raises. The next call continues where it stopped.

        Args:
            now_s: seconds since 1970.
            flush: process all buffers.
        """
        self._send()
        while self._waiting and (flush or self._transform_is_ready(now_s)):
            batch = self._batch()
            self._transform(batch, now_s)
            del self._waiting[: len(batch)]
            self._waiting_since_s = now_s
            self._write_ready_partitions(now_s, flush=False)
            self._send()
        self._write_ready_partitions(now_s, flush=flush)
        self._send()

    def _transform_is_ready(self, now_s: float) -> bool:
        is_old = now_s - self._waiting_since_s >= self._config.transform_interval_s
        return is_old or sum(len(record.data) for record in self._waiting) >= self._config.transform_bytes

    def _batch(self) -> list[SourceRecord]:
        """Return the oldest records that fit one invocation, at least one."""
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
            dropped = _positions(batch) - _positions([outcome.record for outcome in outcomes])
            self._close(dropped)
            self._sort(outcomes, attempt, now_s)
            return
        assert problem is not None  # noqa: S101 -- there is at least one attempt
        self._sort([Failed(record, problem.code, str(problem)) for record in batch], self._config.retries + 1, now_s)

    def _sort(self, outcomes: Sequence[Transformed | Failed], attempts: int, now_s: float) -> None:
        """Add rows to their partitions and failures to the outbox, all failures of a batch in one object."""
        failures: list[Failed] = []
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                failures.append(outcome)
                continue
            try:
                prefix = partition_prefix(self._config.prefix, outcome.keys, _time(now_s))
            except NoSuchKey as missing:
                message = f"The record does not have the partition key {missing}."
                failures.append(Failed(outcome.record, "DynamicPartitioning.MetadataExtractionFailed", message))
                continue
            if prefix not in self._partitions and len(self._partitions) >= PARTITIONS_MAX:
                message = f"Firehose's quota of {PARTITIONS_MAX} active partitions is used up."
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

    def _write_ready_partitions(self, now_s: float, *, flush: bool) -> None:
        for prefix, waiting in list(self._partitions.items()):
            is_old = now_s - waiting.since_s >= self._config.delivery_interval_s
            if flush or is_old or waiting.size >= self._config.delivery_bytes:
                self._write(prefix, now_s)

    def _write(self, prefix: str, now_s: float) -> None:
        """Convert one partition's records and add the object to the outbox."""
        records = self._partitions[prefix].records
        body, rows, failed = converted(records, self._schema)
        bad = {id(each) for each, _ in failed}
        if rows:
            key = prefix + object_name(self._names.delivery_name, _time(now_s), self._ports.unique(), FORMAT_SUFFIX)
            positions = _positions([each.record for each in records if id(each) not in bad])
            self._outbox.append(_Object(key, body, positions, rows))
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
        prefix = error_prefix(self._config.error_prefix, error_type, _time(now_s))
        key = prefix + object_name(self._names.delivery_name, _time(now_s), self._ports.unique())
        positions = _positions([record for record, _ in lines])
        self._outbox.append(_Object(key, b"".join(line for _, line in lines), positions))
        self.totals.failed[error_type] += len(lines)

    def _send(self) -> None:
        """Write the outbox, oldest object first. If S3 refuses one, it and all later objects stay."""
        while self._outbox:
            written = self._outbox[0]
            self._ports.put(written.key, written.body)
            del self._outbox[0]
            self.totals.objects += 1
            self.totals.rows += written.rows
            self._close(written.positions)

    def _close(self, positions: Mapping[RecordPosition, int]) -> None:
        """Mark records as done, given their number by position, and move checkpoints past the oldest done records."""
        for (shard_id, sequence_number), count in positions.items():
            self._open[shard_id][sequence_number] -= count
        for shard_id in {shard_id for shard_id, _ in positions}:
            records = self._open[shard_id]
            for sequence_number in list(records):
                if records[sequence_number]:
                    break
                del records[sequence_number]
                self.checkpoints[shard_id] = sequence_number


def _positions(records: Sequence[SourceRecord]) -> Counter[RecordPosition]:
    return Counter((record.shard_id, record.sequence_number) for record in records)


def _time(now_s: float) -> datetime:
    return datetime.fromtimestamp(now_s, UTC)
