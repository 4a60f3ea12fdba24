"""A batch from Lambda's event to Lambda's answer."""

from copy import deepcopy
from typing import Any

import pytest

from projector.errors import NotATableStream
from projector.project import BEHIND
from tests.fake_kinesis import FakeKinesis
from tests.stream_records import StreamRecord, history, sequence_number, stream_record, stream_records
from tests.stream_replay import StreamReplay

DONE: dict[str, Any] = {"batchItemFailures": []}


def failed(number: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": sequence_number(number)}]}


def batch(*names: str) -> list[StreamRecord]:
    """One record for each name, the account's next row: `batch("a", "b", "a")` holds a:1, b:1, a:2."""
    rows = {name: history(name, 50) for name in names}
    return [stream_record(next(rows[name]), number) for number, name in enumerate(names)]


def poison(record: StreamRecord, **image: Any) -> None:  # noqa: ANN401 -- DynamoDB's JSON
    record["dynamodb"]["NewImage"] = deepcopy(record["dynamodb"]["NewImage"]) | image


def on_stream(replay: StreamReplay) -> list[str]:
    return [event.fields["event_id"] for event in replay.kinesis.events()]


def test_a_batch_is_published_and_reported_done() -> None:
    replay = StreamReplay()
    assert replay.deliver(batch("a", "b", "a")) == DONE
    assert sorted(on_stream(replay)) == ["a:1", "a:2", "b:1"]
    assert (replay.outcomes[0].records, replay.outcomes[0].published) == (3, 3)


def test_an_empty_batch_is_done() -> None:
    replay = StreamReplay()
    assert replay.deliver([]) == DONE
    assert replay.kinesis.calls == []


def test_a_batch_of_snapshots_is_done_without_a_call() -> None:
    snapshots = [list(history(name, 9))[-1] for name in "abc"]
    replay = StreamReplay()
    assert replay.deliver(stream_records(snapshots)) == DONE
    assert replay.kinesis.calls == []


def test_the_lowest_unsafe_record_is_reported_whoever_failed_first() -> None:
    replay = StreamReplay(FakeKinesis(refuse=["a", "b"]))
    assert replay.deliver(batch("c", "b", "a", "c")) == failed(1)
    assert on_stream(replay) == ["c:1", "c:2"]


def test_lowest_means_in_stream_order_not_in_the_order_of_strings() -> None:
    records = stream_records([next(history("a", 1)), next(history("b", 1))], first=4)
    assert min(sequence_number(4), sequence_number(5)) == sequence_number(5)
    assert StreamReplay(FakeKinesis(refuse=["a", "b"])).deliver(records) == failed(4)


def test_a_poisonous_row_holds_back_what_follows_in_its_account_only() -> None:
    records = batch("a", "b", "a", "a", "b", "a")
    poison(records[2], Type={"S": "INTEREST"})
    replay = StreamReplay()
    assert replay.deliver(records) == failed(2)
    assert sorted(on_stream(replay)) == ["a:1", "b:1", "b:2"]
    assert [(one.account_id, one.sequence, one.reason) for one in replay.outcomes[0].unsafe] == [
        ("a", None, "the row cannot be read: row a/2: unknown type 'INTEREST'"),
        ("a", 3, BEHIND),
        ("a", 4, BEHIND),
    ]


def test_an_event_that_cannot_be_encoded_holds_back_its_account_likewise() -> None:
    records = batch("a", "a", "b", "a")
    poison(records[1], CorrelationId={"S": "\ud800"})
    replay = StreamReplay()
    assert replay.deliver(records) == failed(1)
    assert sorted(on_stream(replay)) == ["a:1", "b:1"]
    assert [one.sequence for one in replay.outcomes[0].unsafe] == [2, 3]


@pytest.mark.parametrize("amount", ["918273.645", "91827364512345678.00"])
def test_an_outcome_never_quotes_an_amount(amount: str) -> None:
    records = batch("a", "a")
    poison(records[1], Amount={"N": amount})
    replay = StreamReplay()
    assert replay.deliver(records) == failed(1)
    assert "918273" not in repr(replay.outcomes)


def test_behind_a_row_of_nobody_knows_whom_everyone_waits() -> None:
    records = batch("a", "b", "a", "b")
    records[1]["dynamodb"] |= {"Keys": {}, "NewImage": {}}
    replay = StreamReplay()
    assert replay.deliver(records) == failed(1)
    assert on_stream(replay) == ["a:1"]
    assert len(replay.outcomes[0].unsafe) == 3


def test_a_poisonous_snapshot_stops_nobody() -> None:
    records = stream_records(history("a", 10))
    poison(records[9], Balance={"N": "x"})
    assert StreamReplay().deliver(records) == DONE


def test_at_the_deadline_the_rest_is_reported_and_delivered_again() -> None:
    replay = StreamReplay(FakeKinesis(latency_s=1.0))
    records = batch(*["a"] * 5)
    assert replay.deliver(records, time_s=2.0) == failed(2)
    assert replay.deliver(records[2:], time_s=9.0) == DONE
    assert on_stream(replay) == ["a:1", "a:2", "a:3", "a:4", "a:5"]


def test_six_hundred_accounts_of_which_one_is_refused() -> None:
    names = [f"a{n}" for n in range(600)]
    replay = StreamReplay(FakeKinesis(refuse=["a599"]))
    assert replay.deliver(batch(*names)) == failed(599)
    assert len(on_stream(replay)) == 599


def test_what_is_no_table_stream_publishes_nothing() -> None:
    replay = StreamReplay()
    with pytest.raises(NotATableStream):
        replay.deliver([*batch("a"), {"eventName": "INSERT"}])
    assert replay.kinesis.calls == []
