"""Events before the first one that an environment sees of an account may not be on the stream yet."""

from collections.abc import Sequence
from typing import Any

import pytest

from account_events.testing.records import StreamRecord, sequence_number
from projector.errors import Unavailable
from projector.lanes import NOT_ATTEMPTED
from projector.parking import Parked
from projector.parse import NO_ROW
from projector.predecessors import KEYS_MAX, NO_ANSWER, Key
from tests.support.memory_projector import MemoryProjector, SameThread
from tests.support.rows import history, stream_record, stream_records

DONE: dict[str, Any] = {"batchItemFailures": []}
RECORDS = stream_records(history("a", 30))
"""Events one second apart, and snapshots."""
EVENTS = [record for record in RECORDS if "CorrelationId" in record["dynamodb"]["NewImage"]]


def projector(order_window_s: float = 10.0, written: Sequence[StreamRecord] = RECORDS) -> MemoryProjector:
    """A new projector with these rows in the table."""
    memory = MemoryProjector(order_window_s=order_window_s)
    memory.ledger.put(record["dynamodb"]["NewImage"] for record in written)
    return memory


def deliver(memory: MemoryProjector, *sequences: int) -> Any:  # noqa: ANN401 -- Lambda's answer
    return memory.deliver([EVENTS[sequence - 1] for sequence in sequences])


def on_stream(memory: MemoryProjector) -> list[int]:
    return [event.fields["sequence"] for event in memory.kinesis.events()]


def test_after_a_restart_no_event_overtakes_a_late_record() -> None:
    """The records 1, 3, 2 of an account come in separate batches, and a new environment begins after the first."""
    memory = projector()
    deliver(memory, 1)
    memory.restart()
    deliver(memory, 3)
    deliver(memory, 2)
    assert on_stream(memory) == [1, 1, 2, 3]


def test_only_earlier_events_within_the_window_are_published_first() -> None:
    memory = projector(order_window_s=3.0)
    assert deliver(memory, 8) == DONE
    assert on_stream(memory) == [6, 7, 8]
    outcome = memory.outcomes[0]
    assert (outcome.published, outcome.filled, outcome.checked) == (3, 2, 1)


@pytest.mark.parametrize(
    ("window_s", "expected"), [(1.0, [8]), (1.000001, [7, 8]), (2.0, [7, 8]), (100.0, [*range(1, 9)])]
)
def test_the_window_ends_before_an_event_exactly_as_old(window_s: float, expected: list[int]) -> None:
    memory = projector(window_s)
    deliver(memory, 8)
    assert on_stream(memory) == expected


@pytest.mark.parametrize("sequence", [2, 9, 10, 11, 18, 19, 28])
def test_the_window_reaches_across_snapshots_and_the_first_row(sequence: int) -> None:
    memory = projector(order_window_s=4.0)
    deliver(memory, sequence)
    assert on_stream(memory) == list(range(max(1, sequence - 3), sequence + 1))


def test_an_account_is_checked_once_and_its_first_event_never() -> None:
    memory = projector(order_window_s=0.5)
    deliver(memory, 1)
    deliver(memory, 2, 3)
    memory.restart()
    deliver(memory, 4)
    deliver(memory, 5)
    assert on_stream(memory) == [1, 2, 3, 4, 5]
    assert memory.ledger.times_read == [[Key("a", 3)]]
    assert [outcome.checked for outcome in memory.outcomes] == [0, 0, 1, 0]


def test_100_accounts_take_one_request_and_101_take_two() -> None:
    for accounts, requests in ((KEYS_MAX, [KEYS_MAX]), (KEYS_MAX + 1, [KEYS_MAX, 1])):
        names = [f"a{number}" for number in range(accounts)]
        rows = {name: list(history(name, 2)) for name in names}
        memory = MemoryProjector(order_window_s=0.5)
        memory.ledger.put(stream_record(row, 0)["dynamodb"]["NewImage"] for both in rows.values() for row in both)
        assert memory.deliver([stream_record(rows[name][1], number) for number, name in enumerate(names)]) == DONE
        assert [len(keys) for keys in memory.ledger.times_read] == requests
        assert len(on_stream(memory)) == accounts


def test_an_event_whose_predecessor_is_not_in_the_table_parks_its_account() -> None:
    memory = projector(written=[])
    assert deliver(memory, 5) == DONE
    assert on_stream(memory) == []
    parked = memory.parking.parked["a"]
    assert (parked.first, parked.held_through, parked.reason) == (1, 5, NO_ROW)


def test_a_missing_first_row_parks_its_account_at_that_row() -> None:
    """Without the row, nothing shows that the window does not reach back to the account's first event."""
    memory = projector(order_window_s=60.0)
    del memory.ledger.rows["a"][1]
    assert deliver(memory, 3) == DONE
    assert on_stream(memory) == []
    parked = memory.parking.parked["a"]
    assert (parked.first, parked.held_through, parked.reason) == (1, 3, NO_ROW)


def test_a_missing_first_row_before_the_window_changes_nothing() -> None:
    memory = projector(order_window_s=2.5)
    del memory.ledger.rows["a"][1]
    assert deliver(memory, 8) == DONE
    assert on_stream(memory) == [6, 7, 8]


@pytest.mark.parametrize("image", [{"Type": {"S": "INTEREST"}}, {"Timestamp": {"S": "yesterday"}}, {"Format": None}])
def test_a_predecessor_that_is_not_an_event_parks_its_account(image: dict[str, Any]) -> None:
    """All earlier events within the window are published, because the release begins at the parked event."""
    memory = projector(order_window_s=3.0)
    row = {**memory.ledger.rows["a"][7], **image}
    memory.ledger.put([{name: value for name, value in row.items() if value is not None}])
    assert deliver(memory, 8) == DONE
    assert on_stream(memory) == [6]
    assert (memory.parking.parked["a"].first, memory.parking.parked["a"].held_through) == (7, 8)


def test_predecessors_of_an_invalid_row_are_published() -> None:
    """Otherwise the account's release could overtake them. The row has no time, so its predecessor's time counts."""
    memory = projector(order_window_s=2.5)
    wrong = stream_record(next(row for row in history("a", 8) if row.version == 8), 7)
    wrong["dynamodb"]["NewImage"] = wrong["dynamodb"]["NewImage"] | {"Type": {"S": "INTEREST"}}
    assert memory.deliver([wrong]) == DONE
    assert on_stream(memory) == [5, 6, 7]
    assert memory.parking.parked["a"].first == 8


def test_if_the_table_is_down_only_the_unknown_account_waits() -> None:
    memory = projector()
    memory.ledger.is_down = True
    records = [EVENTS[2], *stream_records(history("b", 1), first=3)]
    assert memory.deliver(records) == {"batchItemFailures": [{"itemIdentifier": sequence_number(2)}]}
    assert [event.fields["account_id"] for event in memory.kinesis.events()] == ["b"]
    assert memory.outcomes[0].waiting[0].reason == "ThrottlingException"
    memory.ledger.is_down = False
    assert memory.deliver(records) == DONE


def test_an_account_whose_key_was_left_unprocessed_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = projector()
    monkeypatch.setattr(memory.ledger, "times", lambda _keys: {})
    assert deliver(memory, 3) != DONE
    assert (on_stream(memory), memory.outcomes[0].waiting[0].reason) == ([], NO_ANSWER)


def test_without_time_no_predecessor_is_read() -> None:
    memory = projector()
    assert memory.deliver([EVENTS[2]], time_s=0.0) != DONE
    assert (memory.ledger.times_read, memory.outcomes[0].waiting[0].reason) == ([], NOT_ATTEMPTED)


def test_reads_of_predecessors_end_at_half_of_the_time() -> None:
    """The accounts read by then are published, so fewer are left for the next delivery."""
    names = [f"a{number}" for number in range(20)]
    rows = {name: list(history(name, 2)) for name in names}
    memory = MemoryProjector()
    memory.ledger.put(stream_record(row, 0)["dynamodb"]["NewImage"] for both in rows.values() for row in both)
    memory.ledger.on_read = lambda: memory.kinesis.clock.sleep(2.0)
    records = [stream_record(rows[name][1], number) for number, name in enumerate(names)]
    assert memory.deliver(records, time_s=24.0) != DONE
    assert len(on_stream(memory)) == 2 * 5
    assert {waiting.reason for waiting in memory.outcomes[0].waiting} == {NOT_ATTEMPTED}


def test_predecessors_of_a_parked_account_are_checked() -> None:
    memory = projector()
    memory.parking.park(Parked("a", 5, 9, 5, "", ""))
    assert deliver(memory, 4, 6) == DONE
    assert on_stream(memory) == [1, 2, 3, 4]


def test_an_environment_forgets_an_account_that_is_parked() -> None:
    """Events that the release has published are not published again."""
    memory = projector(order_window_s=0.5)
    deliver(memory, 1, 2)
    memory.parking.park(Parked("a", 3, 4, 3, "", ""))
    deliver(memory, 5)
    memory.parking.release(memory.parking.parked["a"], 5)  # the release has published 3 to 5
    assert deliver(memory, 6) == DONE
    assert on_stream(memory) == [1, 2, 6]


class CountingExecutor(SameThread):
    calls = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as the base class
        self.calls += 1
        return super().submit(*args, **kwargs)


def test_the_executor_makes_the_requests() -> None:
    executor = CountingExecutor()
    memory = MemoryProjector(executor=executor)
    memory.ledger.put(record["dynamodb"]["NewImage"] for record in RECORDS)
    deliver(memory, 3)
    assert executor.calls == 3, "expected requests for parked accounts, times and recent events"


def test_if_predecessors_cannot_be_read_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = projector()

    def no_answer(*_: object) -> Any:  # noqa: ANN401 -- it raises
        raise Unavailable("ThrottlingException")

    monkeypatch.setattr(memory.ledger, "recent", no_answer)
    assert deliver(memory, 3) != DONE
    assert on_stream(memory) == []
