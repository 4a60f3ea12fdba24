"""A replay that is killed at any step and resumed loses no event and keeps the order."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.rows.items import is_snapshot_version
from ops.replay.cursor import Cursor
from ops.replay.engine import replay
from ops.replay.errors import NotResumable
from ops.replay.selection import Everything, TimeRange
from ops.replay.source import Segment
from ops.replay.state import PartState, State, from_json, to_json
from projector.outgoing import Outgoing
from projector.parse import NO_ROW, parse
from tests.support.memory_source import MemorySource, Order, by_key, by_text, by_version
from tests.support.rows import history, stream_records
from tests.unit.replay.sinks import Kills, MemorySink, run_to_the_end

HISTORIES = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(1, 40), min_size=1)
KILLS = st.lists(st.integers(1, 40), max_size=12)
ORDERS = st.sampled_from([by_key, by_text, by_version])
LAYOUTS = st.tuples(ORDERS, st.booleans())
FIRST_US = 1769850001000001
"""The time of every account's first event; the others follow at one-second intervals."""


def table_of(histories: dict[str, int], page_rows: int) -> MemorySource:
    source = MemorySource(page_rows=page_rows)
    for account_id, events in histories.items():
        source.put(history(account_id, events))
    return source


def published(account_id: str, events: int) -> list[bytes]:
    arrivals = parse({"Records": stream_records(history(account_id, events))}).arrivals[account_id]
    return [arrival.data for arrival in arrivals if isinstance(arrival, Outgoing)]


def assert_a_consumer_can_follow(events: list[Outgoing], ranges: dict[str, range]) -> None:
    """Checks that each account has its expected events in order, and that duplicates only repeat them."""
    for account_id, sequences in ranges.items():
        mine = [event for event in events if event.account_id == account_id]
        bytes_of = published(account_id, max(sequences, default=0) or 1)
        expected = sequences.start
        for event in mine:
            assert sequences.start <= event.sequence <= expected, f"found event {event.sequence} instead of {expected}"
            assert event.data == bytes_of[event.sequence - 1]
            expected = max(expected, event.sequence + 1)
        assert expected == sequences.stop
    assert {event.account_id for event in events} <= set(ranges)


@given(HISTORIES, st.integers(1, 50), st.integers(1, 4), KILLS, LAYOUTS)
def test_a_killed_run_to_a_stream_sends_every_event(
    histories: dict[str, int],
    page_rows: int,
    segments: int,
    kills_at: list[int],
    layout: tuple[Order, bool],
) -> None:
    kills = Kills(list(kills_at))
    source, sink = table_of(histories, page_rows), MemorySink(kills)
    source.order, source.is_scattered = layout
    result = run_to_the_end(source, sink, kills, segments=segments)
    assert result.stopped == []
    assert result.counts.accounts == len(histories)
    assert_a_consumer_can_follow(sink.events, {name: range(1, events + 1) for name, events in histories.items()})


@given(HISTORIES, st.integers(1, 50), st.integers(1, 4), KILLS)
def test_a_file_has_every_event_once(
    histories: dict[str, int], page_rows: int, segments: int, kills_at: list[int]
) -> None:
    kills = Kills(list(kills_at))
    source, sink = table_of(histories, page_rows), MemorySink(kills, is_file=True)
    result = run_to_the_end(source, sink, kills, segments=segments)
    for account_id, events in histories.items():
        assert [event.data for event in sink.events if event.account_id == account_id] == published(account_id, events)
    assert len(sink.events) == result.counts.events == sum(histories.values())
    assert result.counts.accounts == len(histories)
    assert result.counts.rows == len(source.rows)


@given(HISTORIES, st.integers(1, 20), KILLS, LAYOUTS, st.tuples(st.integers(0, 45), st.integers(0, 45)))
def test_a_time_range_selects_consecutive_events(
    histories: dict[str, int], page_rows: int, kills_at: list[int], layout: tuple[Order, bool], time: tuple[int, int]
) -> None:
    kills = Kills(list(kills_at))
    source, sink = table_of(histories, page_rows), MemorySink(kills)
    source.order, source.is_scattered = layout
    first, length = time
    begin = FIRST_US + first * 1_000_000
    result = run_to_the_end(source, sink, kills, selection=TimeRange(begin, begin + length * 1_000_000))
    ranges = {}
    for name, events in histories.items():
        last = min(first + length, events)
        ranges[name] = range(first + 1, max(first, last) + 1)
    assert_a_consumer_can_follow(sink.events, ranges)
    assert result.counts.accounts == sum(map(bool, ranges.values()))


@given(HISTORIES, st.integers(1, 30), KILLS, ORDERS, st.data())
def test_damaged_accounts_end_before_the_damage(
    histories: dict[str, int], page_rows: int, kills_at: list[int], order: Order, data: st.DataObject
) -> None:
    kills = Kills(list(kills_at))
    source, sink = table_of(histories, page_rows), MemorySink(kills)
    source.order = order
    ends: dict[str, int] = {}
    for name in histories:
        versions = [int(version) for there, version in source.rows if there == name]
        if not data.draw(st.booleans()):
            continue
        version = data.draw(st.sampled_from([one for one in versions if not is_snapshot_version(one)]))
        item = dict(source.rows[name, Decimal(version)])
        attribute = data.draw(st.sampled_from(sorted({*item} - {"AccountId", "Version", "CommandId", "RequestId"})))
        item[attribute] = data.draw(st.sampled_from([{"NULL": True}, {"N": "-1"}, {"L": []}, {"BOOL": True}]))
        source.put_item(item)
        ends[name] = version - version // 10
    result = run_to_the_end(source, sink, kills, segments=2)
    assert {stopped.account_id: stopped.sequence for stopped in result.stopped} == ends
    assert result.counts.accounts == sum(ends.get(name, 2) > 1 for name in histories)
    assert_a_consumer_can_follow(
        sink.events, {name: range(1, ends.get(name, events + 1)) for name, events in histories.items()}
    )


def test_a_run_killed_at_any_step_or_two_sends_every_event() -> None:
    """Kills a small run at every step, alone and with several second steps."""
    for first in range(1, 60):
        for second in (0, 1, 2, 5):
            kills = Kills([first, *([second] if second else [])])
            source, sink = table_of({"a": 12, "b": 3}, 4), MemorySink(kills)
            run_to_the_end(source, sink, kills, segments=1)
            assert_a_consumer_can_follow(sink.events, {"a": range(1, 13), "b": range(1, 4)})


def test_completed_parts_are_not_read_again() -> None:
    source = table_of({"a": 12, "b": 12}, 100)
    kills = Kills()
    run_to_the_end(source, MemorySink(kills), kills, segments=2)
    assert source.requests == [Segment(0, 2), Segment(1, 2)]
    kills = Kills([8])
    source.requests.clear()
    sink = MemorySink(kills, is_file=True)
    run_to_the_end(source, sink, kills, segments=2)
    assert kills.at == []
    assert sink.of("a") == sink.of("b") == list(range(1, 13))


STATE = State({"segment 0 of 1": PartState()})


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 1},
        {"parts": None},
        {"parts": {"segment 0 of 1": {}}},
        {"known": {"a": {"due": 1}}},
        {"counts": {"events": 1, "apples": 2}},
        {"position": "x"},
        {"asked": None},
        {"asked": {"table": "other"}},
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_refused(damage: dict[str, Any]) -> None:
    saved = to_json(STATE, {"table": "accounts"})
    assert from_json(saved, {"table": "accounts"}) == STATE
    with pytest.raises(NotResumable):
        from_json({**saved, **damage}, {"table": "accounts"})


@pytest.mark.parametrize("saved", [None, [], "x", 1, {}])
def test_other_json_is_not_a_checkpoint(saved: object) -> None:
    with pytest.raises(NotResumable):
        from_json(saved, {})


def test_the_whole_state_is_saved() -> None:
    source = table_of({"a": 12}, 4)
    states: list[State] = []
    source.put(list(history("c", 3))[2:], Type={"S": "INTEREST"})
    replay(
        source,
        Everything(),
        MemorySink(is_file=True),
        segments=1,
        save=lambda state: states.append(from_json(json.loads(json.dumps(to_json(state, {}))), {})),
    )
    assert states[-1].counts.events == 12
    [stopped] = states[-1].stopped()
    assert (stopped.account_id, stopped.sequence, stopped.reason) == ("c", 1, NO_ROW)
    assert [state.parts["segment 0 of 1"].open for state in states][1] == Cursor("a", 5, FIRST_US + 3_000_000, first=1)
