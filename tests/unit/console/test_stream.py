"""Reading the event stream: from its newest record, across reshards and errors, without losing or repeating."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from account_events.aggregation.packing import aggregate
from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.encoder import ENCODERS
from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.lineage import Shard
from account_events.streams.source import Page, Position
from ops.console.stream import LIST_S, StreamReading
from projector.translate import translate
from tests.support.ledger_and_lake import history

NOW_S = 1_785_000_000.0
EVENTS = [ENCODERS[name].encode(fields) for name, fields in map(translate, history("a", *["1.00"] * 7))]  # type: ignore[arg-type]


@dataclass
class MemoryStream:
    """A `StreamSource` whose iterators are positions. Each of the next reads raises one of `faults`."""

    shards_listed: list[Shard] = field(default_factory=lambda: [Shard("s-1")])
    records_of: dict[str, list[bytes]] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    knows_times: bool = True

    def shards(self) -> tuple[Shard, ...]:
        return tuple(self.shards_listed)

    def iterator(self, shard_id: str, position: Position) -> str:
        count = len(self.records_of.get(shard_id, []))
        starts = {"LATEST": count, "TRIM_HORIZON": 0, "AT_TIMESTAMP": 0}
        after = int(position.sequence_number or 0)
        return str(starts.get(position.kind, after))

    def records(self, shard_id: str, iterator: str) -> Page:
        if self.faults:
            raise self.faults.pop(0)
        data, first = self.records_of.get(shard_id, []), int(iterator)
        records = tuple(self._record(number, each) for number, each in enumerate(data[first:], first + 1))
        [shard] = [each for each in self.shards_listed if each.shard_id == shard_id]
        return Page(records, None if shard.closed else str(len(data)))

    def put(self, shard_id: str, *data: bytes) -> None:
        self.records_of.setdefault(shard_id, []).extend(data)

    @staticmethod
    def _record(number: int, data: bytes) -> StreamRecord:
        body: dict[str, Any] = {
            "sequenceNumber": str(number),
            "approximateArrivalTimestamp": NOW_S - 1,
            "data": b64encode(data).decode(),
        }
        return StreamRecord.of({"kinesis": body})


class Reading:
    """A console's reading of a stream, with a clock that the test sets."""

    def __init__(self, stream: MemoryStream) -> None:
        self.now_s = NOW_S
        self.stream = StreamReading(stream, Codec(CONTRACT), lambda: self.now_s)

    def sequences(self) -> list[int]:
        return [int(each.event.fields["sequence"]) for each in self.stream.read()]


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, "GetRecords")


def test_only_records_that_arrive_after_the_first_read_are_shown() -> None:
    stream = MemoryStream()
    stream.put("s-1", *EVENTS[:2])
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.put("s-1", EVENTS[2], aggregate("1", "1", EVENTS[3:5]))
    assert reading.sequences() == [3, 4, 5]
    assert reading.sequences() == []
    assert reading.stream.shards == 1


def test_after_an_error_the_reading_continues_where_it_was() -> None:
    stream = MemoryStream()
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.put("s-1", *EVENTS[:3])
    stream.faults = [throttled(), throttled()]
    for _ in range(2):
        with pytest.raises(ClientError):
            reading.sequences()
    assert reading.sequences() == [1, 2, 3]


def test_a_first_read_that_fails_loses_nothing_that_arrives_later() -> None:
    stream = MemoryStream()
    stream.put("s-1", EVENTS[0])
    reading = Reading(stream)
    stream.faults = [throttled()]
    with pytest.raises(ClientError):
        reading.sequences()
    stream.put("s-1", EVENTS[1])
    assert reading.sequences() == [2]


def test_the_shards_of_a_reshard_are_read_after_their_parent() -> None:
    stream = MemoryStream()
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.put("s-1", EVENTS[0])
    stream.put("s-2", *EVENTS[1:3])
    stream.shards_listed = [Shard("s-1", closed=True), Shard("s-2", "s-1"), Shard("s-3", "s-1")]
    assert reading.sequences() == [1]
    assert reading.sequences() == [2, 3]
    assert reading.stream.shards == 2


def test_shards_are_listed_again_after_a_while() -> None:
    stream = MemoryStream()
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.shards_listed.append(Shard("s-2"))
    stream.put("s-2", EVENTS[0])
    assert reading.sequences() == []
    reading.now_s += LIST_S
    assert reading.sequences() == [1]


def test_shards_that_were_closed_before_the_start_are_not_read() -> None:
    stream = MemoryStream([Shard("s-1", closed=True), Shard("s-2", "s-1")])
    stream.put("s-1", EVENTS[0])
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.put("s-2", EVENTS[1])
    assert reading.sequences() == [2]


def test_a_record_that_cannot_be_read_hides_no_other() -> None:
    stream = MemoryStream()
    reading = Reading(stream)
    assert reading.sequences() == []
    stream.put("s-1", EVENTS[0], b"not an event", EVENTS[1])
    assert reading.sequences() == [1, 2]
    assert reading.stream.unreadable == 1
    assert "The record 2 of s-1 cannot be read" in reading.stream.last_unreadable
