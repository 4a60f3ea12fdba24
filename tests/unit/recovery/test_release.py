"""Releasing a parked account, whatever happens meanwhile."""

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

NOTHING_HAPPENS: Callable[[str], None] = lambda _: None  # noqa: E731 -- a default, named


class Bank:
    """One account whose event `poisonous` was stored wrong; the projector has met it, and the row is repaired since."""

    def __init__(
        self, poisonous: int = 3, met: int = 10, *, kinesis: MemoryKinesis | None = None, is_plain: bool = False
    ) -> None:
        pack = plain(BUCKETS) if is_plain else None
        # Events are a second apart: the window is too short for a predecessor that is on the stream to be repeated.
        self.replay = MemoryProjector(kinesis, pack, order_window_s=0.5)
        self.parking, self.ledger = self.replay.parking, self.replay.ledger
        self.records: list[StreamRecord] = [
            record for record in stream_records(history("a", 30)) if "CorrelationId" in record["dynamodb"]["NewImage"]
        ]
        self.ledger.put(record["dynamodb"]["NewImage"] for record in self.records)
        wrong = self.records[poisonous - 1]["dynamodb"]
        wrong["NewImage"] = deepcopy(wrong["NewImage"]) | {"Type": {"S": "INTEREST"}}
        self.meet(1, met)
        self.told: list[tuple[str, int, int]] = []
        self.releaser = Releaser(
            self.parking,
            self.ledger,
            self.replay.publisher,
            clock=self.replay.kinesis.clock,
            progress=lambda *told: self.told.append(told),
            page_events=4,
        )

    def meet(self, first: int, last: int) -> None:
        """The projector is given these events' records."""
        assert self.replay.deliver(self.records[first - 1 : last]) == {"batchItemFailures": []}

    def spoil(self, sequence: int) -> None:
        """The event's row in the table."""
        version = int(self.records[sequence - 1]["dynamodb"]["Keys"]["Version"]["N"])
        self.ledger.rows["a"][version] = {**self.ledger.rows["a"][version], "Format": {"N": "99"}}

    def repair(self) -> None:
        self.ledger.put(row for record in stream_records(history("a", 30)) for row in [record["dynamodb"]["NewImage"]])

    def release(self) -> Released:
        return self.releaser.release(self.parking.parked["a"])

    def before(self, request: str, *happens: Callable[[], object]) -> None:
        """Before each of the next requests of that name to the parked accounts, one of these happens."""
        script = iter(happens)

        def fails(name: str) -> None:
            if name == request:
                self.parking.fails = NOTHING_HAPPENS
                next(script, lambda: None)()
                self.parking.fails = fails

        self.parking.fails = fails

    def on_stream(self) -> list[int]:
        return [event.fields["sequence"] for event in self.replay.kinesis.events()]


def test_what_waits_is_published_in_order_and_the_account_is_parked_no_more() -> None:
    bank = Bank()
    assert bank.on_stream() == [1, 2]
    assert bank.release() == Released("a", 8)
    assert bank.on_stream() == list(range(1, 11))
    assert bank.parking.parked == {}
    bank.meet(11, 12)
    assert bank.on_stream() == list(range(1, 13))


def test_it_reads_and_tells_page_by_page() -> None:
    bank = Bank()
    bank.release()
    assert bank.ledger.reads == [("a", 3, 6), ("a", 7, 10)]
    assert bank.told == [("a", 6, 10), ("a", 10, 10)]


def test_what_is_held_back_while_it_publishes_goes_too_and_nothing_goes_twice() -> None:
    bank = Bank()
    bank.before("release", lambda: bank.meet(11, 11), lambda: bank.meet(12, 14))
    assert bank.release() == Released("a", 12)
    assert bank.on_stream() == list(range(1, 15))
    assert bank.parking.parked == {}


def test_one_more_event_is_held_back_each_time() -> None:
    bank = Bank(met=3)
    bank.before("release", *[lambda sequence=sequence: bank.meet(sequence, sequence) for sequence in range(4, 28)])
    assert bank.release() == Released("a", 25)
    assert bank.on_stream() == list(range(1, 28))


def test_there_is_an_end_to_it_where_a_release_is_refused_for_ever() -> None:
    bank = Bank()
    bank.parking.release = lambda parked, through: False  # type: ignore[method-assign]  # noqa: ARG005 -- its names
    released = bank.release()
    assert released.still_parked == replace(bank.parking.parked["a"], reason=HELD_BACK_TOO_FAST)
    assert bank.on_stream() == list(range(1, 11))


def test_somebody_else_releases_it_meanwhile() -> None:
    bank = Bank()
    bank.before("release", bank.parking.parked.clear)
    assert bank.release() == Released("a", 8)


@pytest.mark.parametrize(("first", "again"), [(1, list(range(1, 13))), (12, [12]), (11, [11, 12]), (5, [11, 12])])
def test_it_is_parked_elsewhere_meanwhile(first: int, again: list[int]) -> None:
    """It begins again where it has not been, and goes on where it has."""
    bank = Bank()
    bank.before("release", lambda: bank.parking.parked.update(a=Parked("a", first, 12, first, "", "")))
    assert bank.release() == Released("a", 8 + len(again))
    assert bank.on_stream() == [*range(1, 11), *again]
    assert bank.parking.parked == {}


@pytest.mark.parametrize("wrong", [3, 6, 7, 10])
def test_a_row_that_is_still_wrong_stops_it_and_what_stands_before_does_not_go_again(wrong: int) -> None:
    bank = Bank()
    bank.spoil(wrong)
    released = bank.release()
    assert released.still_parked is not None
    assert released.still_parked == bank.parking.parked["a"]
    assert (released.published, released.still_parked.first, released.still_parked.held_through) == (
        wrong - 3,
        wrong,
        10,
    )
    assert "unknown row format 99" in released.still_parked.reason
    assert bank.on_stream() == list(range(1, wrong))
    bank.meet(11, 11)
    bank.repair()
    assert bank.release() == Released("a", 12 - wrong)
    assert bank.on_stream() == list(range(1, 12))


def test_a_row_that_is_not_there_stops_it() -> None:
    bank = Bank()
    del bank.ledger.rows["a"][5]
    waits = bank.release().still_parked
    assert waits is not None
    assert (waits.first, waits.version, waits.reason) == (5, 5, NO_ROW)


def test_nothing_is_written_where_nothing_has_changed() -> None:
    bank = Bank()
    bank.spoil(3)
    first = bank.release()
    bank.parking.fails = pytest.fail
    assert bank.release() == first


def test_a_row_in_a_snapshot_s_place_holds_nothing_back() -> None:
    bank = Bank()
    bank.parking.parked["a"] = Parked("a", 10, 9, 10, "", "")
    assert bank.release() == Released("a", 0)
    assert bank.ledger.reads == []


def test_where_it_cannot_be_written_how_far_it_came_events_go_again() -> None:
    bank = Bank()
    bank.spoil(5)
    bank.before("advance", lambda: _raise(Unavailable("ThrottlingException")))
    assert bank.release().published == 2
    assert bank.parking.parked["a"].first == 3
    bank.repair()
    assert bank.release() == Released("a", 8)
    assert bank.on_stream() == [1, 2, 3, 4, *range(3, 11)]


@pytest.mark.parametrize("is_plain", [True, False])
def test_what_kinesis_does_not_accept_waits(*, is_plain: bool) -> None:
    bank = Bank(is_plain=is_plain)
    bank.replay.kinesis.refuse = {"a"}
    waits = bank.release().still_parked
    assert waits == bank.parking.parked["a"]
    assert waits is not None
    assert (waits.first, waits.version) == (3, 3)
    assert waits.reason == "Kinesis did not accept it: ProvisionedThroughputExceededException"
    bank.replay.kinesis.refuse = set()
    assert bank.release() == Released("a", 8)
    assert bank.on_stream() == list(range(1, 11))


def test_a_slow_kinesis_has_time_for_as_long_as_it_accepts_anything() -> None:
    kinesis = MemoryKinesis(latency_s=40.0)
    bank = Bank(kinesis=MemoryKinesis(clock=kinesis.clock), is_plain=True)
    bank.replay.publisher._client = kinesis  # type: ignore[assignment]  # noqa: SLF001 -- from here on it is slow
    assert bank.release() == Released("a", 8)
    assert [event.fields["sequence"] for event in kinesis.events()] == list(range(3, 11))


def test_kinesis_stops_in_the_middle() -> None:
    down = [Fault()] * 4 + [Fault(throttled=True)] * 200
    bank = Bank(met=10, kinesis=MemoryKinesis(down), is_plain=True)
    released = bank.release()
    assert (released.published, released.still_parked and released.still_parked.first) == (2, 5)
    assert bank.on_stream() == [1, 2, 3, 4]
    bank.replay.kinesis._faults = iter(())  # noqa: SLF001 -- it is well again
    assert bank.release() == Released("a", 6)
    assert bank.on_stream() == list(range(1, 11))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unavailable("ThrottlingException")])
def test_whatever_ends_it_leaves_the_account_parked_and_it_can_be_released_again(error: BaseException) -> None:
    bank = Bank()
    bank.before("release", lambda: bank.meet(11, 11), lambda: _raise(error))
    with pytest.raises(type(error)):
        bank.release()
    assert (bank.parking.parked["a"].first, bank.parking.parked["a"].held_through) == (3, 11)
    assert bank.release() == Released("a", 9)
    assert bank.on_stream() == [*range(1, 12), *range(3, 12)]
    assert bank.parking.parked == {}


def _raise(error: BaseException) -> None:
    raise error
