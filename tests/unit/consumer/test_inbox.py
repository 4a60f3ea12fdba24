"""The inbox applies each event once and in order, whatever arrives."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_events.avro.errors import UnknownFingerprint
from account_events.consumer import Decoder, Event, Gap, Inbox, MemoryInbox
from account_events.consumer.errors import BufferFull, Refused
from account_events.consumer.position import Position, moved, sort
from tests.unit.consumer.given import arrivals, encoded

NOW = 1_000.0


class RecordingHandler:
    """A handler that records its events. It raises for the sequence `failing`."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.failing = 0

    def __call__(self, events: Sequence[Event]) -> None:
        if self.failing in [event.sequence for event in events]:
            raise RuntimeError("no")
        self.runs.append([event.sequence for event in events])

    @property
    def applied(self) -> list[int]:
        return [sequence for run in self.runs for sequence in run]


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def inbox(handler: RecordingHandler) -> Inbox[None]:
    return Inbox(MemoryInbox(), handler, gap_wait_s=60)


def test_events_are_handled_one_by_one_by_default(inbox: Inbox[None], handler: RecordingHandler) -> None:
    received = inbox.receive("a", arrivals("a", [1, 2, 3]), NOW)
    assert (received.applied, received.duplicates, received.buffered, received.unsafe) == (3, 0, 0, None)
    assert handler.runs == [[1], [2], [3]]


def test_duplicates_are_dropped(inbox: Inbox[None], handler: RecordingHandler) -> None:
    inbox.receive("a", arrivals("a", [1, 2, 1, 2, 3]), NOW)
    received = inbox.receive("a", arrivals("a", [2, 3, 4]), NOW)
    assert handler.applied == [1, 2, 3, 4]
    assert (received.applied, received.duplicates) == (1, 2)


def test_out_of_order_events_are_buffered_and_applied_in_order(inbox: Inbox[None], handler: RecordingHandler) -> None:
    assert inbox.receive("a", arrivals("a", [1, 3, 5, 3]), NOW).buffered == 2
    assert handler.applied == [1]
    assert inbox.receive("a", arrivals("a", [2]), NOW).applied == 2
    assert handler.applied == [1, 2, 3]
    assert inbox.receive("a", arrivals("a", [3, 4]), NOW).duplicates == 1
    assert handler.applied == [1, 2, 3, 4, 5]


def test_a_run_has_at_most_run_max_events(handler: RecordingHandler) -> None:
    Inbox(MemoryInbox(), handler, run_max=4).receive("a", arrivals("a", range(1, 11)), NOW)
    assert handler.runs == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_a_gap_is_reported_only_after_its_wait(inbox: Inbox[None]) -> None:
    inbox.receive("a", arrivals("a", [1, 4]), NOW)
    inbox.receive("a", arrivals("a", [6]), NOW + 30)
    assert inbox.gaps(NOW + 59.9) == []
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 3, NOW)]
    inbox.receive("a", arrivals("a", [2]), NOW + 61)
    assert inbox.gaps(NOW + 100) == [], "the account advanced, so a new wait begins"
    assert inbox.gaps(NOW + 121) == [Gap("a", 3, 3, NOW + 61)]
    inbox.receive("a", arrivals("a", [3, 5]), NOW + 122)
    assert inbox.gaps(NOW + 1_000) == []


def test_a_failure_stops_the_account_at_its_first_unsafe_record(inbox: Inbox[None], handler: RecordingHandler) -> None:
    handler.failing = 3
    received = inbox.receive("a", arrivals("a", [1, 2, 1, 3, 5, 4]), NOW)
    assert handler.applied == [1, 2]
    assert (received.applied, received.unsafe) == (2, 3)
    assert isinstance(received.error, RuntimeError)
    handler.failing = 0
    assert inbox.receive("a", arrivals("a", [3, 5, 4]), NOW).unsafe is None
    assert handler.applied == [1, 2, 3, 4, 5]


def test_an_account_with_a_refused_event_is_reported_as_a_gap(inbox: Inbox[None], handler: RecordingHandler) -> None:
    """Otherwise nobody would notice the event if its record expires and no later event arrives."""
    handler.failing = 2
    assert inbox.receive("a", arrivals("a", [1, 2, 3]), NOW).unsafe == 1
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 3, NOW)]
    handler.failing = 0
    inbox.receive("a", arrivals("a", [2, 3]), NOW + 61)
    assert inbox.gaps(NOW + 1_000) == []


def test_arrivals_after_a_refused_buffered_event_are_buffered(inbox: Inbox[None], handler: RecordingHandler) -> None:
    """The account waits, and its records do not block those of other accounts."""
    inbox.receive("a", arrivals("a", [1, 3]), NOW)
    handler.failing = 3
    received = inbox.receive("a", arrivals("a", [2]), NOW + 1)
    assert (handler.applied, received.unsafe, type(received.error)) == ([1, 2], None, RuntimeError)
    received = inbox.receive("a", arrivals("a", [4, 6, 5]), NOW + 2)
    assert (received.unsafe, received.buffered, type(received.error)) == (None, 3, RuntimeError)
    assert inbox.gaps(NOW + 61) == [Gap("a", 3, 2, NOW + 1)], "no event is missing, but the account waits"
    handler.failing = 0
    assert inbox.receive("a", arrivals("a", [4]), NOW + 3).applied == 4
    assert handler.applied == [1, 2, 3, 4, 5, 6]


class Refusing(MemoryInbox):
    """A store that raises Refused for every effect while `is_refusing`."""

    is_refusing = True

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if self.is_refusing and after.last > before.last:
            raise Refused("an item is too large")
        super().advance(account_id, before, after, effect)


def test_events_the_store_refuses_for_good_are_buffered(handler: RecordingHandler) -> None:
    """Otherwise their record would block its shard."""
    store = Refusing()
    inbox = Inbox(store, handler, gap_wait_s=60)
    received = inbox.receive("a", arrivals("a", [1, 2]), NOW)
    assert (received.unsafe, received.buffered, type(received.error)) == (None, 2, Refused)
    assert inbox.receive("a", arrivals("a", [3]), NOW + 1).unsafe is None
    assert inbox.gaps(NOW + 60) == [Gap("a", 1, 0, NOW)], "no event is missing, but the account waits"
    store.is_refusing = False
    assert inbox.receive("a", arrivals("a", [4]), NOW + 2).applied == 4
    assert inbox.gaps(NOW + 1_000) == []


def test_buffer_failures_buffers_what_the_handler_refuses(inbox: Inbox[None], handler: RecordingHandler) -> None:
    handler.failing = 2
    assert inbox.receive("a", arrivals("a", [1, 2, 3]), NOW).unsafe == 1
    received = inbox.receive("a", arrivals("a", [2, 3, 5]), NOW, buffer_failures=True)
    assert (received.unsafe, received.buffered, type(received.error)) == (None, 3, RuntimeError)
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 1, NOW)]
    handler.failing = 0
    inbox.receive("a", arrivals("a", [4]), NOW)
    assert handler.applied == [1, 2, 3, 4, 5]


def test_a_buffered_event_that_cannot_be_decoded_stops_its_account(handler: RecordingHandler) -> None:
    """A later release buffered the event, and then was rolled back."""
    store = MemoryInbox()
    datas = encoded("a", 5)
    store.advance("a", Position(), Position(0, {3: b"\xc3\x01later..." + datas[2]}, 3, NOW, 1), None)
    inbox = Inbox(store, handler)
    received = inbox.receive("a", arrivals("a", [1, 2, 4, 5]), NOW)
    assert (handler.applied, received.unsafe, type(received.error)) == ([1, 2], None, UnknownFingerprint)
    assert sorted(store.position("a").buffered) == [3, 4, 5]
    assert inbox.gaps(NOW + 300) == [Gap("a", 3, 2, NOW)]


@pytest.mark.parametrize(
    "wrong",
    [{"run_max": 0}, {"run_max": -1}, {"gap_wait_s": -1}, {"buffered_bytes_max": -1}, {"buffered_bytes_max": 262_145}],
)
def test_impossible_limits_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        Inbox(MemoryInbox(), print, **wrong)  # type: ignore[arg-type]  # an invalid argument is the test


def test_limits_of_zero_are_accepted(handler: RecordingHandler) -> None:
    inbox = Inbox(MemoryInbox(), handler, gap_wait_s=0, buffered_bytes_max=0)
    inbox.receive("a", arrivals("a", [1, 3]), NOW)
    assert (handler.applied, inbox.gaps(NOW)) == ([1], [Gap("a", 2, 3, NOW)])


def test_a_full_buffer_keeps_the_lowest_sequences() -> None:
    position = Position(last=1)
    arrived = arrivals("a", [9, 5, 3, 7])
    size = len(arrived[0].data)
    todo = sort(position, arrived, buffered_bytes_max=2 * size + 2)
    assert (sorted(todo.out_of_order), todo.overflow) == ([3, 5], [7, 9])
    after = moved(position, 1, todo.out_of_order, 9, NOW)
    assert sort(after, arrivals("a", [7]), buffered_bytes_max=2 * size + 2).overflow == [7]


def test_events_that_are_applied_free_their_space_in_the_buffer(handler: RecordingHandler) -> None:
    size = max(map(len, encoded("a", 6)))
    inbox = Inbox(MemoryInbox(), handler, buffered_bytes_max=2 * size)
    assert inbox.receive("a", arrivals("a", [2, 3]), NOW).buffered == 2
    received = inbox.receive("a", arrivals("a", [1, 5, 6]), NOW)
    assert (received.buffered, received.error) == (2, None)
    inbox.receive("a", arrivals("a", [4]), NOW)
    assert handler.applied == [1, 2, 3, 4, 5, 6], "events 5 and 6 arrived only once"


def test_a_full_buffer_names_the_missing_event(handler: RecordingHandler) -> None:
    inbox = Inbox(MemoryInbox(), handler, buffered_bytes_max=5 * len(encoded("a", 3)[-1]))
    received = inbox.receive("a", arrivals("a", [1, *range(3, 20)]), NOW)
    assert isinstance(received.error, BufferFull)
    assert "`account-events replay --account a --to-stream STREAM --live`" in str(received.error)
    assert str(received.error).startswith("a: event 2 has not been applied")
    assert f"the buffer is full: event {received.buffered + 3} " in str(received.error), (
        "the first sequence that did not fit into the buffer"
    )
    assert received.buffered in (4, 5)
    assert received.unsafe is None, "the records of other accounts must not be blocked"
    assert inbox.gaps(NOW + 300) == [Gap("a", 2, 2, NOW)]
    assert inbox.receive("a", arrivals("a", [2]), NOW).error is None
    assert handler.applied == list(range(1, received.buffered + 3))
    assert inbox.gaps(NOW + 300) == [Gap("a", received.buffered + 3, 19, NOW)], "the events that did not fit"
    assert inbox.receive("a", arrivals("a", range(1, 20)), NOW).error is None, "every event, as in a replay"
    assert handler.applied == list(range(1, 20))
    assert inbox.gaps(NOW + 300) == []


def test_a_gap_is_recorded_even_with_a_buffer_of_zero(handler: RecordingHandler) -> None:
    inbox = Inbox(MemoryInbox(), handler, buffered_bytes_max=0)
    assert isinstance(inbox.receive("a", arrivals("a", [3]), NOW).error, BufferFull)
    assert inbox.gaps(NOW + 300) == [Gap("a", 1, 3, NOW)]
    assert handler.runs == [], "no event can be applied"


def test_a_wait_is_written_once_before_an_undecodable_event(handler: RecordingHandler) -> None:
    store = MemoryInbox()
    store.advance("a", Position(), Position(2, {3: b"\xc3\x01later..."}, 3, NOW, 1), None)
    Inbox(store, handler).receive("a", arrivals("a", [4]), NOW)
    assert (store.position("a").revision, sorted(store.position("a").buffered)) == (2, [3, 4])


@given(
    st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=8), max_size=12),
    st.integers(1, 5),
    st.sets(st.integers(0, 11)),
)
def test_each_event_is_applied_once_and_in_order_for_any_arrivals(
    batches: list[list[int]], run_max: int, failing: set[int]
) -> None:
    handler = RecordingHandler()
    inbox = Inbox(MemoryInbox(), handler, run_max=run_max)
    seen: set[int] = set()
    for number, batch in enumerate(batches):
        handler.failing = batch[-1] if number in failing else 0
        received = inbox.receive("a", arrivals("a", batch), NOW)
        safe = batch if received.unsafe is None else batch[: received.unsafe]
        seen |= set(safe)
        for sequence in safe:
            assert sequence <= received.position.last or sequence in received.position.buffered
    assert handler.applied == list(range(1, len(handler.applied) + 1))
    expected = next(number for number in range(1, 14) if number not in seen)
    assert len(handler.applied) >= expected - 1 or handler.failing, "every safe event before the first gap is applied"


def test_buffered_events_are_decoded_by_the_inbox_decoder(handler: RecordingHandler) -> None:
    class Counting(Decoder):
        decoded = 0

        def decode(self, data: bytes) -> Event:
            Counting.decoded += 1
            return super().decode(data)

    inbox = Inbox(MemoryInbox(), handler, decoder=Counting())
    inbox.receive("a", arrivals("a", [2, 3]), NOW)
    inbox.receive("a", arrivals("a", [1]), NOW)
    assert (Counting.decoded, handler.applied) == (2, [1, 2, 3])
