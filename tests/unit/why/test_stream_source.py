"""Events on the Kinesis stream, found by their ids."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from account_core.domain.events import EventRow
from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.packing import aggregate
from account_events.avro.codec import CONTRACT, Codec
from ops.doctor import published
from ops.doctor.stack_view import StackView
from ops.why.facts import EventKey, OnStream
from ops.why.sources import stream
from projector.outgoing import outgoing
from tests.support.ledger_and_lake import history

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
DATA = {
    EventKey(row.account_id, row.sequence): outgoing(row, 0).data
    for account in ("a-1", "a-2")
    for row in history(account, *["1.00"] * 12)
    if isinstance(row, EventRow)
}
FIRST, TWELFTH, OTHER = EventKey("a-1", 1), EventKey("a-1", 12), EventKey("a-2", 1)


class Kinesis:
    """A client of Kinesis: each shard has pages of records, one per request.

    Attributes:
        reads: the number of GetRecords requests.
        limits: their limits.
    """

    def __init__(self, shards: dict[str, list[list[bytes]]], *, ends: bool = True) -> None:
        self._shards, self._ends = shards, ends
        self.reads, self.limits = 0, set[int]()

    def get_paginator(self, _name: str) -> Any:  # noqa: ANN401 -- as botocore's
        half = 2**127
        ranges = {"shard-0": (0, 2 * half - 1), "shard-1": (0, half - 1), "shard-2": (half, 2 * half - 1)}
        shards = [
            {
                "ShardId": shard_id,
                "HashKeyRange": {
                    "StartingHashKey": str(ranges[shard_id][0]),
                    "EndingHashKey": str(ranges[shard_id][1]),
                },
                "SequenceNumberRange": {"StartingSequenceNumber": "1"},
            }
            for shard_id in self._shards
        ]
        return SimpleNamespace(paginate=lambda **_: [{"Shards": [shard]} for shard in shards])

    def get_shard_iterator(self, ShardId: str, **_: Any) -> dict[str, str]:  # noqa: N803, ANN401
        return {"ShardIterator": f"{ShardId}/0"}

    def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        self.reads += 1
        self.limits.add(Limit)
        shard_id, number = ShardIterator.split("/")
        pages, page = self._shards[shard_id], int(number)
        is_last = page + 1 >= len(pages)
        records = [
            {
                "SequenceNumber": f"{page}{each}",
                "PartitionKey": "1",
                "Data": data,
                "ApproximateArrivalTimestamp": NOW + timedelta(seconds=page),
            }
            for each, data in enumerate(pages[page] if page < len(pages) else [])
        ]
        behind_ms = 0 if is_last and self._ends else 1000
        return {"Records": records, "NextShardIterator": f"{shard_id}/{page + 1}", "MillisBehindLatest": behind_ms}


def view(client: Kinesis) -> StackView:
    """What a search needs of a stack."""
    outputs = {"EventStreamArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/events", "Buckets": "32"}
    deployment = SimpleNamespace(outputs=outputs, codec=lambda: Codec(CONTRACT))
    return cast(
        "StackView",
        SimpleNamespace(client=lambda _name: client, deployment=deployment, now=NOW, wait=lambda _seconds: None),
    )


def searched(client: Kinesis, *events: EventKey, **options: Any) -> stream.StreamSearch:  # noqa: ANN401 -- of `search`
    return stream.search(
        view(client),
        [event.event_id for event in events],
        lambda fields: EventKey(fields["account_id"], fields["sequence"]) in events,
        start=NOW,
        **options,
    )


def packed(*events: EventKey) -> bytes:
    return aggregate("1", "1", [DATA[event] for event in events])


def test_an_event_is_found_within_an_aggregate_with_its_first_record() -> None:
    found = searched(Kinesis({"shard-0": [[packed(OTHER), packed(OTHER, TWELFTH)], [DATA[TWELFTH]]]}), TWELFTH)
    [carried] = found.events.values()
    assert carried.record == OnStream("shard-0", "01", NOW)
    assert (found.shards, found.unread) == (1, "")
    assert carried.fields["event_id"] == "a-1:12"


def test_an_id_that_begins_with_the_events_is_not_the_event() -> None:
    assert searched(Kinesis({"shard-0": [[packed(TWELFTH)]]}), FIRST).events == {}


def test_all_shards_are_read_and_one_without_an_end_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "PAGES_MAX", 3)
    endless = Kinesis({"shard-1": [[packed(FIRST)]], "shard-2": [[packed(OTHER)]]}, ends=False)
    found = searched(endless, FIRST, OTHER)
    assert set(found.events) == {FIRST, OTHER}
    assert found.unread == "shard-1, shard-2 could not be read to the end"
    assert endless.reads == 6


def test_reading_ends_when_all_expected_events_are_found() -> None:
    client = Kinesis({"shard-1": [[packed(FIRST)], [packed(OTHER)]], "shard-2": [[packed(OTHER)]]})
    found = searched(client, FIRST, expected={FIRST}, records_max=100)
    assert set(found.events) == {FIRST}
    assert (client.reads, client.limits) == (1, {100})


def test_a_record_that_cannot_be_read_is_reported_and_the_others_are_read() -> None:
    damaged = packed(FIRST)[:-1] + b"x"
    found = searched(Kinesis({"shard-0": [[damaged, packed(TWELFTH)]]}), FIRST, TWELFTH)
    assert set(found.events) == {TWELFTH}
    assert found.unread.startswith("the record 00 of shard-0 cannot be read: ")


def test_after_a_reshard_an_account_has_two_shards() -> None:
    shards: dict[str, list[list[bytes]]] = {"shard-0": [], "shard-1": [], "shard-2": []}
    upper = int(hash_key(bucket_of("a-1", 32), 32)) >= 2**127
    assert stream.shards_of(view(Kinesis(shards)), "a-1") == ["shard-0", "shard-2" if upper else "shard-1"]
