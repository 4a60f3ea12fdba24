"""A batch, from Lambda's event to Lambda's response."""

from copy import deepcopy
from typing import Any

import pytest

from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.records import StreamRecord, sequence_number
from projector.errors import NotATableStream, Unavailable
from projector.lanes import NOT_ATTEMPTED, Pack, aggregated, plain
from projector.parking import Parked
from projector.parse import NO_ROW
from tests.support.memory_projector import BUCKETS, MemoryProjector
from tests.support.rows import history, stream_record, stream_records
from tests.unit.projector.refusing_kinesis import RefusingKinesis

DONE: dict[str, Any] = {"batchItemFailures": []}


def failed(number: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": sequence_number(number)}]}


def batch(*names: str) -> list[StreamRecord]:
    """One record for each name, the account's next row: `batch("a", "b", "a")` holds a:1, b:1, a:2."""
    rows = {name: history(name, 50) for name in names}
    return [stream_record(next(rows[name]), number) for number, name in enumerate(names)]


def poison(record: StreamRecord, **image: Any) -> None:  # noqa: ANN401 -- DynamoDB's JSON
    record["dynamodb"]["NewImage"] = deepcopy(record["dynamodb"]["NewImage"]) | image


def on_stream(projector: MemoryProjector) -> list[str]:
    return [event.fields["event_id"] for event in projector.kinesis.events()]


def test_a_batch_is_published_and_reported_done() -> None:
    projector = MemoryProjector()
    assert projector.deliver(batch("a", "b", "a")) == DONE
    assert sorted(on_stream(projector)) == ["a:1", "a:2", "b:1"]
    assert (projector.outcomes[0].records, projector.outcomes[0].published) == (3, 3)


def test_an_empty_batch_is_done() -> None:
    projector = MemoryProjector()
    assert projector.deliver([]) == DONE
    assert projector.kinesis.calls == []


def test_a_batch_of_snapshots_is_done_without_a_call() -> None:
    snapshots = [list(history(name, 9))[-1] for name in "abc"]
    projector = MemoryProjector()
    assert projector.deliver(stream_records(snapshots)) == DONE
    assert projector.kinesis.calls == []


def test_the_lowest_failed_record_is_reported() -> None:
    projector = MemoryProjector(MemoryKinesis(refuse=["a", "b"]))
    assert projector.deliver(batch("c", "b", "a", "c")) == failed(1)
    assert on_stream(projector) == ["c:1", "c:2"]


def test_lowest_means_in_stream_order_not_in_string_order() -> None:
    records = stream_records([next(history("a", 1)), next(history("b", 1))], first=4)
    assert min(sequence_number(4), sequence_number(5)) == sequence_number(5)
    assert MemoryProjector(MemoryKinesis(refuse=["a", "b"])).deliver(records) == failed(4)


def test_poison_parks_its_account_and_the_batch_is_done() -> None:
    records = batch("a", "b", "a", "a", "b", "a")
    poison(records[2], Type={"S": "INTEREST"})
    projector = MemoryProjector()
    assert projector.deliver(records) == DONE
    assert sorted(on_stream(projector)) == ["a:1", "b:1", "b:2"]
    reason = "the row cannot be read: row a/2: unknown type 'INTEREST'"
    assert projector.parking.parked == {"a": Parked("a", 2, 4, 2, reason, "2026-01-31T09:30:00+00:00")}
    outcome = projector.outcomes[0]
    assert (outcome.held, outcome.parked_total, outcome.waiting) == (3, 1, [])
    assert outcome.parked == list(projector.parking.parked.values())


def test_an_event_that_cannot_be_encoded_parks_its_account() -> None:
    records = batch("a", "a", "b", "a")
    poison(records[1], CorrelationId={"S": "\ud800"})
    projector = MemoryProjector()
    assert projector.deliver(records) == DONE
    assert sorted(on_stream(projector)) == ["a:1", "b:1"]
    assert (projector.parking.parked["a"].first, projector.parking.parked["a"].held_through) == (2, 3)


def test_later_events_of_a_parked_account_are_held_back_and_recorded() -> None:
    projector, records = MemoryProjector(), batch(*["a"] * 6, "b")
    poison(records[1], Type={"S": "INTEREST"})
    projector.deliver(records[:3])
    assert projector.deliver(records[3:]) == DONE
    assert on_stream(projector) == ["a:1", "b:1"]
    assert projector.parking.parked["a"].held_through == 6
    assert (projector.outcomes[1].held, projector.outcomes[1].parked_total) == (3, 1)


def test_earlier_events_of_a_parked_account_are_published() -> None:
    projector, records = MemoryProjector(), batch("a", "a", "a")
    projector.parking.park(Parked("a", 2, 2, 2, "", ""))
    assert projector.deliver(records) == DONE
    assert on_stream(projector) == ["a:1"]


def test_an_account_is_parked_only_after_its_earlier_events() -> None:
    """Otherwise the release, which begins with the poison, could publish a later event before them."""
    projector, records = MemoryProjector(MemoryKinesis(refuse=["a"])), batch("a", "a", "b")
    poison(records[1], Type={"S": "INTEREST"})
    assert projector.deliver(records) == failed(0)
    assert projector.parking.parked == {}
    projector.kinesis.refuse = set()
    assert projector.deliver(records) == DONE
    assert (on_stream(projector), list(projector.parking.parked)) == (["b:1", "a:1"], ["a"])


@pytest.mark.parametrize("failing", ["list", "park"])
def test_if_parking_is_unavailable_the_record_is_delivered_again(failing: str) -> None:
    projector, records = MemoryProjector(), batch("a", "b", "a")
    poison(records[2], Type={"S": "INTEREST"})

    def fails(request: str) -> None:
        if request == failing:
            raise Unavailable("ThrottlingException")

    projector.parking.fails = fails
    assert projector.deliver(records) == failed(0 if failing == "list" else 2)
    assert sorted(on_stream(projector)) == ([] if failing == "list" else ["a:1", "b:1"])
    projector.parking.fails = lambda _: None
    assert projector.deliver(records) == DONE
    assert list(projector.parking.parked) == ["a"]


@pytest.mark.parametrize("is_down", [True, False])
def test_events_released_during_the_hold_are_delivered_again(*, is_down: bool) -> None:
    projector, records = MemoryProjector(), batch("a", "a", "a")
    parked = Parked("a", 2, 2, 2, "", "")
    projector.parking.park(parked)

    def released_in_between(request: str) -> None:
        if request == "hold":
            projector.parking.fails = lambda _: None
            projector.parking.release(parked, 2)
            if is_down:
                raise Unavailable("ThrottlingException")

    projector.parking.fails = released_in_between
    assert projector.deliver(records) == failed(1)
    assert on_stream(projector) == ["a:1"]
    assert projector.deliver(records[1:]) == DONE
    assert on_stream(projector) == ["a:1", "a:2", "a:3"]


def test_earlier_poison_keeps_the_held_events_of_a_parked_account() -> None:
    projector, records = MemoryProjector(), batch("a", "a", "a")
    poison(records[1], Type={"S": "INTEREST"})
    projector.parking.park(Parked("a", 3, 9, 3, "", ""))
    assert projector.deliver(records) == DONE
    assert (projector.parking.parked["a"].first, projector.parking.parked["a"].held_through) == (2, 9)


@pytest.mark.parametrize("is_parked", [True, False])
def test_slow_reads_leave_half_of_the_time_for_the_puts(*, is_parked: bool) -> None:
    """An environment that lacks many accounts' events, or cannot record held events, still makes progress."""
    names = [f"a{n}" for n in range(20)]
    projector, records = MemoryProjector(), batch(*names, *names, *names, "b")
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in records)
    clock = projector.kinesis.clock
    projector.deliver(records[:20])
    if is_parked:
        for name in names:
            projector.parking.park(Parked(name, 2, 1, 2, "", ""))
    projector.parking.fails = lambda request: clock.sleep(4.0 if request == "hold" else 0.0)
    projector.ledger.on_read = lambda: clock.sleep(4.0)
    assert projector.deliver(records[40:], time_s=46.0) != DONE
    assert "b:1" in on_stream(projector)
    assert {waiting.reason for waiting in projector.outcomes[-1].waiting} == {NOT_ATTEMPTED}
    for _ in range(5):
        response = projector.deliver(records[40:], time_s=46.0)
    assert response == DONE


def test_the_number_of_parked_accounts_may_be_unknown() -> None:
    projector = MemoryProjector()

    def fails(_: str) -> None:
        raise Unavailable("ThrottlingException")

    projector.parking.fails = fails
    projector.deliver(batch("a"))
    projector.parking.fails = lambda _: None
    projector.deliver(batch("a"))
    assert [outcome.parked_total for outcome in projector.outcomes] == [None, 0]


def test_a_reason_is_shortened() -> None:
    projector, records = MemoryProjector(), batch("a")
    poison(records[0], Type={"S": "\x00" * 100_000})
    projector.deliver(records)
    assert len(projector.parking.parked["a"].reason) == 500


def test_without_time_everything_is_delivered_again() -> None:
    projector, records = MemoryProjector(), batch("a", "b", "b")
    poison(records[0], Type={"S": "INTEREST"})
    projector.parking.park(Parked("b", 1, 1, 1, "", ""))
    assert projector.deliver(records, time_s=-10.0) == failed(0)
    assert list(projector.parking.parked) == ["b"]
    assert [waiting.account_id for waiting in projector.outcomes[0].waiting] == ["b", "a"]


def test_a_gap_in_a_batch_is_filled_from_the_table() -> None:
    projector, records = MemoryProjector(), batch(*["a"] * 14)
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in records)
    assert projector.deliver([records[0], *records[3:5], records[13]]) == DONE
    assert on_stream(projector) == [f"a:{n}" for n in range(1, 14)]
    assert (projector.outcomes[0].published, projector.outcomes[0].filled) == (13, 9)
    assert projector.ledger.reads == [("a", 2, 3), ("a", 6, 12)]


def test_a_gap_after_published_events_is_filled_without_repeats() -> None:
    projector, records = MemoryProjector(), batch(*["a"] * 8)
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in records)
    projector.deliver(records[:2])
    projector.deliver(records[5:6])
    projector.deliver(records[1:7])
    assert on_stream(projector) == [f"a:{n}" for n in range(1, 8)]
    projector.order_window_s = 0.5
    projector.restart()
    projector.deliver(records[6:])
    assert on_stream(projector) == [*(f"a:{n}" for n in range(1, 8)), "a:7", "a:8"]


def test_a_row_missing_in_the_table_parks_the_account() -> None:
    projector, records = MemoryProjector(), batch(*["a"] * 5)
    projector.ledger.put(record["dynamodb"]["NewImage"] for record in records if record is not records[2])
    assert projector.deliver([records[0], records[4]]) == DONE
    assert on_stream(projector) == ["a:1", "a:2"]
    assert (projector.parking.parked["a"].first, projector.parking.parked["a"].held_through) == (3, 5)
    assert projector.parking.parked["a"].reason == NO_ROW


def test_if_the_table_is_unavailable_the_record_is_delivered_again() -> None:
    projector, records = MemoryProjector(), batch("a", "b", "a", "a", "b")
    projector.ledger.is_down = True
    assert projector.deliver([records[0], records[1], records[3], records[4]]) == failed(3)
    assert sorted(on_stream(projector)) == ["a:1", "b:1", "b:2"]


@pytest.mark.parametrize("amount", ["918273.645", "91827364512345678.00"])
def test_an_outcome_never_quotes_an_amount(amount: str) -> None:
    records = batch("a", "a")
    poison(records[1], Amount={"N": amount})
    projector = MemoryProjector()
    assert projector.deliver(records) == DONE
    assert "a" in projector.parking.parked
    assert "918273" not in repr((projector.outcomes, projector.parking.parked))


def test_all_records_after_one_without_an_account_wait() -> None:
    records = batch("a", "b", "a", "b")
    records[1]["dynamodb"] |= {"Keys": {}, "NewImage": {}}
    projector = MemoryProjector()
    assert projector.deliver(records) == failed(1)
    assert on_stream(projector) == ["a:1"]
    [waiting] = projector.outcomes[0].waiting
    assert (waiting.account_id, waiting.position) == (None, 1)


def test_a_damaged_snapshot_parks_no_account() -> None:
    records = stream_records(history("a", 10))
    poison(records[9], Balance={"N": "x"})
    assert MemoryProjector().deliver(records) == DONE


def test_at_the_deadline_the_rest_is_delivered_again() -> None:
    projector = MemoryProjector(MemoryKinesis(latency_s=1.0), plain(32))
    records = batch(*["a"] * 5)
    assert projector.deliver(records, time_s=2.0) == failed(2)
    assert projector.deliver(records[2:], time_s=9.0) == DONE
    assert on_stream(projector) == ["a:1", "a:2", "a:3", "a:4", "a:5"]


def test_one_refused_account_of_600_is_delivered_again() -> None:
    names = [f"a{n}" for n in range(600)]
    projector = MemoryProjector(MemoryKinesis(refuse=["a599"]), plain(BUCKETS))
    assert projector.deliver(batch(*names)) == failed(599)
    assert len(on_stream(projector)) == 599


def test_a_batch_that_is_not_a_table_stream_publishes_nothing() -> None:
    projector = MemoryProjector()
    with pytest.raises(NotATableStream):
        projector.deliver([*batch("a"), {"eventName": "INSERT"}])
    assert projector.kinesis.calls == []


@pytest.mark.parametrize("pack", [plain(BUCKETS), aggregated(BUCKETS), aggregated(1)], ids=["plain", "many", "one"])
def test_an_event_that_kinesis_always_refuses_parks_its_account(pack: Pack) -> None:
    projector, records = MemoryProjector(RefusingKinesis(b"unwanted"), pack), batch("a", "b", "a", "b", "a", "c")
    poison(records[2], CorrelationId={"S": "unwanted"})
    assert projector.deliver(records) == DONE
    assert sorted(on_stream(projector)) == ["a:1", "b:1", "b:2", "c:1"]
    reason = "Kinesis refuses the event: ValidationException"
    assert projector.parking.parked == {"a": Parked("a", 2, 3, 2, reason, "2026-01-31T09:30:00+00:00")}
    assert (projector.outcomes[0].published, projector.outcomes[0].held, projector.outcomes[0].waiting) == (4, 2, [])


def test_poison_after_a_refused_event_is_held_with_it() -> None:
    projector, records = MemoryProjector(RefusingKinesis(b"unwanted")), batch("a", "b", "a", "a")
    poison(records[0], CorrelationId={"S": "unwanted"})
    poison(records[2], Type={"S": "INTEREST"})
    assert projector.deliver(records) == DONE
    assert on_stream(projector) == ["b:1"]
    assert (projector.parking.parked["a"].first, projector.parking.parked["a"].held_through) == (1, 3)


def test_if_kinesis_refuses_everything_the_batch_is_delivered_again() -> None:
    projector, records = MemoryProjector(RefusingKinesis(b"a")), batch("a", "a")
    assert projector.deliver(records) == failed(0)
    assert projector.parking.parked == {}
