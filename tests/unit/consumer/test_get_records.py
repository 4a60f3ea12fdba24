"""Reading with GetRecords: each shard in order, parents first, and failed records are read again."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from account_events.consumer import Consumer, Event, Gap, Inbox, MemoryInbox, Outcome
from account_events.consumer.errors import Unavailable
from account_events.consumer.get_records import ATTEMPTS_MAX, CLOCKS_DIFFER_S, StreamReader
from account_events.consumer.position import Position
from tests.unit.consumer.given import encoded

NOW = 1_000.0
A, B = encoded("a", 9), encoded("b", 9)


class Expired(Exception):
    pass


class NotFound(Exception):
    pass


class Stream:
    """A fake Kinesis client. An iterator is its shard and index; GetRecords returns at most `page` records."""

    exceptions = SimpleNamespace(ExpiredIteratorException=Expired, ResourceNotFoundException=NotFound)

    def __init__(self, **shards: list[bytes]) -> None:
        self.shards = shards
        self.parents: dict[str, str] = {}
        self.adjacent: dict[str, str] = {}
        self.closed: set[str] = set()
        self.expired: set[str] = set()
        self.unknown: set[str] = set()
        self.page = 2
        self.put_at = NOW

    def get_paginator(self, _name: str) -> "Stream":
        return self

    def paginate(self, **_: object) -> list[Any]:
        shards = [{"ShardId": name, **self._parent(name)} for name in self.shards]
        return [{"Shards": shards[:1]}, {"Shards": shards[1:]}]

    def _parent(self, name: str) -> dict[str, str]:
        named = {"ParentShardId": self.parents, "AdjacentParentShardId": self.adjacent}
        return {kind: parents[name] for kind, parents in named.items() if name in parents}

    def get_shard_iterator(self, **request: Any) -> dict[str, str]:  # noqa: ANN401 -- as boto3
        if request["ShardId"] in self.unknown or request["ShardId"] not in self.shards:
            raise NotFound
        records = self.shards[request["ShardId"]]
        kind, number = request["ShardIteratorType"], int(request.get("StartingSequenceNumber", 0))
        starts = {
            "TRIM_HORIZON": 0,
            "LATEST": len(records),
            "AT_SEQUENCE_NUMBER": number,
            "AFTER_SEQUENCE_NUMBER": number + 1,
            "AT_TIMESTAMP": 0 if request.get("Timestamp", 0) <= self.put_at else len(records),
        }
        return {"ShardIterator": f"{request['ShardId']}/{starts[kind]}"}

    def get_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        assert 0 < request["Limit"] <= 10_000
        iterator: str = request["ShardIterator"]
        if iterator in self.expired:
            self.expired.remove(iterator)
            raise Expired
        name, start_at = iterator.split("/")
        start = int(start_at)
        end = min(start + self.page, len(self.shards[name]))
        records = [{"SequenceNumber": str(at), "Data": self.shards[name][at]} for at in range(start, end)]
        is_over = name in self.closed and end == len(self.shards[name])
        return {"Records": records, **({} if is_over else {"NextShardIterator": f"{name}/{end}"})}


class Sequences:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.refusals: dict[str, int] = {}

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.refusals.get(event.event_id):
                self.refusals[event.event_id] -= 1
                raise RuntimeError("no")
            self.seen.append(event.event_id)


@pytest.fixture
def sequences() -> Sequences:
    return Sequences()


def reader(stream: Stream, sequences: Sequences, position: Any = "TRIM_HORIZON") -> StreamReader:  # noqa: ANN401
    return StreamReader(cast("Any", stream), "events", Consumer(Inbox(MemoryInbox(), sequences)), position)


def drain(reading: StreamReader, polls: int = 20) -> list[Outcome]:
    return [outcome for _ in range(polls) for outcome in reading.poll(NOW)]


def test_each_shard_is_read_in_order(sequences: Sequences) -> None:
    drain(reader(Stream(one=A[:5], two=B[:3]), sequences))
    assert [each for each in sequences.seen if each[0] == "a"] == [f"a:{number}" for number in range(1, 6)]
    assert len(sequences.seen) == 8


def test_failed_records_are_read_again_and_applied_once(sequences: Sequences) -> None:
    sequences.refusals = {"a:1": 1, "a:4": 3}
    outcomes = drain(reader(Stream(one=A[:6]), sequences))
    assert sequences.seen == [f"a:{number}" for number in range(1, 7)]
    assert sum(len(outcome.failures) for outcome in outcomes) == 4
    assert sum(outcome.duplicates for outcome in outcomes) == 0, "reading continues after the last safe record"


def test_children_are_read_after_their_parent(sequences: Sequences) -> None:
    stream = Stream(child=A[3:], parent=A[:3])
    stream.parents = {"child": "parent"}
    stream.closed = {"parent"}
    outcomes = drain(reader(stream, sequences))
    assert sequences.seen == [f"a:{number}" for number in range(1, 10)]
    assert sum(outcome.buffered for outcome in outcomes) == 0


def test_a_merged_child_is_read_after_both_parents(sequences: Sequences) -> None:
    stream = Stream(child=[*A[3:], *B[3:]], one=A[:3], two=B[:3])
    stream.parents, stream.adjacent = {"child": "one"}, {"child": "two"}
    stream.closed = {"one"}
    reading = reader(stream, sequences)
    drain(reading)
    assert len(sequences.seen) == 6
    stream.closed = {"one", "two"}
    outcomes = drain(reading)
    assert len(sequences.seen) == 18
    assert sum(outcome.buffered for outcome in outcomes) == 0


def test_a_parent_whose_last_record_failed_is_not_finished(sequences: Sequences) -> None:
    stream = Stream(child=A[3:], parent=A[:3])
    stream.parents = {"child": "parent"}
    stream.closed = {"parent"}
    sequences.refusals = {"a:3": 3}
    outcomes = drain(reader(stream, sequences))
    assert sequences.seen == [f"a:{number}" for number in range(1, 10)]
    assert sum(outcome.buffered for outcome in outcomes) == 0


def test_a_shard_that_appears_later_is_read_from_its_start(sequences: Sequences) -> None:
    """This is so even if the reader started at LATEST."""
    stream = Stream(parent=[])
    reading = reader(stream, sequences, "LATEST")
    reading.open(NOW)
    stream.shards |= {"parent": A[:2], "child": A[2:4]}
    stream.parents, stream.closed = {"child": "parent"}, {"parent"}
    drain(reading)
    assert sequences.seen == [f"a:{number}" for number in range(1, 5)]


def test_a_child_whose_parent_has_expired_is_read(sequences: Sequences) -> None:
    stream = Stream(child=A)
    stream.parents = {"child": "gone"}
    drain(reader(stream, sequences))
    assert len(sequences.seen) == 9


def test_a_deleted_shard_does_not_stop_the_others(sequences: Sequences) -> None:
    """The shard was closed by a reshard, and all its records are past the retention."""
    stream = Stream(old=A[:1], other=B[:6])
    reading = reader(stream, sequences)
    drain(reading, 1)
    del stream.shards["old"]
    stream.expired = {"old/1"}
    drain(reading)
    assert sequences.seen == ["a:1", *(f"b:{number}" for number in range(1, 7))]


def test_every_poll_raises_if_the_stream_does_not_exist(sequences: Sequences) -> None:
    stream = Stream(one=A[:1])
    stream.unknown = {"one"}
    reading = reader(stream, sequences)
    for _ in range(2):
        with pytest.raises(NotFound):
            drain(reading, 1)
    stream.unknown = set()
    drain(reading)
    assert sequences.seen == ["a:1"]


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_an_expired_iterator_loses_no_record(sequences: Sequences, position: str) -> None:
    stream = Stream(one=[])
    reading = reader(stream, sequences, position)
    reading.open(NOW)
    stream.put_at = NOW - CLOCKS_DIFFER_S  # as if the local clock were behind
    stream.shards["one"] = A[:4]
    stream.expired = {"one/0", "one/2"}
    drain(reading)
    assert sequences.seen == [f"a:{number}" for number in range(1, 5)]


def test_latest_starts_with_records_put_after_open(sequences: Sequences) -> None:
    stream = Stream(one=A[:2])
    reading = reader(stream, sequences, "LATEST")
    reading.open(NOW)
    stream.shards["one"] = A[:2] + B[:2]
    sequences.refusals = {"b:1": 1}
    drain(reading)
    assert sequences.seen == ["b:1", "b:2"], "the failed record is read again, but no record from before `open`"


def test_an_event_refused_ten_times_is_buffered(sequences: Sequences) -> None:
    sequences.refusals = {"a:1": 1_000}
    drain(reader(Stream(one=[A[0], A[1], *B[:5]]), sequences), polls=30)
    assert sequences.seen == [f"b:{number}" for number in range(1, 6)]
    assert sequences.refusals == {"a:1": 1_000 - ATTEMPTS_MAX - 1}


def test_attempts_are_counted_for_each_record(sequences: Sequences) -> None:
    """The refusals of one record do not count for the next one."""
    sequences.refusals = {"a:1": 9, "a:2": 9}
    outcomes = drain(reader(Stream(one=A[:2]), sequences), polls=25)
    assert sequences.seen == ["a:1", "a:2"]
    assert sum(outcome.buffered for outcome in outcomes) == 0


def test_attempts_are_counted_for_each_account(sequences: Sequences) -> None:
    """Each account's events are buffered after ten refusals of their own."""
    sequences.refusals = {"a:1": 1_000, "b:1": 1_000, "c:1": 3}
    stream = Stream(one=[A[0], B[0]])
    stream.page = 3
    reading = reader(stream, sequences)
    drain(reading, polls=9)
    stream.shards["one"] = [A[0], B[0], *encoded("c", 1)]
    outcomes = drain(reading, polls=20)
    assert sequences.seen == ["c:1"]
    assert sum(outcome.buffered for outcome in outcomes) == 2, "the event of c is applied when it is accepted"


def test_polls_without_an_answer_of_the_store_do_not_count(sequences: Sequences) -> None:
    """Otherwise, after an outage, a single refusal would suspend the account."""

    class Down(MemoryInbox):
        attempts = 0

        def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
            self.attempts += 1
            if self.attempts <= 2 * ATTEMPTS_MAX:
                raise Unavailable("throttled")
            super().advance(account_id, before, after, effect)

    sequences.refusals = {"a:2": 1}
    stream = Stream(one=A[:3])
    outcomes = drain(StreamReader(cast("Any", stream), "stream", Consumer(Inbox(Down(), sequences))), polls=30)
    assert sequences.seen[-3:] == ["a:1", "a:2", "a:3"]
    assert sum(outcome.buffered for outcome in outcomes) == 0


def test_attempts_restart_after_a_record_was_buffered(sequences: Sequences) -> None:
    stream = Stream(one=[A[0], B[0]])
    stream.page = 1
    sequences.refusals = {"a:1": 1_000, "b:1": 2}
    outcomes = drain(reader(stream, sequences))
    assert sequences.seen == ["b:1"]
    assert sum(outcome.buffered for outcome in outcomes) == 1, "only the event refused ten times is buffered"


def test_gaps_are_reported_without_traffic(sequences: Sequences) -> None:
    reading = reader(Stream(one=[A[1]]), sequences)
    assert [outcome.buffered for outcome in reading.poll(NOW)] == [1]
    assert list(reading.poll(NOW + 299)) == []
    [outcome] = reading.poll(NOW + 301)
    assert [gap.account_id for gap in outcome.gaps] == ["a"]


def test_gaps_are_reported_once_per_poll_without_records(sequences: Sequences) -> None:
    stream = Stream(one=[A[1]])
    reading = reader(stream, sequences)
    drain(reading)
    stream.shards["one"] = [A[1], B[0]]
    [outcome] = reading.poll(NOW + 301)
    assert (outcome.applied, len(outcome.gaps)) == (1, 1)


def test_a_failed_gap_query_is_reported_without_traffic(sequences: Sequences) -> None:
    class WithoutIndex(MemoryInbox):
        def gaps(self, before_s: float) -> Sequence[Gap]:
            raise Unavailable(str(before_s))

    reading = StreamReader(cast("Any", Stream(one=[])), "events", Consumer(Inbox(WithoutIndex(), sequences)))
    [outcome] = reading.poll(NOW)
    [failure] = outcome.failures
    assert (failure.sequence_number, type(failure.error)) == (None, Unavailable)
