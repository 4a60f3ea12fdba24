"""The inbox when its store is unavailable, or when another worker advances the account first."""

import pytest

from account_events.consumer import Inbox, MemoryInbox
from account_events.consumer.errors import BufferFull, StaleRevision, Unavailable
from account_events.consumer.inbox import STALE_REVISIONS_MAX
from account_events.consumer.position import Gap, Position, moved
from tests.unit.consumer.given import arrivals, encoded
from tests.unit.consumer.test_inbox import NOW, RecordingHandler


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


class UnavailableStore(MemoryInbox):
    """A store that is unavailable while `is_down`."""

    is_down = False

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if self.is_down:
            raise Unavailable("no")
        super().advance(account_id, before, after, effect)


def test_a_refusal_that_cannot_be_stored_is_redelivered(handler: RecordingHandler) -> None:
    store = UnavailableStore()
    inbox = Inbox(store, handler)
    inbox.receive("a", arrivals("a", [1, 3]), NOW)
    handler.failing = 2
    store.is_down = True
    assert inbox.receive("a", arrivals("a", [4, 2]), NOW).unsafe == 0
    store.is_down = False
    handler.failing = 0
    assert inbox.receive("a", arrivals("a", [4, 2]), NOW).unsafe is None
    assert handler.applied == [1, 2, 3, 4]


def test_a_full_buffer_that_cannot_be_stored_is_redelivered(handler: RecordingHandler) -> None:
    store = UnavailableStore()
    inbox = Inbox(store, handler, buffered_bytes_max=sum(map(len, encoded("a", 4)[1:])))
    inbox.receive("a", arrivals("a", [2, 3]), NOW)
    handler.failing = 2
    inbox.receive("a", arrivals("a", [1, 4]), NOW)
    store.is_down = True
    assert inbox.receive("a", arrivals("a", [5, 6]), NOW).unsafe == 0
    store.is_down = False
    assert isinstance(inbox.receive("a", arrivals("a", [5, 6]), NOW).error, BufferFull)
    handler.failing = 0
    inbox.receive("a", arrivals("a", [2]), NOW)
    assert handler.applied == [1, 2, 3, 4]
    assert inbox.gaps(NOW + 300) == [Gap("a", 5, 6, NOW)]


def test_only_the_events_after_a_store_failure_are_unsafe(handler: RecordingHandler) -> None:
    class UnavailableAfterOneWrite(UnavailableStore):
        calls = 0

        def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
            self.calls += 1
            super().advance(account_id, before, after, effect)
            self.is_down = True

    store = UnavailableAfterOneWrite()
    received = Inbox(store, handler).receive("a", arrivals("a", [1, 2, 3]), NOW)
    assert (received.applied, received.unsafe, type(received.error)) == (1, 1, Unavailable)
    assert store.calls == 2, "nothing is written after a write with an unknown result"


def test_buffered_events_not_retried_are_redelivered(handler: RecordingHandler) -> None:
    store = UnavailableStore()
    inbox = Inbox(store, handler)
    handler.failing = 2
    inbox.receive("a", arrivals("a", [1, 2, 3]), NOW, buffer_failures=True)
    handler.failing = 0
    store.is_down = True
    assert inbox.receive("a", arrivals("a", [3, 2]), NOW).unsafe == 0, (
        "both events are buffered, but only a redelivered record triggers another attempt"
    )
    store.is_down = False
    assert inbox.receive("a", arrivals("a", [3, 2]), NOW).unsafe is None
    assert handler.applied[-2:] == [2, 3]


class ContendedInbox(MemoryInbox):
    """A store in which another worker applies the next event first, `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if self.times:
            self.times -= 1
            super().advance(account_id, before, moved(before, before.last + 1, {}, 0, NOW), None)
        super().advance(account_id, before, after, effect)


def test_a_stale_revision_is_read_again() -> None:
    handler = RecordingHandler()
    received = Inbox(ContendedInbox(2), handler).receive("a", arrivals("a", [1, 2, 3, 4]), NOW)
    assert received.unsafe is None
    assert received.error is None
    assert (received.position.last, handler.applied[-2:]) == (4, [3, 4])


class InboxContendedAt(ContendedInbox):
    """Another worker first applies the event of the inbox's `number`th write, and no other."""

    def __init__(self, number: int) -> None:
        super().__init__(0)
        self.number = number

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.number -= 1
        self.times = int(self.number == 0)
        super().advance(account_id, before, after, effect)


@pytest.mark.parametrize(
    ("buffered", "arrived", "number", "applied", "duplicates"),
    [
        pytest.param([], [1, 2, 3, 4], 3, 3, 1, id="only events that the other worker applied are duplicates"),
        pytest.param([], [1, 1, 2, 2, 3], 2, 2, 3, id="a repetition is counted once"),
        pytest.param([2, 3], [1, 1], 3, 2, 1, id="a buffered event that is applied hides no repetition"),
    ],
)
def test_duplicates_are_counted_once_despite_another_worker(
    buffered: list[int], arrived: list[int], number: int, applied: int, duplicates: int
) -> None:
    store = InboxContendedAt(number + bool(buffered))
    inbox = Inbox(store, RecordingHandler())
    if buffered:
        inbox.receive("a", arrivals("a", buffered), NOW)
    received = inbox.receive("a", arrivals("a", arrived), NOW)
    assert (received.applied, received.duplicates, received.error) == (applied, duplicates, None)


def test_the_last_allowed_stale_revision_is_retried() -> None:
    received = Inbox(ContendedInbox(STALE_REVISIONS_MAX - 1), RecordingHandler()).receive(
        "a", arrivals("a", range(1, 50)), NOW
    )
    assert (received.error, received.unsafe, received.position.last) == (None, None, 49)


def test_too_many_stale_revisions_are_unavailable() -> None:
    received = Inbox(ContendedInbox(STALE_REVISIONS_MAX), RecordingHandler()).receive(
        "a", arrivals("a", range(1, 50)), NOW
    )
    assert isinstance(received.error, Unavailable)
    assert received.unsafe is not None


def test_the_memory_inbox_refuses_a_stale_revision() -> None:
    memory = MemoryInbox()
    memory.advance("a", Position(), Position(1, revision=1), None)
    with pytest.raises(StaleRevision):
        memory.advance("a", Position(), Position(1, revision=1), None)
