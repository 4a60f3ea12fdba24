"""The feed: what is looked at while pages are open, and while none is."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from ops.console.feed import Feed
from ops.console.hub import Cursor, Hub
from ops.console.published import Arrived
from ops.console.subject import Pace
from tests.unit.console.given import arrivals

PATIENCE_S = 30.0


class FakeWatch:
    """A stack with events that the test adds."""

    def __init__(self) -> None:
        self.events: list[Arrived] = []
        self.looks = 0
        self.defects: list[Exception] = []
        self.fails_first = False
        self.parked: list[str] = []

    def read(self) -> Iterator[Arrived]:
        if self.defects:
            raise self.defects.pop()
        events, self.events = self.events, []
        yield from events

    def status(self, newest: Mapping[str, Any] | None) -> dict[str, Any]:
        self.looks += 1
        if self.looks == 1 and self.fails_first:
            raise KeyError("a defect")
        return {"newest": newest["sequence"] if newest else None, "parked": list(self.parked)}


class FakeDoctor:
    """Counts the runs that are asked for."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.starts = threading.Event()

    def start(self) -> None:
        self.starts.set()

    def start_if_older(self, age_s: float) -> None:
        self.ages.append(age_s)

    def stop(self) -> None:
        """Nothing runs."""


class World:
    """A running feed that reads the stream all the time, but looks at the rest only when it is asked to."""

    def __init__(self) -> None:
        self.watch, self.doctor, self.hub = FakeWatch(), FakeDoctor(), Hub("g")
        self.feed = Feed(self.watch, self.hub, self.doctor, Pace(0.01, 3_600.0, 60.0))  # type: ignore[arg-type]

    def sequences(self) -> Sequence[int]:
        found, cursor = list[int](), Cursor(0)
        while True:
            news, cursor = self.hub.news(cursor)
            events: Any = next((data for name, data in news if name == "published"), [])
            if not events:
                return found
            found += [each["sequence"] for each in events]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.feed.start(PATIENCE_S)
    yield world
    world.feed.stop()


def test_without_a_page_only_the_event_stream_is_read(world: World) -> None:
    world.watch.events = arrivals("a", "5.00")
    assert world.feed.wait_until_read(PATIENCE_S)
    assert world.sequences() == [1, 2]
    assert (world.watch.looks, world.doctor.ages) == (0, [])


def test_a_page_that_opens_is_sent_a_status_at_once(world: World) -> None:
    world.watch.events = arrivals("a", "5.00")
    assert world.feed.wait_until_read(PATIENCE_S)
    woken = threading.Event()
    with world.hub.page(woken.set):
        assert woken.wait(PATIENCE_S)
        while not world.doctor.ages:
            assert woken.wait(PATIENCE_S)
    news, _ = world.hub.news(Cursor(2))
    assert news == [("status", {"newest": 2, "parked": []})]
    assert world.doctor.ages[0] == 60.0


def test_doctor_runs_after_a_repair(world: World) -> None:
    for parked in (["a", "b"], ["a", "b"], ["a"]):
        assert not world.doctor.starts.is_set()
        looks, world.watch.parked = world.watch.looks, parked
        world.feed.look_now()
        while world.watch.looks == looks:
            pass
    assert world.doctor.starts.wait(PATIENCE_S)


def test_a_flood_of_events_arrives_completely_and_in_order(world: World) -> None:
    world.watch.events = arrivals("a", *["1.00"] * 1_800)
    assert world.feed.wait_until_read(PATIENCE_S)
    assert world.sequences() == list(range(1, 1_802))


def test_a_defect_is_printed_and_ends_neither_loop(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.watch.defects, world.watch.fails_first = [KeyError("a defect")], True
    assert world.feed.wait_until_read(PATIENCE_S)
    world.watch.events = arrivals("a", "5.00")
    assert world.feed.wait_until_read(PATIENCE_S)
    assert world.sequences() == [1, 2]
    with world.hub.page(lambda: None):
        while not world.watch.looks:
            pass
    woken = threading.Event()
    with world.hub.page(woken.set):
        assert woken.wait(PATIENCE_S)
    assert capsys.readouterr().err.count("KeyError: 'a defect'") == 2
