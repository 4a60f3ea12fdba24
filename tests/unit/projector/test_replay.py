"""A recorded table stream, replayed: the batch size is Lambda's business and changes nothing for those who read on."""

import pytest

from consumers.kit.aggregates import unpack
from schemas import glue
from schemas.codec import DomainEvent
from tests.conftest import ReplayStream
from tests.fake_kinesis import FakeKinesis, Fault
from tests.stream_replay import StreamReplay, recording
from tests.unit.schemas.given import CODEC, GLUE

EVENTS = {"alma": 24, "bo": 11, "cleo": 5, "dag": 1}
FAULTS = [
    Fault(lost=True),
    Fault(refused=frozenset({0, 2})),
    Fault(),
    Fault(lost=True),
    Fault(late=True),
    Fault(throttled=True),
] * 8


def sequences(events: list[DomainEvent]) -> dict[str, list[int]]:
    """Each account's, at their first arrival."""
    found: dict[str, list[int]] = {account_id: [] for account_id in EVENTS}
    for event in events:
        seen = found[event.fields["account_id"]]
        if event.fields["sequence"] not in seen:
            seen.append(event.fields["sequence"])
    return found


def test_the_recording_holds_what_the_tests_are_about() -> None:
    kinds = [record["eventName"] for record in recording("four-accounts")]
    types = [record["dynamodb"].get("NewImage", {}).get("Type", {}).get("S") for record in recording("four-accounts")]
    assert (kinds.count("MODIFY"), kinds.count("REMOVE"), types.count("SNAPSHOT")) == (1, 1, 3)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_every_event_arrives_once_and_in_order(replay_stream: ReplayStream, batch_size: int) -> None:
    events = replay_stream("four-accounts", batch_size)
    assert sequences(events) == {account_id: list(range(1, n + 1)) for account_id, n in EVENTS.items()}
    assert len(events) == sum(EVENTS.values())


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_in_glue_s_framing_the_same_events_arrive(replay_stream: ReplayStream, batch_size: int) -> None:
    replay = StreamReplay(FakeKinesis(decode=CODEC.decode), encoders=GLUE)
    assert replay.run(recording("four-accounts"), batch_size) == replay_stream("four-accounts", batch_size)
    assert all(glue.is_framed(data) for entry in replay.kinesis.accepted for data in unpack(entry["Data"]))


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_with_failures_on_the_way_the_same_events_arrive_in_the_same_order(
    replay_stream: ReplayStream, batch_size: int
) -> None:
    events = replay_stream("four-accounts", batch_size, FakeKinesis(FAULTS))
    assert sequences(events) == {account_id: list(range(1, n + 1)) for account_id, n in EVENTS.items()}
    assert len(events) > sum(EVENTS.values())


def test_an_account_that_stays_refused_stops_the_replay_and_not_silently(replay_stream: ReplayStream) -> None:
    with pytest.raises(AssertionError, match="never published"):
        replay_stream("four-accounts", 100, FakeKinesis(refuse=["cleo"]))


def test_the_first_event_of_the_recording_reads_as_it_was_stored(replay_stream: ReplayStream) -> None:
    created = next(event for event in replay_stream("four-accounts", 100) if event.fields["account_id"] == "dag")
    assert (created.name, created.fields["event_id"], created.fields["owner"]) == ("AccountCreated", "dag:1", "owner-1")
