"""Despite any faults, no event is lost or out of order, there are no gaps, and delivery ends."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from account_events.avro.codec import DomainEvent
from account_events.testing.faults import Fault
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.mapping import remainder
from account_events.testing.records import StreamRecord
from projector.lanes import plain
from projector.project import BatchResponse
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_record

faults = st.builds(
    Fault,
    refused=st.frozensets(st.integers(0, 5)),
    throttled=st.booleans(),
    lost=st.booleans(),
    late=st.booleans(),
)
scripts = st.lists(faults, max_size=60)
interleavings = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60)
times = st.lists(st.sampled_from([0.0, 0.02, 0.1, 0.5, 25.0]), max_size=6)


def records_of(names: Sequence[str]) -> list[StreamRecord]:
    rows = {name: history(name, 60) for name in names}
    return [stream_record(next(rows[name]), number) for number, name in enumerate(names)]


def event_id(record: StreamRecord) -> str | None:
    item = record["dynamodb"]["NewImage"]
    return None if item["Type"]["S"] == "SNAPSHOT" else f"{item['AccountId']['S']}:{item['Sequence']['N']}"


def assert_nothing_lost(batch: Sequence[StreamRecord], response: BatchResponse, stream: Sequence[DomainEvent]) -> None:
    """Every event before the checkpoint is on the stream."""
    published = {event.fields["event_id"] for event in stream}
    redelivered = remainder(batch, response)
    acknowledged = batch[: len(batch) - len(redelivered)]
    assert {event_id(record) for record in acknowledged} - {None} <= published


def assert_in_order(stream: Sequence[DomainEvent]) -> None:
    """Without repetitions, the sequences of each account's events are 1, 2, 3, ..."""
    last: dict[str, int] = {}
    for event in stream:
        account_id, sequence = event.fields["account_id"], event.fields["sequence"]
        assert sequence <= last.get(account_id, 0) + 1, f"{account_id}:{sequence} came before its predecessor"
        last[account_id] = max(sequence, last.get(account_id, 0))


@given(interleavings, scripts, times)
def test_repeated_deliveries_publish_everything_in_order(
    names: list[str], script: list[Fault], times_s: list[float]
) -> None:
    projector = MemoryProjector(MemoryKinesis(script))
    every = {event_id(record) for record in records_of(names)} - {None}
    batch: Sequence[StreamRecord] = records_of(names)
    for time_s in [*times_s, *[25.0] * 62]:
        response = projector.deliver(batch, time_s)
        assert_nothing_lost(batch, response, projector.kinesis.events())
        assert_in_order(projector.kinesis.events())
        batch = remainder(batch, response)
        if not batch:
            break
    assert {event.fields["event_id"] for event in projector.kinesis.events()} == every


@given(interleavings, st.sampled_from("abcdef"), scripts)
def test_a_refused_account_does_not_affect_others(names: list[str], refused: str, script: list[Fault]) -> None:
    projector = MemoryProjector(MemoryKinesis(script[:5], refuse=refused), plain(32))
    records = records_of(names)
    response = projector.deliver(records)
    mine = {event_id(record) for record in records if record["dynamodb"]["Keys"]["AccountId"]["S"] == refused} - {None}
    every = {event_id(record) for record in records} - {None}
    assert {event.fields["event_id"] for event in projector.kinesis.events()} == every - mine
    assert bool(response["batchItemFailures"]) == bool(mine)


@given(interleavings, st.integers(0, 59), scripts)
def test_poison_stops_only_later_events_of_its_account(names: list[str], position: int, script: list[Fault]) -> None:
    records = records_of(names)
    poisonous = records[position % len(records)]
    account_id = poisonous["dynamodb"]["Keys"]["AccountId"]["S"]
    behind = records[position % len(records) :]
    held = {event_id(one) for one in behind if one["dynamodb"]["Keys"]["AccountId"]["S"] == account_id} - {None}
    every = {event_id(record) for record in records} - {None}
    is_event = event_id(poisonous) is not None
    del poisonous["dynamodb"]["NewImage"]["Format"]
    projector = MemoryProjector(MemoryKinesis(script[:5]))
    response = projector.deliver(records)
    there = {event.fields["event_id"] for event in projector.kinesis.events()}
    assert there == (every - held if is_event else every)
    assert remainder(records, response) == []
    assert (account_id in projector.parking.parked) == is_event
