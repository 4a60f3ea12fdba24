"""Replays of a table in memory: which events are sent, in which order, and where accounts stop."""

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest

from account_core.domain.events import EventRow
from account_core.rows.items import to_item, version_of
from account_events.avro.contract import parse as parse_schema
from account_events.avro.encoder import ENCODERS, MARKER
from account_events.testing.clock import VirtualClock
from ops.replay import engine
from ops.replay.cursor import NO_VERSION, Cursor, Stopped
from ops.replay.engine import NO_ACCOUNT, replay
from ops.replay.errors import Interrupted, InvalidRequest
from ops.replay.file_format import writer
from ops.replay.pace import ReadPace
from ops.replay.selection import Accounts, Everything, Selection, time_range
from ops.replay.source import Account, Part, Segment
from projector.outgoing import Outgoing, outgoing
from projector.parse import NO_ROW, parse
from projector.translate import translate
from tests.support.memory_source import MemorySource, Order, by_key, by_text, by_version
from tests.support.rows import history, stream_records
from tests.unit.avro.given import CODEC, FOLDER, GLUE
from tests.unit.replay.sinks import Kills, MemorySink, run_to_the_end

ALL = Everything()


def of_projector(account_id: str, events: int) -> list[bytes]:
    """The bytes that the projector publishes from the table's stream."""
    arrivals = parse({"Records": stream_records(history(account_id, events))}).arrivals[account_id]
    return [arrival.data for arrival in arrivals if isinstance(arrival, Outgoing)]


def source_of(**events: int) -> MemorySource:
    source = MemorySource()
    for account_id, number in events.items():
        source.put(history(account_id, number))
    return source


@pytest.mark.parametrize("page_rows", [1, 7, 9, 10, 11, 1_000])
@pytest.mark.parametrize("order", [by_key, by_text, by_version])
@pytest.mark.parametrize("is_scattered", [False, True])
def test_accounts_are_replayed_in_order_with_the_projectors_bytes(
    page_rows: int, order: Order, *, is_scattered: bool
) -> None:
    source = source_of(a=30, b=1, c=9, d=10)
    source.page_rows, source.order, source.is_scattered = page_rows, order, is_scattered
    sink = MemorySink()
    result = replay(source, ALL, sink, segments=3)
    assert result.stopped == []
    for account_id, events in {"a": 30, "b": 1, "c": 9, "d": 10}.items():
        first = {event.sequence: event.data for event in sink.events if event.account_id == account_id}
        assert list(first) == list(range(1, events + 1))
        assert list(first.values()) == of_projector(account_id, events)


def test_older_schema_versions_are_replayed_in_the_working_one() -> None:
    row = next(row for row in history("a", 2) if isinstance(row, EventRow) and row.sequence == 2)
    source = source_of(a=1)
    item = {**to_item(row), "Format": {"N": "1"}}
    del item["RequestId"]
    source.put_item(item)
    sink = MemorySink()
    replay(source, ALL, sink)
    fields = translate(row)[1]
    first = parse_schema((FOLDER / "history/BalanceCredited/1.avsc").read_text())
    body = BytesIO()
    fastavro.schemaless_writer(body, first.parsed, fields)
    before, now = CODEC.decode(MARKER + first.fingerprint + body.getvalue()), CODEC.decode(sink.events[1].data)
    assert (before.fingerprint, now.fingerprint) == (first.fingerprint.hex(), ENCODERS[now.name].fingerprint.hex())
    assert before.fingerprint != now.fingerprint
    newer = {"request_id": None, "transfer_id": None, "counterparty_account_id": None}
    assert {**before.fields, **newer} == now.fields
    assert sink.events[1].data == outgoing(row, 0).data


@pytest.mark.parametrize("version", [1, 2, 7, 12, 13])
def test_an_account_counts_once_wherever_its_rows_are_found(version: int) -> None:
    """Its rows are interrupted by another account, so the second part is read from the beginning."""
    source, sink = source_of(a=12, b=12), MemorySink()
    source.page_rows = 1
    source.order = lambda account_id, number: (account_id == "a" and number >= version, account_id, number)
    result = replay(source, ALL, sink, segments=1)
    assert {(event.account_id, event.sequence) for event in sink.events} == {
        (account_id, sequence) for account_id in "ab" for sequence in range(1, 13)
    }
    assert result.counts.accounts == 2


def test_glue_framing_has_the_projectors_bytes() -> None:
    sink = MemorySink()
    replay(source_of(a=12), ALL, sink, encoders=GLUE)
    rows = [row for row in history("a", 12) if isinstance(row, EventRow)]
    assert [event.data for event in sink.events] == [outgoing(row, 0, GLUE).data for row in rows]
    line = json.loads(writer("jsonl", CODEC)(sink.events[0].data))
    assert (line["name"], line["event"]["sequence"]) == ("AccountCreated", 1)


def test_rows_in_order_are_read_and_sent_once() -> None:
    source, sink = source_of(a=30, b=12), MemorySink()
    source.page_rows = 4
    result = replay(source, ALL, sink, segments=2)
    assert all(isinstance(part, Segment) for part in source.requests)
    assert sink.of("a") == list(range(1, 31))
    assert sink.of("b") == list(range(1, 13))
    counts = result.counts
    assert (counts.accounts, counts.events, counts.rows, counts.read_units) == (2, 42, 33 + 13, 46 / 4)
    assert counts.data_bytes == sum(len(event.data) for event in sink.events)
    assert counts.put_units == 42


def test_accounts_are_queried_and_a_missing_one_is_reported() -> None:
    source, sink = source_of(a=12, b=3, c=3), MemorySink()
    source.page_rows = 5
    result = replay(source, Accounts(("c", "missing", "a", "c")), sink)
    assert sink.of("a") == list(range(1, 13))
    assert sink.of("c") == [1, 2, 3]
    assert sink.of("b") == []
    assert result.stopped == [Stopped("missing", 1, "1", NO_ACCOUNT)]
    assert set(source.requests) == {Account("a"), Account("c"), Account("missing")}


@pytest.mark.parametrize(
    ("from_", "until", "expected"),
    [
        ("2026-01-31T09:00:05.000001Z", None, range(5, 31)),
        ("2026-01-31T10:00:05.000002+01:00", None, range(6, 31)),
        (None, "2026-01-31T09:00:05.000001Z", range(1, 5)),
        (None, "2026-01-31T09:00:05.000002Z", range(1, 6)),
        ("2026-01-31T09:00:05Z", "2026-01-31T09:00:12Z", range(5, 12)),
        ("2026-01-31T09:00:12Z", None, range(12, 31)),
        ("2027-01-01T00:00:00Z", None, range(0)),
        (None, "2025-01-01T00:00:00Z", range(0)),
    ],
)
def test_a_time_range_selects_consecutive_events(from_: str | None, until: str | None, expected: range) -> None:
    source, sink = source_of(a=30, b=2), MemorySink()
    source.page_rows = 7
    result = replay(source, time_range(from_, until), sink)
    assert sink.of("a") == list(expected)
    assert sink.of("b") == [sequence for sequence in expected if sequence <= 2]
    assert result.counts.accounts == bool(expected) + bool(sink.of("b"))


def test_decreasing_times_leave_no_gap() -> None:
    """Times of rows of format 1 may decrease."""
    source, sink = source_of(a=8), MemorySink()
    change(source, 4, Timestamp={"S": "2026-01-31T09:00:01.000000Z"})
    replay(source, time_range("2026-01-31T09:00:03Z", "2026-01-31T09:00:06Z"), sink)
    assert sink.of("a") == [3, 4, 5]


def change(source: MemorySource, version: int, **attributes: dict[str, Any] | None) -> None:
    """Changes account a's row; None removes the attribute."""
    item = source.rows["a", Decimal(version)]
    source.put_item({name: value for name, value in {**item, **attributes}.items() if value is not None})


@pytest.mark.parametrize(
    ("version", "attributes"),
    [
        (5, {"Type": {"S": "INTEREST"}}),
        (5, {"Type": None}),
        (5, {"Type": {"S": "SNAPSHOT"}}),
        (5, {"Sequence": {"N": "6"}}),
        (5, {"Format": {"N": "99"}}),
        (5, {"Amount": {"S": "x"}}),
        (5, {"Amount": {"NULL": True}}),
        (5, {"Balance": None}),
        (5, {"Timestamp": {"S": "yesterday"}}),
        (5, {"Currency": {"M": {}}}),
        (20, {"Type": {"S": "CREDIT"}}),
    ],
)
@pytest.mark.parametrize("page_rows", [2, 1_000])
def test_a_row_without_an_event_stops_only_its_account(
    version: int, attributes: dict[str, Any], page_rows: int
) -> None:
    source, sink = source_of(a=30, b=30), MemorySink()
    source.page_rows = page_rows
    change(source, version, **attributes)
    result = replay(source, ALL, sink, segments=1)
    [stopped] = result.stopped
    sequence = version - version // 10 + (version == 20)
    assert (stopped.account_id, stopped.sequence, stopped.version) == ("a", sequence, str(version))
    assert stopped.reason
    assert sink.of("a") == list(range(1, sequence))
    assert sink.of("b") == list(range(1, 31))


@pytest.mark.parametrize("number", ["2.5", "-3", "1E+40", "1" + "0" * 40, "9" * 38])
def test_an_invalid_version_stops_its_account(number: str) -> None:
    source, sink = source_of(a=30, b=30), MemorySink()
    source.put_item({"AccountId": {"S": "a"}, "Version": {"N": number}})
    result = replay(source, ALL, sink, segments=1)
    last = {"2.5": 2, "-3": 0}.get(number, 30)
    assert result.stopped == [Stopped("a", last + 1, number, NO_VERSION)]
    assert sink.of("a") == list(range(1, last + 1))
    assert sink.of("b") == list(range(1, 31))


@pytest.mark.parametrize("version", [1, 5, 9, 11, 19])
@pytest.mark.parametrize("selection", [ALL, Accounts(("a", "b"))])
def test_a_missing_row_stops_its_account_after_a_second_read(version: int, selection: Selection) -> None:
    source, sink = source_of(a=18, b=30), MemorySink()
    source.delete("a", version)
    result = replay(source, selection, sink, segments=1)
    sequence = version - version // 10
    assert result.stopped == [Stopped("a", sequence, str(version), NO_ROW)]
    assert sink.of("a") == list(range(1, sequence))
    assert sink.of("b") == list(range(1, 31))
    queries = [part for part in source.requests if isinstance(part, Account)]
    assert len(queries) <= 4  # one of each selected account, and two more of "a"


def test_reading_continues_directly_after_the_last_event() -> None:
    """A wrong row in place of a snapshot must be found."""
    versions = [Cursor("a", due).next_version for due in (1, 2, 9, 10, 11, 19)]
    assert versions == [None, 2, 9, 10, 12, 20]


@pytest.mark.parametrize("is_damaged", [False, True])
def test_an_account_with_scattered_rows_is_read_once_more(*, is_damaged: bool) -> None:
    source, sink = source_of(a=30, b=30), MemorySink()
    source.order = by_version
    if is_damaged:
        change(source, 25, Type={"S": "INTEREST"})
    result = replay(source, ALL, sink, segments=1)
    assert len(result.stopped) == is_damaged
    queried = [part for part in source.requests if isinstance(part, Account)]
    assert sorted(part.account_id for part in queried) == ["a", "b"]
    assert len(sink.events) <= 2 * 60


def test_the_pace_follows_the_units_that_were_used() -> None:
    """Ten pages of a Scan and those of a Query; the first reservations are wrong."""
    source, clock = source_of(a=18, b=18), VirtualClock()
    source.page_rows = 4
    begun_s = clock()
    result = replay(source, ALL, MemorySink(), segments=1, pace=ReadPace(2, clock, clock.sleep), page_units=50)
    pages = len(source.requests)
    assert result.counts.read_units == 10
    assert pages == 10
    assert clock() - begun_s == pytest.approx((result.counts.read_units - 1) / 2)


def test_a_snapshot_visible_before_its_event_is_no_gap() -> None:
    """For a moment, only one row of a transaction may be visible."""
    source, sink = source_of(a=8), MemorySink()
    event, snapshot = list(history("a", 9))[8:]
    source.put([snapshot])
    reads: list[Part] = []

    def on_read(part: Part) -> None:
        reads.append(part)
        if len(reads) == 3:
            source.put([event])

    source.on_read = on_read
    assert replay(source, ALL, sink, segments=1).stopped == []
    assert sink.of("a") == list(range(1, 10))
    assert reads == [Segment(0, 1), Account("a", 9), Account("a", 9)]


def test_a_missing_or_damaged_snapshot_is_no_gap() -> None:
    source, sink = source_of(a=30), MemorySink()
    source.delete("a", 10)
    change(source, 20, Digest={"S": "x"}, Balance=None)
    assert replay(source, ALL, sink).stopped == []
    assert sink.of("a") == list(range(1, 31))


def test_damage_after_the_time_range_is_ignored() -> None:
    source, sink = source_of(a=30), MemorySink()
    source.delete("a", 15)
    assert replay(source, time_range(None, "2026-01-31T09:00:06Z"), sink).stopped == []
    assert sink.of("a") == [1, 2, 3, 4, 5]


def test_rows_added_during_the_scan_are_sent_if_found() -> None:
    """Rows that a later page contains are sent. The live stream has the others."""
    source, sink = source_of(a=4, b=4, c=4), MemorySink()
    source.page_rows = 3
    rows = {account_id: list(history(account_id, 60)) for account_id in "abc"}

    def on_read(_part: object) -> None:
        for account_id, all_rows in rows.items():
            there = sum(key[0] == account_id for key in source.rows)
            source.put(all_rows[there : there + 1])

    result = run_to_the_end(source, sink, Kills(), segments=2, on_read=on_read)
    assert result.stopped == []
    for account_id in "abc":
        assert sink.of(account_id) == list(range(1, len(sink.of(account_id)) + 1))
        assert len(sink.of(account_id)) >= 4


def test_rows_without_the_key_are_refused() -> None:
    source = MemorySource(order=lambda *_: 0)
    source.rows["x", Decimal(0)] = {"Id": {"S": "x"}}
    with pytest.raises(InvalidRequest, match="not an accounts table"):
        replay(source, ALL, MemorySink())


def test_the_number_of_remembered_accounts_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "KNOWN_MAX", 3)
    source = MemorySource()
    for number in range(4):
        row = next(iter(history(f"a{number}", 1)))
        source.put([row], Type={"S": "INTEREST"})
    with pytest.raises(Interrupted, match="More than 3 accounts"):
        replay(source, ALL, MemorySink())


def test_the_bytes_are_encoded_from_the_row() -> None:
    source, sink = source_of(a=12), MemorySink()
    replay(source, ALL, sink)
    rows = [row for row in history("a", 12) if isinstance(row, EventRow)]
    assert sink.events == [outgoing(row, 0) for row in rows]
    assert [to_item(row)["Version"]["N"] for row in rows] == [str(version_of(row.sequence)) for row in rows]
