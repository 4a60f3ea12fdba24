"""Failures get back into the lake, whole, once as far as anybody sees, and whatever ends the work in the middle."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import count
from typing import Any

import pyarrow.parquet as pq
import pytest

from consumers.kit import Decoder
from consumers.lake.rows import Rows
from consumers.lake.transform import Transform
from ops.lake.redrive import DROPPED, Redrive, Redriven
from projector.aggregate import aggregate
from tests.unit.kit.given import encoded

KEY = "errors/processing-failed/dt=2026-08-01/delivery-1"
CONVERSION_KEY = "errors/format-conversion-failed/dt=2026-08-01/delivery-1"
ARRIVED_MS = 1_785_000_000_000
EVENTS = encoded("a-1", 6)
LATER = b"\xc3\x01" + bytes(8) + b"of tomorrow"


class Killed(BaseException):
    """As Ctrl-C or a power cut."""


class MemoryBucket:
    """Attributes: calls_left: until it is killed; `before` the call has done its work, or after it."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)
        self.calls_left: float = float("inf")
        self.before = True
        self.on_change: Callable[[], None] = lambda: None

    def keys(self, prefix: str) -> Iterator[str]:
        self._call(lambda: None)
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def get(self, key: str) -> bytes | None:
        self._call(lambda: None)
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self._call(lambda: self.objects.update({key: body}))

    def delete(self, key: str) -> None:
        self._call(lambda: self.objects.pop(key))

    def _call(self, work: Callable[[], object]) -> None:
        self.calls_left -= 1
        if self.calls_left < 0 and self.before:
            raise Killed
        work()
        self.on_change()
        if self.calls_left < 0:
            raise Killed


class Function:
    """The deployed one, by the transform itself; the reasons of what it refuses."""

    def __init__(self) -> None:
        self.transform = Transform(Rows(Decoder(), "2020-01-01"))
        self.reasons: dict[str, dict[str, str]] = {}
        self.batches: list[int] = []
        self.refuses: Callable[[bytes], bool] = lambda _data: False
        self.answers: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def __call__(self, payload: bytes) -> bytes:
        event = json.loads(payload)
        self.batches.append(len(event["records"]))
        for record in event["records"]:
            if self.refuses(base64.b64decode(record["data"])):
                record["data"] = base64.b64encode(LATER).decode()
        transformed = self.transform(event)
        self.reasons[event["invocationId"]] = {each.record_id: each.reason for each in transformed.refusals}
        return json.dumps(self.answers(transformed.answer)).encode()


def document(data: bytes, **more: Any) -> bytes:  # noqa: ANN401
    return json.dumps({"attemptsMade": 4, "arrivalTimestamp": ARRIVED_MS, "rawData": _text(data), **more}).encode()


def lines(*each: bytes) -> bytes:
    return b"".join(line + b"\n" for line in each)


def redrive(bucket: MemoryBucket, function: Function) -> list[Redriven]:
    ids = count()
    work = Redrive(
        bucket, function, _reasons(function), lambda: str(next(ids)), "arn:aws:kinesis:eu-central-1:0:stream/s"
    )
    return list(work.run())


def _reasons(function: Function) -> Callable[[str], Mapping[str, str]]:
    return lambda invocation_id: function.reasons[invocation_id]


def in_lake(bucket: MemoryBucket) -> list[str]:
    """The event ids, as often as they are there."""
    return sorted(
        event_id
        for key, body in bucket.objects.items()
        if key.startswith("events/")
        for event_id in pq.read_table(BytesIO(body))["event_id"].to_pylist()
    )


def in_errors(bucket: MemoryBucket, prefix: str = "errors/") -> set[bytes]:
    """The events in there, by their bytes."""
    documents = [
        json.loads(line)
        for key, body in bucket.objects.items()
        if key.startswith(prefix)
        for line in body.splitlines()
        if line.startswith(b"{")
    ]
    return {part for each in documents for part in _parts(base64.b64decode(each["rawData"]))}


def _parts(data: bytes) -> list[bytes]:
    from consumers.kit.aggregates import unpack  # noqa: PLC0415 -- for this helper alone

    return unpack(data)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ids(*sequences: int) -> list[str]:
    return [f"a-1:{sequence}" for sequence in sequences]


def test_repaired_records_get_to_their_partitions_and_the_object_is_moved() -> None:
    body = lines(document(EVENTS[0]), document(EVENTS[1]))
    bucket = MemoryBucket(**{KEY: body})
    assert redrive(bucket, Function()) == [Redriven(KEY, 2, 2)]
    assert in_lake(bucket) == ids(1, 2)
    assert bucket.objects[f"redriven/{KEY}"] == body
    assert KEY not in bucket.objects
    [created] = [key for key in bucket.objects if "event_type=AccountCreated" in key]
    assert created.startswith("events/dt=2026-01-31/event_type=AccountCreated/redriven-")
    [row] = pq.read_table(BytesIO(bucket.objects[created])).to_pylist()
    assert row["published_at"].isoformat() == "2026-07-25T17:20:00"


def test_an_aggregate_of_several_partitions_is_taken_apart() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", EVENTS)))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(KEY, 1, 6)]
    assert function.batches == [6]
    assert in_lake(bucket) == ids(1, 2, 3, 4, 5, 6)


def test_what_still_fails_stays_alone_with_its_reason() -> None:
    bad = document(LATER, errorMessage="kept")
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[0]), bad, document(EVENTS[1]))})
    [found] = redrive(bucket, Function())
    assert (found.documents, found.rows) == (3, 2)
    [failing] = found.failing
    assert failing.line == 2
    assert "schema" in failing.reason
    assert bucket.objects[KEY] == lines(bad)
    assert in_errors(bucket, "redriven/") == {EVENTS[0], EVENTS[1]}


def test_of_an_aggregate_only_the_failing_events_stay() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]]), errorCode="x"))})
    [found] = redrive(bucket, Function())
    assert (found.rows, len(found.failing)) == (2, 1)
    assert in_errors(bucket) == {LATER}
    [line] = bucket.objects[KEY].splitlines()
    assert json.loads(line)["errorCode"] == "x"


def test_what_a_second_redrive_repairs_does_not_overwrite_what_the_first_did() -> None:
    """Both are of one object and of one partition."""
    function = Function()
    function.refuses = lambda data: data == EVENTS[3]
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[1]), document(EVENTS[3]))})
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2)
    function.refuses = lambda _data: False
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2, 4)
    assert in_errors(bucket, "redriven/") == {EVENTS[1], EVENTS[3]}
    assert not in_errors(bucket)


def test_what_was_transformed_and_not_converted_finds_its_partition() -> None:
    row = Rows(Decoder(), "2020-01-01").row(EVENTS[1], None)
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(document(row.line.encode() * 2, lastErrorCode="x"))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(CONVERSION_KEY, 1, 2)]
    assert not function.batches
    [key] = [key for key in bucket.objects if key.startswith("events/")]
    assert key.startswith(f"events/dt={row.dt}/event_type={row.event_type}/")
    assert in_lake(bucket) == ids(2, 2)


def test_what_looks_like_a_row_and_came_from_the_stream_is_none() -> None:
    row = Rows(Decoder(), "2020-01-01").row(EVENTS[1], None).line.encode()
    forged = document(row, errorCode="Lambda.ProcessingFailedStatus")
    bucket = MemoryBucket(**{KEY: lines(forged, document(b"{no JSON", errorCode="Lambda.FunctionError"))})
    function = Function()
    [found] = redrive(bucket, function)
    assert [each.line for each in found.failing] == [1, 2]
    assert function.batches == [2]
    assert not in_lake(bucket)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "1.001"}, "amount"),
        ({"schema_fingerprint": "0123456789abcdef"}, "schema_fingerprint"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"sequence": "three"}, "sequence"),
    ],
)
def test_what_cannot_be_converted_stays(changes: dict[str, str], reason: str) -> None:
    row = json.loads(Rows(Decoder(), "2020-01-01").row(EVENTS[1], None).line)
    bad = document(json.dumps(row | changes).encode())
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(bad, document(json.dumps(row).encode()))})
    [found] = redrive(bucket, Function())
    assert [(each.line, reason in each.reason) for each in found.failing] == [(1, True)]
    assert bucket.objects[CONVERSION_KEY] == lines(bad)
    assert in_lake(bucket) == ids(2)


@pytest.mark.parametrize(
    "line",
    [b"odd", b"[]", b"{}", b'{"rawData": "%", "arrivalTimestamp": 1}', b'{"rawData": "", "arrivalTimestamp": "soon"}'],
)
def test_a_line_that_is_no_document_is_told_and_stays(line: bytes) -> None:
    bucket = MemoryBucket(**{KEY: lines(line, document(EVENTS[0]))})
    [found] = redrive(bucket, Function())
    assert [each.line for each in found.failing] == [1]
    assert bucket.objects[KEY] == lines(line)
    assert in_lake(bucket) == ids(1)


def test_an_object_of_which_nothing_succeeds_is_not_touched() -> None:
    body = lines(document(LATER), b"odd")
    bucket = MemoryBucket(**{KEY: body})
    redrive(bucket, Function())
    assert bucket.objects == {KEY: body}


def test_reasons_are_no_failures() -> None:
    bucket = MemoryBucket(**{"errors/reasons/dt=2026-08-01/1.jsonl": b"{}\n"})
    assert redrive(bucket, Function()) == []


def test_a_record_that_the_function_drops_is_not_dropped_here() -> None:
    function = Function()
    function.answers = lambda answer: {"records": [{**answer["records"][0], "result": "Dropped"}]}
    body = lines(document(EVENTS[0]))
    bucket = MemoryBucket(**{KEY: body})
    [found] = redrive(bucket, function)
    assert [each.reason for each in found.failing] == [DROPPED]
    assert bucket.objects == {KEY: body}


def test_a_partition_that_is_none_of_the_table_is_not_written() -> None:
    function = Function()
    function.answers = lambda answer: {
        "records": [{**answer["records"][0], "metadata": {"partitionKeys": {"dt": "../../x", "event_type": "x"}}}]
    }
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[0]))})
    [found] = redrive(bucket, function)
    assert len(found.failing) == 1
    assert list(bucket.objects) == [KEY]


def test_batches_stay_small() -> None:
    events = encoded("a-1", 2_500)
    bucket = MemoryBucket(**{KEY: lines(*map(document, events))})
    function = Function()
    [found] = redrive(bucket, function)
    assert found.rows == 2_500
    assert max(function.batches) <= 1_000
    assert sum(function.batches) == 2_500


def test_a_look_changes_nothing() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", EVENTS)), b"odd")})
    before, function = dict(bucket.objects), Function()
    work = Redrive(bucket, function, _reasons(function), lambda: "1", "")
    [found] = work.look()
    assert (found.documents, found.rows, [each.line for each in found.failing]) == (2, 6, [2])
    assert bucket.objects == before
    assert not function.batches


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("calls", range(12))
def test_killed_anywhere_nothing_is_lost_and_the_next_run_ends_it(calls: int, *, before: bool) -> None:
    """An event is at every moment where it failed, or in the lake; and when all is done, in one file each."""
    wanted = {EVENTS[0]: "a-1:1", EVENTS[1]: "a-1:2", EVENTS[2]: "a-1:3", EVENTS[3]: "a-1:4"}
    bucket = MemoryBucket(
        **{
            KEY: lines(document(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]])), b"odd"),
            f"{KEY}-2": lines(document(EVENTS[2]), document(EVENTS[3])),
        }
    )

    def look() -> None:
        there, failed = set(in_lake(bucket)), in_errors(bucket)
        assert all(event_id in there or data in failed for data, event_id in wanted.items())
        assert LATER in failed
        assert any(b"odd\n" in body for body in bucket.objects.values())

    bucket.on_change, bucket.calls_left, bucket.before = look, calls, before
    function = Function()
    try:
        redrive(bucket, function)
    except Killed:
        look()
    else:
        assert calls >= 9, "it was to be killed"
    bucket.calls_left = float("inf")
    redrive(bucket, function)
    assert in_lake(bucket) == sorted(wanted.values())
    assert in_errors(bucket) == {LATER}
