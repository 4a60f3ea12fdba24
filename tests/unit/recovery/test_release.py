"""Releases of a parked account, with concurrent changes and failures."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from account_events.testing.faults import Fault
from account_events.testing.kinesis import MemoryKinesis
from ops.recovery.release import HELD_BACK_TOO_FAST, Released, Releaser
from projector.errors import Unavailable
from projector.lanes import plain
from projector.parking import Parked
from projector.parse import NO_ROW
from tests.support.memory_projector import BUCKETS, MemoryProjector
from tests.support.rows import history, stream_records

if TYPE_CHECKING:
    from account_events.testing.records import StreamRecord

NOTHING_HAPPENS: Callable[[str], None] = lambda _: None  # noqa: E731 -- a named default


class Stack:
    """An account that the projector has parked at its event `poisonous`, whose row has been repaired since.

    Args:
        poisonous: the sequence of the poison on the stream.
        delivered: the projector has received the events up to this sequence.
        kinesis: where the events arrive.
        is_plain: whether the projector publishes without aggregation.
    """

    def __init__(
        self, poisonous: int = 3, delivered: int = 10, *, kinesis: MemoryKinesis | None = None, is_plain: bool = False
    ) -> None:
        pack = plain(BUCKETS) if is_plain else None
        # Events are a second apart, so the window is too short to repeat a predecessor that is on the stream.
        self.projector = MemoryProjector(kinesis, pack, order_window_s=0.5)
        self.parking, self.ledger = self.projector.parking, self.projector.ledger
        self.records: list[StreamRecord] = [
            record for record in stream_records(history("a", 30)) if "CorrelationId" in record["dynamodb"]["NewImage"]
        ]
        self.ledger.put(record["dynamodb"]["NewImage"] for record in self.records)
        wrong = self.records[poisonous - 1]["dynamodb"]
        wrong["NewImage"] = deepcopy(wrong["NewImage"]) | {"Type": {"S": "INTEREST"}}
        self.deliver(1, delivered)
        self.progress: list[tuple[str, int, int]] = []
        self.releaser = Releaser(
            self.parking,
            self.ledger,
            self.projector.publisher,
            clock=self.projector.kinesis.clock,
            progress=lambda *report: self.progress.append(report),
            page_events=4,
        )

    def deliver(self, first: int, last: int) -> None:
        """Deliver the records of these events to the projector."""
        assert self.projector.deliver(self.records[first - 1 : last]) == {"batchItemFailures": []}

    def spoil(self, sequence: int) -> None:
        """Damage the event's row in the table."""
        version = int(self.records[sequence - 1]["dynamodb"]["Keys"]["Version"]["N"])
        self.ledger.rows["a"][version] = {**self.ledger.rows["a"][version], "Format": {"N": "99"}}

    def repair(self) -> None:
        self.ledger.put(row for record in stream_records(history("a", 30)) for row in [record["dynamodb"]["NewImage"]])

    def release(self) -> Released:
        return self.releaser.release(self.parking.parked["a"])

    def before(self, request: str, *happens: Callable[[], object]) -> None:
        """Call the next of these functions before each request of that name to the table of parked accounts."""
        script = iter(happens)

        def fails(name: str) -> None:
            if name == request:
                self.parking.fails = NOTHING_HAPPENS
                next(script, lambda: None)()
                self.parking.fails = fails

        self.parking.fails = fails

    def on_stream(self) -> list[int]:
        return [event.fields["sequence"] for event in self.projector.kinesis.events()]


def test_held_back_events_are_published_in_order_and_unparked() -> None:
    stack = Stack()
    assert stack.on_stream() == [1, 2]
    assert stack.release() == Released("a", 8)
    assert stack.on_stream() == list(range(1, 11))
    assert stack.parking.parked == {}
    stack.deliver(11, 12)
    assert stack.on_stream() == list(range(1, 13))


def test_progress_is_reported_page_by_page() -> None:
    stack = Stack()
    stack.release()
    assert stack.ledger.reads == [("a", 3, 6), ("a", 7, 10)]
    assert stack.progress == [("a", 6, 10), ("a", 10, 10)]


def test_events_held_back_meanwhile_are_published_once() -> None:
    stack = Stack()
    stack.before("release", lambda: stack.deliver(11, 11), lambda: stack.deliver(12, 14))
    assert stack.release() == Released("a", 12)
    assert stack.on_stream() == list(range(1, 15))
    assert stack.parking.parked == {}


def test_events_held_back_one_at_a_time_are_all_published() -> None:
    stack = Stack(delivered=3)
    stack.before("release", *[lambda sequence=sequence: stack.deliver(sequence, sequence) for sequence in range(4, 28)])
    assert stack.release() == Released("a", 25)
    assert stack.on_stream() == list(range(1, 28))


def test_a_release_that_keeps_being_refused_ends() -> None:
    stack = Stack()
    stack.parking.release = lambda parked, through: False  # type: ignore[method-assign]  # noqa: ARG005 -- its names
    released = stack.release()
    assert released.still_parked == replace(stack.parking.parked["a"], reason=HELD_BACK_TOO_FAST)
    assert stack.on_stream() == list(range(1, 11))


def test_a_release_by_another_process_meanwhile_is_harmless() -> None:
    stack = Stack()
    stack.before("release", stack.parking.parked.clear)
    assert stack.release() == Released("a", 8)


@pytest.mark.parametrize(("first", "again"), [(1, list(range(1, 13))), (12, [12]), (11, [11, 12]), (5, [11, 12])])
def test_a_release_follows_an_account_parked_at_another_event(first: int, again: list[int]) -> None:
    """The release restarts at events that it has not published, and continues after those it has."""
    stack = Stack()
    stack.before("release", lambda: stack.parking.parked.update(a=Parked("a", first, 12, first, "", "")))
    assert stack.release() == Released("a", 8 + len(again))
    assert stack.on_stream() == [*range(1, 11), *again]
    assert stack.parking.parked == {}


@pytest.mark.parametrize("wrong", [3, 6, 7, 10])
def test_a_wrong_row_stops_the_release_after_the_earlier_events(wrong: int) -> None:
    stack = Stack()
    stack.spoil(wrong)
    released = stack.release()
    assert released.still_parked is not None
    assert released.still_parked == stack.parking.parked["a"]
    assert (released.published, released.still_parked.first, released.still_parked.held_through) == (
        wrong - 3,
        wrong,
        10,
    )
    assert "unknown row format 99" in released.still_parked.reason
    assert stack.on_stream() == list(range(1, wrong))
    stack.deliver(11, 11)
    stack.repair()
    assert stack.release() == Released("a", 12 - wrong)
    assert stack.on_stream() == list(range(1, 12))


def test_a_missing_row_stops_the_release() -> None:
    stack = Stack()
    del stack.ledger.rows["a"][5]
    parked = stack.release().still_parked
    assert parked is not None
    assert (parked.first, parked.version, parked.reason) == (5, 5, NO_ROW)


def test_an_unchanged_parking_record_is_not_written() -> None:
    stack = Stack()
    stack.spoil(3)
    first = stack.release()
    stack.parking.fails = pytest.fail
    assert stack.release() == first


def test_a_wrong_row_in_place_of_a_snapshot_stops_nothing() -> None:
    stack = Stack()
    stack.parking.parked["a"] = Parked("a", 10, 9, 10, "", "")
    assert stack.release() == Released("a", 0)
    assert stack.ledger.reads == []


def test_events_are_repeated_if_progress_cannot_be_stored() -> None:
    stack = Stack()
    stack.spoil(5)
    stack.before("advance", lambda: _raise(Unavailable("ThrottlingException")))
    assert stack.release().published == 2
    assert stack.parking.parked["a"].first == 3
    stack.repair()
    assert stack.release() == Released("a", 8)
    assert stack.on_stream() == [1, 2, 3, 4, *range(3, 11)]


@pytest.mark.parametrize("is_plain", [True, False])
def test_events_that_kinesis_refuses_stay_held_back(*, is_plain: bool) -> None:
    stack = Stack(is_plain=is_plain)
    stack.projector.kinesis.refuse = {"a"}
    parked = stack.release().still_parked
    assert parked == stack.parking.parked["a"]
    assert parked is not None
    assert (parked.first, parked.version) == (3, 3)
    assert parked.reason == "Kinesis did not accept the event: ProvisionedThroughputExceededException"
    stack.projector.kinesis.refuse = set()
    assert stack.release() == Released("a", 8)
    assert stack.on_stream() == list(range(1, 11))


def test_a_release_continues_while_a_slow_kinesis_accepts_events() -> None:
    kinesis = MemoryKinesis(latency_s=40.0)
    stack = Stack(kinesis=MemoryKinesis(clock=kinesis.clock), is_plain=True)
    stack.projector.publisher._client = kinesis  # type: ignore[assignment]  # noqa: SLF001 -- from here on it is slow
    assert stack.release() == Released("a", 8)
    assert [event.fields["sequence"] for event in kinesis.events()] == list(range(3, 11))


def test_after_an_outage_of_kinesis_a_release_continues() -> None:
    down = [Fault()] * 4 + [Fault(throttled=True)] * 200
    stack = Stack(delivered=10, kinesis=MemoryKinesis(down), is_plain=True)
    released = stack.release()
    assert (released.published, released.still_parked and released.still_parked.first) == (2, 5)
    assert stack.on_stream() == [1, 2, 3, 4]
    stack.projector.kinesis._faults = iter(())  # noqa: SLF001 -- the outage ends
    assert stack.release() == Released("a", 6)
    assert stack.on_stream() == list(range(1, 11))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unavailable("ThrottlingException")])
def test_an_interrupted_release_leaves_the_account_parked(error: BaseException) -> None:
    stack = Stack()
    stack.before("release", lambda: stack.deliver(11, 11), lambda: _raise(error))
    with pytest.raises(type(error)):
        stack.release()
    assert (stack.parking.parked["a"].first, stack.parking.parked["a"].held_through) == (3, 11)
    assert stack.release() == Released("a", 9)
    assert stack.on_stream() == [*range(1, 12), *range(3, 12)]
    assert stack.parking.parked == {}


def _raise(error: BaseException) -> None:
    raise error
