"""Events in the failure buckets and in the lake's errors/."""

import base64
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from account_core.domain.events import EventRow
from account_core.rows.items import to_item
from account_events.aggregation.packing import aggregate
from account_events.avro.codec import CONTRACT, Codec
from ops.recovery.failures import DiscardedBatch, read_batch
from ops.why.facts import EventKey, Stored
from ops.why.sources import kept
from projector.outgoing import outgoing
from tests.support.ledger_and_lake import history

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
ROWS = [row for row in history("a-1", *["1.00"] * 12) if isinstance(row, EventRow)]
EVENTS = [outgoing(row, 0).data for row in ROWS]
CODEC = Codec(CONTRACT)


class NoSuchKey(Exception):
    """The object was deleted meanwhile."""


class Bucket:
    """A client of S3 with one bucket. Each object is a minute older than the one before; one without a body is gone."""

    exceptions = SimpleNamespace(NoSuchKey=NoSuchKey)

    def __init__(self, **bodies: bytes | None) -> None:
        self._bodies = bodies

    def get_paginator(self, _name: str) -> Any:  # noqa: ANN401 -- as botocore's
        listed = [
            {"Key": key, "Size": len(body or b""), "LastModified": NOW - timedelta(minutes=number)}
            for number, (key, body) in enumerate(self._bodies.items())
        ]
        pages = [{"Contents": [each]} for each in listed]
        return SimpleNamespace(paginate=lambda Bucket, Prefix: [*pages, {}])  # noqa: N803, ARG005

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803, ARG002
        if (body := self._bodies[Key]) is None:
            raise NoSuchKey
        return {"Body": BytesIO(body)}


def found(bucket: Bucket, holds: kept.Holds, *sequences: int, age: timedelta = timedelta(days=1)) -> kept.KeptSearch:
    events = [EventKey("a-1", sequence) for sequence in sequences]
    return kept.search(bucket, "b", events, holds, since=NOW - age, wait=lambda _: None)  # type: ignore[arg-type]


def batch(*records: dict[str, Any]) -> bytes:
    return json.dumps({"payload": json.dumps({"Records": list(records)})}).encode()


def row_record(row: EventRow) -> dict[str, Any]:
    keys = {name: to_item(row)[name] for name in ("AccountId", "Version")}
    image = {"Keys": keys, "NewImage": to_item(row), "SequenceNumber": str(row.version)}
    return {"eventName": "INSERT", "eventID": str(row.version), "eventSource": "aws:dynamodb", "dynamodb": image}


def kinesis_record(data: bytes) -> dict[str, Any]:
    return {"eventSource": "aws:kinesis", "kinesis": {"data": base64.b64encode(data).decode()}}


def document(data: bytes, **fields: Any) -> bytes:  # noqa: ANN401 -- fields of a document
    raw = {"arrivalTimestamp": 1_785_000_000_000, "rawData": base64.b64encode(data).decode(), **fields}
    return json.dumps(raw).encode() + b"\n"


def test_the_oldest_object_with_the_row_is_named() -> None:
    both = batch(*(row_record(row) for row in ROWS[1:3]))
    search = found(Bucket(new=both, old=both), kept.rows_of_projector, 1, 2, 3, 4)
    older = Stored("s3://b/old", NOW - timedelta(minutes=1))
    assert search.objects == {EventKey("a-1", 2): older, EventKey("a-1", 3): older}
    assert (search.read, search.unread) == (2, "")


def test_of_many_objects_those_soon_after_the_event_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "OBJECTS_MAX", 1)
    both = Bucket(new=batch(), old=batch(row_record(ROWS[1])))
    assert set(found(both, kept.rows_of_projector, 2).objects) == {EventKey("a-1", 2)}


def test_an_object_is_parsed_once_for_all_events(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(url: str, key: str, body: bytes) -> DiscardedBatch:
        parsed.append(key)
        return read_batch(url, key, body)

    monkeypatch.setattr(kept, "read_batch", counted)
    body = batch(*(row_record(row) for row in ROWS[:4]))
    search = found(Bucket(a=body, b=batch(), c=b'{"payload": "a-2"}'), kept.rows_of_projector, 1, 2, 3, 4)
    assert len(search.objects) == 4
    assert parsed == ["a"], "the others do not have the account's id"


def test_an_interruption_ends_the_search_before_the_next_object() -> None:
    def stopped(_seconds: float) -> None:
        raise InterruptedError

    bucket = Bucket(a=None)
    with pytest.raises(InterruptedError):
        kept.search(bucket, "b", [], kept.rows_of_projector, since=NOW, wait=stopped)  # type: ignore[arg-type]


def test_an_object_from_before_the_event_is_not_read() -> None:
    search = found(Bucket(a=batch(row_record(ROWS[1]))), kept.rows_of_projector, 2, age=timedelta(seconds=-1))
    assert (search.objects, search.read) == ({}, 0)


def test_a_record_for_the_read_model_is_found_within_its_aggregate() -> None:
    body = batch(kinesis_record(b"damaged"), kinesis_record(aggregate("1", "1", EVENTS[:2])))
    search = found(Bucket(a=body), kept.records_of_consumer(CODEC), 1, 2, 3)
    assert set(search.objects) == {EventKey("a-1", 1), EventKey("a-1", 2)}


def test_an_id_that_begins_with_the_events_is_not_the_event() -> None:
    """The event a-1:12 is there, and a-1:1 is not."""
    body = batch(kinesis_record(EVENTS[11]))
    assert set(found(Bucket(a=body), kept.records_of_consumer(CODEC), 1, 12).objects) == {EventKey("a-1", 12)}
    refused = document(EVENTS[11], errorCode="Lambda.ProcessingFailedStatus", errorMessage="refused.")
    search = found(Bucket(a=refused), kept.documents_of_firehose(CODEC), 1, 12)
    assert search.objects == {EventKey("a-1", 12): Stored("s3://b/a", NOW, "refused")}


def test_a_row_that_could_not_be_converted_is_found_in_its_json() -> None:
    row = json.dumps({"event_id": "a-1:3", "amount": "1.00"}).encode()
    body = document(row, lastErrorMessage="no such column") + document(b'{"event_id": "a-1:33"}')
    search = found(Bucket(a=body), kept.documents_of_firehose(CODEC), 3, 33, 333)
    assert search.objects == {
        EventKey("a-1", 3): Stored("s3://b/a", NOW, "no such column"),
        EventKey("a-1", 33): Stored("s3://b/a", NOW, ""),
    }


def test_a_damaged_record_is_found_by_the_id_in_it() -> None:
    damaged = EVENTS[2][:-4]
    body = document(damaged, errorCode="Lambda.ProcessingFailedStatus")
    assert set(found(Bucket(a=body), kept.documents_of_firehose(CODEC), 3).objects) == {EventKey("a-1", 3)}


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"no json", b'{"payload": "no json"}', b'{"payload": {"Records": 1}}', b"[1]"]
)
def test_an_object_that_is_none_of_these_has_no_event(body: bytes) -> None:
    for holds in (kept.rows_of_projector, kept.records_of_consumer(CODEC), kept.documents_of_firehose(CODEC)):
        assert found(Bucket(a=body), holds, 1).objects == {}


def test_objects_that_are_left_out_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    body = batch(row_record(ROWS[1]))
    with monkeypatch.context() as patched:
        patched.setattr(kept, "OBJECTS_MAX", 1)
        search = found(Bucket(a=body, b=body), kept.rows_of_projector, 2)
    assert (search.read, search.unread) == (1, "only the 1 oldest of 2 objects in b were read")
    with monkeypatch.context() as patched:
        patched.setattr(kept, "OBJECT_BYTES_MAX", 1)
        assert found(Bucket(a=body), kept.rows_of_projector, 2).unread == f"s3://b/a has {len(body)} bytes"
    assert found(Bucket(a=None), kept.rows_of_projector, 2).unread == "", "it was repaired meanwhile"
