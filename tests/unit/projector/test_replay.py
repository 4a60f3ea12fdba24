"""A replay of a recorded table stream gives the same events for every batch size."""

from pathlib import Path

import pytest

from account_events.avro import glue_framing
from account_events.testing import Fault, MemoryKinesis, TableStream, from_recording
from tests.support.memory_projector import MemoryProjector
from tests.unit.avro.given import CODEC, GLUE

RECORDING = Path(__file__).parents[2] / "golden/streams/four-accounts.json"
EVENTS = {"alma": 24, "bo": 11, "cleo": 5, "dag": 1}
FAULTS = [
    Fault(lost=True),
    Fault(refused=frozenset({0, 2})),
    Fault(),
    Fault(lost=True),
    Fault(late=True),
    Fault(throttled=True),
] * 8


@pytest.fixture(scope="module")
def recording() -> TableStream:
    return from_recording(RECORDING)


def test_the_recording_has_all_kinds_of_records(recording: TableStream) -> None:
    kinds = [record["eventName"] for record in recording.records]
    types = [record["dynamodb"].get("NewImage", {}).get("Type", {}).get("S") for record in recording.records]
    assert (kinds.count("MODIFY"), kinds.count("REMOVE"), types.count("SNAPSHOT")) == (1, 1, 3)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_every_event_arrives_once_and_in_order(recording: TableStream, batch_size: int) -> None:
    replayed = MemoryProjector().replay(recording, batch_sizes=batch_size)
    replayed.assert_delivered()
    replayed.assert_each_once()
    assert replayed.sequences() == {account_id: list(range(1, n + 1)) for account_id, n in EVENTS.items()}


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_same_events_arrive_in_glue_framing(recording: TableStream, batch_size: int) -> None:
    framed = MemoryProjector(MemoryKinesis(read=CODEC.decode), encoders=GLUE)
    replayed = framed.replay(recording, batch_sizes=batch_size)
    assert replayed.events == MemoryProjector().replay(recording, batch_sizes=batch_size).events
    assert all(glue_framing.is_framed(data) for data in framed.kinesis.data())


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_despite_failures_the_same_events_arrive_in_order(recording: TableStream, batch_size: int) -> None:
    replayed = MemoryProjector(MemoryKinesis(iter(FAULTS))).replay(recording, batch_sizes=batch_size)
    replayed.assert_delivered()
    assert replayed.sequences() == {account_id: list(range(1, n + 1)) for account_id, n in EVENTS.items()}
    assert len(replayed.events) > sum(EVENTS.values())


def test_a_replay_fails_if_an_account_is_always_refused(recording: TableStream) -> None:
    with pytest.raises(AssertionError, match="discarded without being handled"):
        MemoryProjector(MemoryKinesis(refuse=["cleo"])).replay(recording)


def test_the_first_event_of_the_recording_has_its_stored_values(recording: TableStream) -> None:
    [created] = MemoryProjector().replay(recording).per_account["dag"]
    assert (created.name, created.fields["event_id"], created.fields["owner"]) == ("AccountCreated", "dag:1", "owner-1")
