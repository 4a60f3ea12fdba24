"""A stream by plain GetRecords: every shard in order, parents first, and what failed comes again."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumers.kit import Consumer, Event, Inbox, MemoryInbox, Outcome
from consumers.kit.aggregates import MAGIC
from consumers.kit.get_records import CLOCKS_DIFFER_S, StreamReader
from consumers.kit.kcl import KclProcessor, NotProcessed
from tests.unit.kit.given import encoded

NOW = 1_000.0
A, B = encoded("a", 9), encoded("b", 9)


class Expired(Exception):
    pass


class NotFound(Exception):
    pass


class Stream:
    """Kinesis' side: shards of records, and iterators that say where they point. `page` records are read at most."""

    exceptions = SimpleNamespace(ExpiredIteratorException=Expired, ResourceNotFoundException=NotFound)

    def __init__(self, **shards: list[bytes]) -> None:
        self.shards = shards
        self.parents: dict[str, str] = {}
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
        return {"ParentShardId": self.parents[name]} if name in self.parents else {}

    def get_shard_iterator(self, **request: Any) -> dict[str, str]:  # noqa: ANN401 -- as boto3
        if request["ShardId"] in self.unknown or request["ShardId"] not in self.shards:
            raise NotFound
        records = self.shards[request["ShardId"]]
        kind, number = request["ShardIteratorType"], int(request.get("StartingSequenceNumber", 0))
        places = {
            "TRIM_HORIZON": 0,
            "LATEST": len(records),
            "AT_SEQUENCE_NUMBER": number,
            "AFTER_SEQUENCE_NUMBER": number + 1,
            "AT_TIMESTAMP": 0 if request.get("Timestamp", 0) <= self.put_at else len(records),
        }
        return {"ShardIterator": f"{request['ShardId']}/{places[kind]}"}

    def get_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        assert 0 < request["Limit"] <= 10_000
        iterator: str = request["ShardIterator"]
        if iterator in self.expired:
            self.expired.remove(iterator)
            raise Expired
        name, place = iterator.split("/")
        start = int(place)
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


def test_every_shard_is_read_in_its_order(sequences: Sequences) -> None:
    drain(reader(Stream(one=A[:5], two=B[:3]), sequences))
    assert [each for each in sequences.seen if each[0] == "a"] == [f"a:{number}" for number in range(1, 6)]
    assert len(sequences.seen) == 8


def test_what_failed_comes_again_and_nothing_is_applied_twice(sequences: Sequences) -> None:
    sequences.refusals = {"a:1": 1, "a:4": 3}
    outcomes = drain(reader(Stream(one=A[:6]), sequences))
    assert sequences.seen == [f"a:{number}" for number in range(1, 7)]
    assert sum(len(outcome.failures) for outcome in outcomes) == 4


def test_children_are_read_when_their_parent_is_done(sequences: Sequences) -> None:
    stream = Stream(child=A[3:], parent=A[:3])
    stream.parents = {"child": "parent"}
    stream.closed = {"parent"}
    outcomes = drain(reader(stream, sequences))
    assert sequences.seen == [f"a:{number}" for number in range(1, 10)]
    assert sum(outcome.held for outcome in outcomes) == 0


def test_a_child_whose_parent_has_expired_is_read(sequences: Sequences) -> None:
    stream = Stream(child=A)
    stream.parents = {"child": "gone"}
    drain(reader(stream, sequences))
    assert len(sequences.seen) == 9


def test_a_shard_that_is_no_longer_there_stops_no_other(sequences: Sequences) -> None:
    """It was closed by a reshard, and what it held is older than the stream keeps."""
    stream = Stream(old=A[:1], other=B[:6])
    reading = reader(stream, sequences)
    drain(reading, 1)
    del stream.shards["old"]
    stream.expired = {"old/1"}
    drain(reading)
    assert sequences.seen == ["a:1", *(f"b:{number}" for number in range(1, 7))]


def test_a_stream_that_is_not_found_is_raised_with_every_poll(sequences: Sequences) -> None:
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
def test_an_iterator_that_expires_loses_nothing(sequences: Sequences, position: str) -> None:
    stream = Stream(one=[])
    reading = reader(stream, sequences, position)
    reading.open(NOW)
    stream.put_at = NOW - CLOCKS_DIFFER_S  # by a clock that is behind
    stream.shards["one"] = A[:4]
    stream.expired = {"one/0", "one/2"}
    drain(reading)
    assert sequences.seen == [f"a:{number}" for number in range(1, 5)]


def test_latest_begins_with_what_comes_after_it_was_opened(sequences: Sequences) -> None:
    stream = Stream(one=A[:2])
    reading = reader(stream, sequences, "LATEST")
    reading.open(NOW)
    stream.shards["one"] = A[:2] + B[:2]
    drain(reading)
    assert sequences.seen == ["b:1", "b:2"]


class Checkpointer:
    def __init__(self) -> None:
        self.at: list[tuple[str | None, int | None]] = []

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        self.at.append((sequence_number, sub_sequence_number))


def kcl_input(datas: list[bytes], checkpointer: Checkpointer) -> SimpleNamespace:
    """Two records to a sequence number, as the KCL hands over what it has unpacked."""
    records = [
        SimpleNamespace(binary_data=data, sequence_number=str(number // 2), sub_sequence_number=number % 2)
        for number, data in enumerate(datas)
    ]
    return SimpleNamespace(records=records, checkpointer=checkpointer)


def processor(sequences: Sequences, pauses: list[None]) -> KclProcessor:
    consumer = Consumer(Inbox(MemoryInbox(), sequences))
    return KclProcessor(consumer, now=lambda: NOW, pause=lambda: pauses.append(None), report=lambda _: None)


def test_the_kcl_is_told_no_more_than_is_safe(sequences: Sequences) -> None:
    pauses: list[None] = []
    checkpointer = Checkpointer()
    sequences.refusals = {"a:1": 1, "a:4": 2}
    processing = processor(sequences, pauses)
    processing.process_records(kcl_input(A[:5], checkpointer))
    assert sequences.seen == [f"a:{number}" for number in range(1, 6)]
    assert checkpointer.at == [("1", 0), ("2", 0)]
    assert len(pauses) == 3
    processing.shard_ended(SimpleNamespace(checkpointer=checkpointer))
    assert checkpointer.at[-1] == (None, None)


def test_a_record_that_cannot_be_read_ends_the_process(sequences: Sequences) -> None:
    checkpointer = Checkpointer()
    with pytest.raises(NotProcessed, match="checksum"):
        processor(sequences, []).process_records(kcl_input([A[0], MAGIC + bytes(20), A[1]], checkpointer))
    assert checkpointer.at == [("0", 0)]
    assert issubclass(NotProcessed, SystemExit), "the KCL passes over everything else"


def test_what_is_refused_again_and_again_waits_in_the_inbox_and_the_kcl_goes_on(sequences: Sequences) -> None:
    checkpointer = Checkpointer()
    sequences.refusals = {"a:2": 1_000}
    processor(sequences, []).process_records(kcl_input([A[0], A[1], B[0], A[2]], checkpointer))
    assert sequences.seen == ["a:1", "b:1"]
    assert checkpointer.at == [("0", 0), ("1", 1)]


def test_whatever_fails_around_it_ends_the_process(sequences: Sequences) -> None:
    """Or the KCL would go on with the next records."""

    def fail(_outcome: Outcome) -> None:
        raise OSError("the log is full")

    consumer = Consumer(Inbox(MemoryInbox(), sequences))
    failing = KclProcessor(consumer, now=lambda: NOW, pause=lambda: None, report=fail)
    with pytest.raises(NotProcessed, match="the log is full"):
        failing.process_records(kcl_input(A[:1], Checkpointer()))


def test_a_checkpoint_that_is_refused_is_tried_again_and_does_no_harm(sequences: Sequences) -> None:
    class Throttled(Checkpointer):
        times = 0

        def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
            self.times += 1
            if self.times < 3:
                raise RuntimeError("ThrottlingException")
            super().checkpoint(sequence_number, sub_sequence_number)

    checkpointer = Throttled()
    processor(sequences, []).process_records(kcl_input(A[:2], checkpointer))
    assert checkpointer.at == [("0", 1)]
    assert KclProcessor.version == 3


def test_what_is_refused_again_and_again_waits_in_the_inbox_and_the_shard_goes_on(sequences: Sequences) -> None:
    sequences.refusals = {"a:1": 1_000}
    drain(reader(Stream(one=[A[0], A[1], *B[:5]]), sequences), polls=30)
    assert sequences.seen == [f"b:{number}" for number in range(1, 6)]


def test_gaps_are_told_also_when_nothing_comes(sequences: Sequences) -> None:
    reading = reader(Stream(one=[A[1]]), sequences)
    assert [outcome.held for outcome in reading.poll(NOW)] == [1]
    assert list(reading.poll(NOW + 299)) == []
    [outcome] = reading.poll(NOW + 301)
    assert [gap.account_id for gap in outcome.gaps] == ["a"]
