"""A record that cannot be redriven is reported and stays, and does not stop the others."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from account_events.aggregation.packing import aggregate
from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from tests.unit.lake.redrive_given import (
    ARRIVED_MS,
    CONVERSION_KEY,
    EVENTS,
    FIRST_DAY,
    KEY,
    LATER,
    Function,
    MemoryBucket,
    failed_record,
    ids,
    in_lake,
    lines,
    redrive,
    redrive_of,
)

ROW: dict[str, Any] = json.loads(Rows(Decoder(), FIRST_DAY).row(EVENTS[1], None).line)
"""The row that the function makes of event 2, a credit."""
ARRIVED = datetime.fromtimestamp(ARRIVED_MS / 1000, UTC)


def row(**changes: object) -> bytes:
    return json.dumps(ROW | changes).encode()


def dated(day: str) -> dict[str, object]:
    return {"occurred_at": f"{day} 09:00:00.000000"}


@pytest.mark.parametrize(
    "line",
    [
        b"odd",
        b"[]",
        b"{}",
        b'"rawData"',
        b"\xff\xfe{}",
        b'{"rawData": "%", "arrivalTimestamp": 1}',
        *[
            b'{"rawData": "", "arrivalTimestamp": %b}' % when
            for when in (b'"soon"', b"null", b"true", b"[1]", b"1.5", b"-1", b"1e400", b"-1e400", b"NaN")
        ],
        b'{"rawData": "", "arrivalTimestamp": 253402214400000}',
        b'{"rawData": "", "arrivalTimestamp": %b}' % (b"9" * 4_000),
        b'{"rawData": "", "arrivalTimestamp": %b}' % (b"9" * 5_000),
        *[b'{"rawData": %b, "arrivalTimestamp": 1}' % raw for raw in (b"5", b"null", b"[]", b"{}", b'"\xc3\xa9"')],
        b'{"rawData": "", "arrivalTimestamp": 1, "x": {"y": []}}',
        failed_record(b'{"x": [[]]}'),
        failed_record(b"{no rows"),
    ],
)
def test_a_line_that_cannot_be_parsed_is_reported_and_stays(line: bytes) -> None:
    next_key = f"{KEY}-2"
    bucket = MemoryBucket(**{KEY: lines(line, failed_record(EVENTS[0])), next_key: lines(failed_record(EVENTS[1]))})
    seen = [[each.line for each in found.failing] for found in redrive_of(bucket, Function()).look()]
    assert seen == [[1], []]
    found, _ = redrive(bucket, Function())
    assert [(each.line, len(each.reason) < 300) for each in found.failing] == [(1, True)]
    assert bucket.objects[KEY] == lines(line)
    assert in_lake(bucket) == ids(1, 2)


def test_an_arrival_time_may_be_text() -> None:
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[0], arrivalTimestamp=str(ARRIVED_MS)))})
    [found] = redrive(bucket, Function())
    assert (found.rows, found.failing) == (1, [])


def test_deeply_nested_json_is_refused_at_once() -> None:
    """The line is parsed a second time with a deeper call stack, which must not exceed the recursion limit."""
    depths = range(sys.getrecursionlimit() - 200, sys.getrecursionlimit())
    odd = [
        line
        for depth in depths
        for line in (
            failed_record(aggregate("1", "1", [EVENTS[0], LATER]))[:-1] + _nested(depth),
            failed_record(row()[:-1] + _nested(depth)),
        )
    ]
    bucket = MemoryBucket(**{KEY: lines(*odd, failed_record(EVENTS[2]))})
    [found] = redrive(bucket, Function())
    assert [each.line for each in found.failing] == list(range(1, len(odd) + 1))
    assert in_lake(bucket) == ids(3)


def _nested(depth: int) -> bytes:
    return b', "x": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "1.001"}, "amount"),
        ({"amount": float("nan")}, "amount"),
        ({"balance": float("inf")}, "balance"),
        ({"owner": 5}, "owner"),
        ({"schema_fingerprint": None}, "it has no schema_fingerprint"),
        ({"schema_fingerprint": "0123456789abcdef"}, "schema_fingerprint"),
        ({"schema_fingerprint": ["34c8165f77476d94"]}, "schema_fingerprint"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": 20260801}, "occurred_at"),
        ({"sequence": "three"}, "sequence"),
        ({"sequence": 2**63}, "sequence"),
        ({"sequence": 1.0}, "sequence"),
        ({"event_id": {}}, "event_id"),
    ],
)
def test_a_row_that_cannot_be_converted_stays(changes: dict[str, object], reason: str) -> None:
    bad = failed_record(row(**changes))
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(bad, failed_record(row()))})
    [found] = redrive(bucket, Function())
    assert [(each.line, reason in each.reason) for each in found.failing] == [(1, True)]
    assert bucket.objects[CONVERSION_KEY] == lines(bad)
    assert in_lake(bucket) == ids(2)


@pytest.mark.parametrize(
    "name", ["event_id", "account_id", "sequence", "occurred_at", "correlation_id", "currency", "amount", "balance"]
)
def test_a_row_without_a_mandatory_field_stays(name: str) -> None:
    without = {each: value for each, value in ROW.items() if each != name}
    body = lines(failed_record(row(**{name: None})), failed_record(json.dumps(without).encode()))
    bucket = MemoryBucket(**{CONVERSION_KEY: body})
    [found] = redrive(bucket, Function())
    assert [(each.line, name in each.reason) for each in found.failing] == [(1, True), (2, True)]
    assert bucket.objects == {CONVERSION_KEY: body}


def test_a_row_may_lack_an_optional_field() -> None:
    less = {name: value for name, value in ROW.items() if value is not None}
    assert ROW.keys() - less.keys() >= {"causation_id", "request_id", "owner"}
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(failed_record(json.dumps(less).encode()))})
    [found] = redrive(bucket, Function())
    assert (found.rows, found.failing) == (1, [])


@pytest.mark.parametrize(
    "day",
    [
        "2019-12-31",
        f"{ARRIVED + timedelta(days=2):%Y-%m-%d}",
        "9999-12-31",
        "2026-02-30",
        "2026-W05-6",
        "20260131  ",
        "２０２６-01-31",  # noqa: RUF001 -- full-width digits
    ],
)
def test_a_row_outside_the_tables_days_stays(day: str) -> None:
    body = lines(failed_record(row(**dated(day))))
    bucket = MemoryBucket(**{CONVERSION_KEY: body})
    [found] = redrive(bucket, Function())
    assert [each.line for each in found.failing] == [1]
    assert bucket.objects == {CONVERSION_KEY: body}


@pytest.mark.parametrize("day", [FIRST_DAY, f"{ARRIVED + timedelta(days=1):%Y-%m-%d}"])
def test_the_tables_first_and_last_day_are_accepted(day: str) -> None:
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(failed_record(row(**dated(day))))})
    [found] = redrive(bucket, Function())
    assert (found.rows, found.failing) == (1, [])
    assert any(key.startswith(f"events/dt={day}/") for key in bucket.objects)
