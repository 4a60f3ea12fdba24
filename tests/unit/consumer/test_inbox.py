"""Each event once, in order, whatever comes."""

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


class Ledger:
    """What was handed over; `failing` raises for that sequence."""

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
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def inbox(ledger: Ledger) -> Inbox[None]:
    return Inbox(MemoryInbox(), ledger, gap_wait_s=60)


def test_events_are_handed_over_one_by_one(inbox: Inbox[None], ledger: Ledger) -> None:
    received = inbox.receive("a", arrivals("a", [1, 2, 3]), NOW)
    assert (received.applied, received.duplicates, received.held, received.unsafe) == (3, 0, 0, None)
    assert ledger.runs == [[1], [2], [3]]


def test_duplicates_are_dropped(inbox: Inbox[None], ledger: Ledger) -> None:
    inbox.receive("a", arrivals("a", [1, 2, 1, 2, 3]), NOW)
    received = inbox.receive("a", arrivals("a", [2, 3, 4]), NOW)
    assert ledger.applied == [1, 2, 3, 4]
    assert (received.applied, received.duplicates) == (1, 2)


def test_what_comes_early_is_held_and_handed_over_in_its_turn(inbox: Inbox[None], ledger: Ledger) -> None:
    assert inbox.receive("a", arrivals("a", [1, 3, 5, 3]), NOW).held == 2
    assert ledger.applied == [1]
    assert inbox.receive("a", arrivals("a", [2]), NOW).applied == 2
    assert ledger.applied == [1, 2, 3]
    assert inbox.receive("a", arrivals("a", [3, 4]), NOW).duplicates == 1
    assert ledger.applied == [1, 2, 3, 4, 5]


def test_runs_are_at_most_as_long_as_is_allowed(ledger: Ledger) -> None:
    Inbox(MemoryInbox(), ledger, run_max=4).receive("a", arrivals("a", range(1, 11)), NOW)
    assert ledger.runs == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_a_gap_is_told_after_its_wait_and_no_sooner(inbox: Inbox[None]) -> None:
    inbox.receive("a", arrivals("a", [1, 4]), NOW)
    inbox.receive("a", arrivals("a", [6]), NOW + 30)
    assert inbox.gaps(NOW + 59.9) == []
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 3, NOW)]
    inbox.receive("a", arrivals("a", [2]), NOW + 61)
    assert inbox.gaps(NOW + 100) == [], "it has come on: another wait begins"
    assert inbox.gaps(NOW + 121) == [Gap("a", 3, 3, NOW + 61)]
    inbox.receive("a", arrivals("a", [3, 5]), NOW + 122)
    assert inbox.gaps(NOW + 1_000) == []


def test_a_failure_stops_the_account_at_the_first_record_that_is_unsafe(inbox: Inbox[None], ledger: Ledger) -> None:
    ledger.failing = 3
    received = inbox.receive("a", arrivals("a", [1, 2, 1, 3, 5, 4]), NOW)
    assert ledger.applied == [1, 2]
    assert (received.applied, received.unsafe) == (2, 3)
    assert isinstance(received.error, RuntimeError)
    ledger.failing = 0
    assert inbox.receive("a", arrivals("a", [3, 5, 4]), NOW).unsafe is None
    assert ledger.applied == [1, 2, 3, 4, 5]


def test_an_account_whose_event_is_refused_is_told_as_waiting(inbox: Inbox[None], ledger: Ledger) -> None:
    """Should the trigger give the record up, and no later one come, it would be forgotten otherwise."""
    ledger.failing = 2
    assert inbox.receive("a", arrivals("a", [1, 2, 3]), NOW).unsafe == 1
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 3, NOW)]
    ledger.failing = 0
    inbox.receive("a", arrivals("a", [2, 3]), NOW + 61)
    assert inbox.gaps(NOW + 1_000) == []


def test_behind_a_held_event_that_is_refused_all_that_comes_is_held(inbox: Inbox[None], ledger: Ledger) -> None:
    """So the account waits, and no record has to come again for it: others are behind them."""
    inbox.receive("a", arrivals("a", [1, 3]), NOW)
    ledger.failing = 3
    received = inbox.receive("a", arrivals("a", [2]), NOW + 1)
    assert (ledger.applied, received.unsafe, type(received.error)) == ([1, 2], None, RuntimeError)
    received = inbox.receive("a", arrivals("a", [4, 6, 5]), NOW + 2)
    assert (received.unsafe, received.held, type(received.error)) == (None, 3, RuntimeError)
    assert inbox.gaps(NOW + 61) == [Gap("a", 3, 2, NOW + 1)], "nothing is missing, and yet it waits"
    ledger.failing = 0
    assert inbox.receive("a", arrivals("a", [4]), NOW + 3).applied == 4
    assert ledger.applied == [1, 2, 3, 4, 5, 6]


class Refusing(MemoryInbox):
    """A store that refuses every effect for good while `is_refusing`."""

    is_refusing = True

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if self.is_refusing and after.last > before.last:
            raise Refused("an item is too large")
        super().advance(account_id, before, after, effect)


def test_what_the_store_never_takes_is_kept_and_need_not_come_again(ledger: Ledger) -> None:
    """Or the shard would bring it again and again, and nothing behind it."""
    store = Refusing()
    inbox = Inbox(store, ledger, gap_wait_s=60)
    received = inbox.receive("a", arrivals("a", [1, 2]), NOW)
    assert (received.unsafe, received.held, type(received.error)) == (None, 2, Refused)
    assert inbox.receive("a", arrivals("a", [3]), NOW + 1).unsafe is None
    assert inbox.gaps(NOW + 60) == [Gap("a", 1, 0, NOW)], "nothing is missing, and yet it waits"
    store.is_refusing = False
    assert inbox.receive("a", arrivals("a", [4]), NOW + 2).applied == 4
    assert inbox.gaps(NOW + 1_000) == []


def test_what_is_refused_is_held_where_one_gives_up(inbox: Inbox[None], ledger: Ledger) -> None:
    ledger.failing = 2
    assert inbox.receive("a", arrivals("a", [1, 2, 3]), NOW).unsafe == 1
    received = inbox.receive("a", arrivals("a", [2, 3, 5]), NOW, buffer_failures=True)
    assert (received.unsafe, received.held, type(received.error)) == (None, 3, RuntimeError)
    assert inbox.gaps(NOW + 60) == [Gap("a", 2, 1, NOW)]
    ledger.failing = 0
    inbox.receive("a", arrivals("a", [4]), NOW)
    assert ledger.applied == [1, 2, 3, 4, 5]


def test_a_held_event_that_this_release_cannot_read_stops_its_account_behind_what_it_can(ledger: Ledger) -> None:
    """Another release has held it; this one may have been rolled back."""
    store = MemoryInbox()
    datas = encoded("a", 5)
    store.advance("a", Position(), Position(0, {3: b"\xc3\x01later..." + datas[2]}, 3, NOW, 1), None)
    inbox = Inbox(store, ledger)
    received = inbox.receive("a", arrivals("a", [1, 2, 4, 5]), NOW)
    assert (ledger.applied, received.unsafe, type(received.error)) == ([1, 2], None, UnknownFingerprint)
    assert sorted(store.position("a").held) == [3, 4, 5]
    assert inbox.gaps(NOW + 300) == [Gap("a", 3, 2, NOW)]


@pytest.mark.parametrize(
    "wrong",
    [{"run_max": 0}, {"run_max": -1}, {"gap_wait_s": -1}, {"buffered_bytes_max": -1}, {"buffered_bytes_max": 262_145}],
)
def test_impossible_limits_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="has to be 1 or more"):
        Inbox(MemoryInbox(), print, **wrong)  # type: ignore[arg-type]  # that is the point


def test_limits_of_nothing_are_taken(ledger: Ledger) -> None:
    inbox = Inbox(MemoryInbox(), ledger, gap_wait_s=0, buffered_bytes_max=0)
    inbox.receive("a", arrivals("a", [1, 3]), NOW)
    assert (ledger.applied, inbox.gaps(NOW)) == ([1], [Gap("a", 2, 3, NOW)])


def test_what_cannot_be_held_is_unsafe_and_the_nearest_are_held() -> None:
    position = Position(last=1)
    came = arrivals("a", [9, 5, 3, 7])
    size = len(came[0].data)
    todo = sort(position, came, buffered_bytes_max=2 * size + 2)
    assert (sorted(todo.early), todo.refused) == ([3, 5], [7, 9])
    after = moved(position, 1, todo.early, 9, NOW)
    assert sort(after, arrivals("a", [7]), buffered_bytes_max=2 * size + 2).refused == [7]


def test_what_is_being_applied_takes_no_room_from_what_is_held(ledger: Ledger) -> None:
    size = max(map(len, encoded("a", 6)))
    inbox = Inbox(MemoryInbox(), ledger, buffered_bytes_max=2 * size)
    assert inbox.receive("a", arrivals("a", [2, 3]), NOW).held == 2
    received = inbox.receive("a", arrivals("a", [1, 5, 6]), NOW)
    assert (received.held, received.error) == (2, None)
    inbox.receive("a", arrivals("a", [4]), NOW)
    assert ledger.applied == [1, 2, 3, 4, 5, 6], "5 and 6 came once"


def test_a_full_hold_names_what_is_missing(ledger: Ledger) -> None:
    inbox = Inbox(MemoryInbox(), ledger, buffered_bytes_max=5 * len(encoded("a", 3)[-1]))
    received = inbox.receive("a", arrivals("a", [1, *range(3, 20)]), NOW)
    assert isinstance(received.error, BufferFull)
    assert str(received.error).startswith("a: event 2 is missing")
    assert f"no room to hold event {received.held + 3} " in str(received.error), "the first one"
    assert received.held in (4, 5)
    assert received.unsafe is None, "others are behind it"
    assert inbox.gaps(NOW + 300) == [Gap("a", 2, 2, NOW)]
    assert inbox.receive("a", arrivals("a", [2]), NOW).error is None
    assert ledger.applied == list(range(1, received.held + 3))
    assert inbox.gaps(NOW + 300) == [Gap("a", received.held + 3, 19, NOW)], "what there was no room for"
    assert inbox.receive("a", arrivals("a", range(1, 20)), NOW).error is None, "as a replay brings it"
    assert ledger.applied == list(range(1, 20))
    assert inbox.gaps(NOW + 300) == []


def test_without_any_room_a_gap_is_known_all_the_same(ledger: Ledger) -> None:
    inbox = Inbox(MemoryInbox(), ledger, buffered_bytes_max=0)
    assert isinstance(inbox.receive("a", arrivals("a", [3]), NOW).error, BufferFull)
    assert inbox.gaps(NOW + 300) == [Gap("a", 1, 3, NOW)]
    assert ledger.runs == [], "nothing to handle"


def test_what_cannot_be_read_and_brings_nothing_new_is_written_once(ledger: Ledger) -> None:
    store = MemoryInbox()
    store.advance("a", Position(), Position(2, {3: b"\xc3\x01later..."}, 3, NOW, 1), None)
    Inbox(store, ledger).receive("a", arrivals("a", [4]), NOW)
    assert (store.position("a").revision, sorted(store.position("a").held)) == (2, [3, 4])


@given(
    st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=8), max_size=12),
    st.integers(1, 5),
    st.sets(st.integers(0, 11)),
)
def test_whatever_comes_each_event_is_applied_once_in_order(
    batches: list[list[int]], run_max: int, failing: set[int]
) -> None:
    ledger = Ledger()
    inbox = Inbox(MemoryInbox(), ledger, run_max=run_max)
    seen: set[int] = set()
    for number, batch in enumerate(batches):
        ledger.failing = batch[-1] if number in failing else 0
        received = inbox.receive("a", arrivals("a", batch), NOW)
        safe = batch if received.unsafe is None else batch[: received.unsafe]
        seen |= set(safe)
        for sequence in safe:
            assert sequence <= received.position.last or sequence in received.position.held
    assert ledger.applied == list(range(1, len(ledger.applied) + 1))
    due = next(number for number in range(1, 14) if number not in seen)
    assert len(ledger.applied) >= due - 1 or ledger.failing, "what was safe and has no gap is applied"


def test_what_is_held_is_read_by_the_inbox_s_own_decoder(ledger: Ledger) -> None:
    class Counting(Decoder):
        decoded = 0

        def decode(self, data: bytes) -> Event:
            Counting.decoded += 1
            return super().decode(data)

    inbox = Inbox(MemoryInbox(), ledger, decoder=Counting())
    inbox.receive("a", arrivals("a", [2, 3]), NOW)
    inbox.receive("a", arrivals("a", [1]), NOW)
    assert (Counting.decoded, ledger.applied) == (2, [1, 2, 3])
