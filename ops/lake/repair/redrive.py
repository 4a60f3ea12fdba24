"""Puts failed records back into the lake. Nothing is deleted before its replacement is written.

The records of each object under the error prefix go through the deployed function again. The resulting rows are
written to their partitions. A file's name is a digest of its content, so a repetition writes the same file. Then the
object moves to `redriven/`, except for the records that still fail. If a redrive is interrupted at any point, every
event is still in its object, or in its partition, or in both.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

import pyarrow as pa

from account_events.avro.codec import CONTRACT
from consumers.lake.delivery.contract import Failed, Transformed, outcomes_of
from consumers.lake.delivery.conversion import converted
from consumers.lake.delivery.parquet import arrow_schema
from consumers.lake.delivery.records import SourceRecord, invocation
from consumers.lake.errors import OutsidePartitions
from consumers.lake.table import COLUMNS, ERRORS_PREFIX, EVENT_TYPES, REASONS_PREFIX, partition_prefix
from ops.lake.repair.error_documents import Document, UnparsedLine, documents, object_of

REDRIVEN_PREFIX = "redriven/"
BATCH_BYTES_MAX = 128 * 1024
"""Bytes of records per invocation. Rows are up to eighteen times as long, and a response has at most 6 MB."""
BATCH_RECORDS_MAX = 1_000
DROPPED = "the function dropped the record"
_SCHEMAS = {schema.fingerprint.hex(): schema for schema in CONTRACT.known.values()}
_DAY_LENGTH = len("2026-11-25")


class Bucket(Protocol):
    """The lake's bucket."""

    def keys(self, prefix: str) -> Iterator[str]: ...

    def get(self, key: str) -> bytes | None:
        """The object's content; None if there is no such object (any more)."""

    def put(self, key: str, body: bytes) -> None: ...

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Failing:
    """A part of a record that still fails and stays in place.

    Attributes:
        line: the record's line in the object, from 1.
    """

    line: int
    reason: str


@dataclass(slots=True)
class Redriven:
    """The outcome for one object.

    Attributes:
        documents: the number of records in the object.
        rows: the number of events put back, or that a dry run would try to put back.
        failing: the parts that still fail, and the lines that cannot be parsed.
    """

    key: str
    documents: int
    rows: int = 0
    failing: list[Failing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Redrive:
    """One redrive.

    Attributes:
        bucket: the lake's bucket.
        invoke: invokes the deployed function with JSON and returns its response. An exception ends the redrive.
        reasons: returns the reasons for an invocation's refusals, by record id.
        new_id: makes an invocation id.
        stream_arn: the event stream's ARN, for the function's input.
        first_day: the table's first partition, YYYY-MM-DD.
        reopen: called with the days of an object's events before their files are written, see `Reopening`.
    """

    bucket: Bucket
    invoke: Callable[[bytes], bytes]
    reasons: Callable[[str], Mapping[str, str]]
    new_id: Callable[[], str]
    stream_arn: str
    first_day: str
    reopen: Callable[[Iterable[str]], object] = lambda _days: None

    def preview(self) -> Iterator[Redriven]:
        """What could be put back, object by object. Neither invokes the function nor writes anything."""
        for key, body in self._objects():
            found = documents(body)
            parts = sum(len(each.parts) for each in found if isinstance(each, Document))
            yield Redriven(key, len(found), parts, _unparsed(found))

    def run(self) -> Iterator[Redriven]:
        """Put the records back, object by object, and yield the outcome for each.

        Raises:
            BadAnswer: the function's response is not valid for Firehose.
        """
        for key, body in self._objects():
            yield self._put_back(key, documents(body))

    def _objects(self) -> Iterator[tuple[str, bytes]]:
        for key in list(self.bucket.keys(ERRORS_PREFIX)):
            if not key.startswith(REASONS_PREFIX) and (body := self.bucket.get(key)) is not None:
                yield key, body

    def _put_back(self, key: str, found: Sequence[Document | UnparsedLine]) -> Redriven:
        work = _Work(found)
        transformed = self._transformed(work)
        done: set[str] = set()
        rows = 0
        self.reopen({each.keys["dt"] for each in transformed})
        for prefix, theirs in _by_partition(transformed).items():
            body, count, unconverted = converted(theirs, _SCHEMA)
            for each, why in unconverted:
                work.fail(each.record.record_id, why)
            failed = {each.record.record_id for each, _ in unconverted}
            written = [each for each in theirs if each.record.record_id not in failed]
            if written:
                self.bucket.put(f"{prefix}redriven-{_digest([each.data for each in written])}.parquet", body)
            done |= {each.record.record_id for each in written}
            rows += count
        if done:
            self._move(key, work, done)
        return Redriven(key, len(found), rows, sorted(_unparsed(found) + work.failing(), key=lambda each: each.line))

    def _move(self, key: str, work: "_Work", done: set[str]) -> None:
        """Move the records that were put back to `redriven/`. The others stay."""
        moved, left = work.lines(done)
        suffix = f"-{_digest(moved)}" if left else ""  # unique, because the rest of the object may be moved later
        self.bucket.put(f"{REDRIVEN_PREFIX}{key}{suffix}", object_of(moved))
        if left:
            self.bucket.put(key, object_of(left))
        else:
            self.bucket.delete(key)

    def _transformed(self, work: "_Work") -> list[Transformed]:
        made: list[Transformed] = []
        for record in work.transformed:
            row = _row_of(record, self.first_day)
            if isinstance(row, str):
                work.fail(record.record_id, row)
            else:
                made.append(row)
        for batch in _batches(work.events):
            made += self._invoked(work, batch)
        return made

    def _invoked(self, work: "_Work", batch: Sequence[SourceRecord]) -> list[Transformed]:
        invocation_id = self.new_id()
        event = invocation(batch, invocation_id, self.stream_arn, "")
        outcomes = outcomes_of(batch, self.invoke(json.dumps(event).encode()))
        failed = {each.record.record_id: each for each in outcomes if isinstance(each, Failed)}
        reasons = self.reasons(invocation_id) if failed else {}
        for record_id, each in failed.items():
            work.fail(record_id, reasons.get(record_id) or f"{each.code}: {each.message}")
        for record_id in {record.record_id for record in batch} - {each.record.record_id for each in outcomes}:
            work.fail(record_id, DROPPED)
        made: list[Transformed] = []
        for outcome in outcomes:
            if isinstance(outcome, Transformed) and _is_partition(outcome.keys):
                made.append(outcome)
            elif isinstance(outcome, Transformed):
                work.fail(
                    outcome.record.record_id, f"the function named a partition that the table lacks: {outcome.keys}"
                )
        return made


class _Work:
    """The records of an object, one for each part of a document, and the reasons why records fail."""

    def __init__(self, found: Sequence[Document | UnparsedLine]) -> None:
        self._found = found
        self._reasons: dict[str, str] = {}
        self.events: list[SourceRecord] = []
        self.transformed: list[SourceRecord] = []
        for number, document in enumerate(found):
            if isinstance(document, Document):
                into = self.transformed if document.is_transformed else self.events
                into += [_record(number, sub, part, document) for sub, part in enumerate(document.parts)]

    def fail(self, record_id: str, reason: str) -> None:
        self._reasons[record_id] = reason

    def failing(self) -> list[Failing]:
        return [Failing(int(record_id.partition(":")[0]) + 1, reason) for record_id, reason in self._reasons.items()]

    def lines(self, done: set[str]) -> tuple[list[bytes], list[bytes]]:
        """The lines of the records that were put back, and those of the others."""
        moved: list[bytes] = []
        left: list[bytes] = []
        for number, document in enumerate(self._found):
            if isinstance(document, UnparsedLine):
                left.append(document.line)
                continue
            by_outcome: dict[bool, list[bytes]] = {True: [], False: []}
            for sub, part in enumerate(document.parts):
                by_outcome[f"{number}:{sub}" in done].append(part)
            moved += document.with_parts(by_outcome[True])
            left += document.with_parts(by_outcome[False])
        return moved, left


_SCHEMA: pa.Schema = arrow_schema([(column.name, column.glue_type) for column in COLUMNS])


def _record(number: int, sub: int, part: bytes, document: Document) -> SourceRecord:
    return SourceRecord(
        f"{number}:{sub}", part, "", "", sub, "", published_ms=document.arrived_ms, arrived_ms=document.arrived_ms
    )


def _row_of(record: SourceRecord, first_day: str) -> Transformed | str:
    """The record of a row that Firehose could not convert, with its partition; or why it cannot be put back.

    The table's columns may be null, but the mandatory fields of the row's event must have values here.
    """
    row: dict[str, Any] = json.loads(record.data)
    if row.get("schema_fingerprint") is None:
        return "not a row of an event: it has no schema_fingerprint"
    schema = _SCHEMAS.get(str(row["schema_fingerprint"]))
    if schema is None:
        return "this release does not know its schema_fingerprint: run the command of the release that does"
    mandatory = [name for name, kind in schema.field_types.items() if not (isinstance(kind, list) and "null" in kind)]
    if missing := [name for name in mandatory if row.get(name) is None]:
        return f"not a row of {schema.name}: it has no {', '.join(missing)}"
    keys = {"dt": str(row["occurred_at"])[:_DAY_LENGTH], "event_type": schema.name}
    if not _is_partition(keys):
        return "its occurred_at is not a time, or the table has no partition for its event"
    latest = datetime.fromtimestamp(record.arrived_ms / 1000, UTC) + timedelta(days=1)
    if not first_day <= keys["dt"] <= latest.date().isoformat():
        return str(OutsidePartitions(keys["dt"]))
    return Transformed(record, record.data, keys)


def _is_partition(keys: Mapping[str, str]) -> bool:
    dt = keys.get("dt", "")
    try:
        is_day = date.fromisoformat(dt).isoformat() == dt  # `fromisoformat` also accepts week dates
    except ValueError:
        return False
    return is_day and keys.get("event_type") in EVENT_TYPES


def _by_partition(transformed: Sequence[Transformed]) -> dict[str, list[Transformed]]:
    partitions: defaultdict[str, list[Transformed]] = defaultdict(list)
    for each in transformed:
        partitions[partition_prefix(each.keys["dt"], each.keys["event_type"])].append(each)
    return dict(partitions)


def _batches(records: Sequence[SourceRecord]) -> Iterator[list[SourceRecord]]:
    batch: list[SourceRecord] = []
    size = 0
    for record in records:
        if batch and (size + len(record.data) > BATCH_BYTES_MAX or len(batch) == BATCH_RECORDS_MAX):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    if batch:
        yield batch


def _unparsed(found: Sequence[Document | UnparsedLine]) -> list[Failing]:
    return [Failing(number, each.problem) for number, each in enumerate(found, 1) if isinstance(each, UnparsedLine)]


def _digest(written: Sequence[bytes]) -> str:
    digest = sha256()
    for each in written:
        digest.update(len(each).to_bytes(8, "big") + each)
    return digest.hexdigest()[:32]
