"""Releases in the middle of deliveries, and deliveries, crashes and other releases in the middle of a release."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st

from account_events.testing.mapping import remainder
from account_events.testing.records import StreamRecord
from ops.recovery.release import Releaser
from projector.errors import Unavailable
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_record

if TYPE_CHECKING:
    from projector.outgoing import Publisher
    from projector.parking import Parking
    from projector.project import Ledger

happenings = st.sampled_from(["nothing", "deliver", "release", "repair", "restart", "crash", "down"])
scripts = st.lists(happenings, max_size=40)
interleavings = st.lists(st.sampled_from("aaab"), min_size=2, max_size=24)
poisons = st.sets(st.integers(0, 7), min_size=1, max_size=3)
turns = st.lists(st.booleans(), max_size=20)
ROUNDS_MAX = 200


class Crash(Exception):
    """The operator's process ends."""


class InterruptedPort:
    """A port of the releaser, with a step of the script before and after each request."""

    def __init__(self, port: object, happen: Callable[[], None]) -> None:
        self._port = port
        self._happen = happen

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- a method of the port
        def request(*arguments: object) -> object:
            self._happen()
            answer = getattr(self._port, name)(*arguments)
            self._happen()
            return answer

        return request


class World:
    """A stack, its projector and its operators; `script` decides what happens at each point of interleaving."""

    def __init__(self, names: Sequence[str], poisonous: set[int], script: Sequence[str]) -> None:
        self.projector = MemoryProjector()
        self.records = _records(names)
        self.rows = [record["dynamodb"]["NewImage"] for record in self.records]
        for position in poisonous & set(range(len(self.records))):
            change = self.records[position]["dynamodb"]
            change["NewImage"] = deepcopy(change["NewImage"]) | {"Format": {"N": "99"}}
        self.projector.ledger.put(record["dynamodb"]["NewImage"] for record in self.records)
        self.queue: Sequence[StreamRecord] = self.records
        self.script: Iterator[str] = iter(script)
        self.projector.parking.fails = lambda _: self._happen_to_projector()
        self._depth = 0

    def repair(self) -> None:
        self.projector.ledger.put(self.rows)

    def deliver(self) -> None:
        batch, behind = self.queue[:3], self.queue[3:]
        if batch and self._depth < 3:
            self._depth += 1
            self.queue = []  # Lambda delivers one batch of a shard at a time
            self.queue = [*remainder(batch, self.projector.deliver(batch)), *behind]
            self._depth -= 1

    def release_all(self) -> None:
        """An operator releases every parked account."""
        if self._depth >= 3:
            return
        self._depth += 1
        ports: Any = [InterruptedPort(port, self._happen) for port in (self.projector.parking, self.projector.ledger)]
        publisher = InterruptedPort(self.projector.publisher, self._happen)
        releaser = Releaser(
            cast("Parking", ports[0]),
            cast("Ledger", ports[1]),
            cast("Publisher", publisher),
            clock=self.projector.kinesis.clock,
            page_events=2,
        )
        try:
            for parked in list(self.projector.parking.parked.values()):
                releaser.release(parked)
        except (Crash, Unavailable):
            pass
        self._depth -= 1

    def _happen(self) -> None:
        match next(self.script, "nothing"):
            case "deliver":
                self.deliver()
            case "release":
                self.release_all()
            case "repair":
                self.repair()
            case "restart":
                self.projector.restart()
            case "crash":
                raise Crash
            case "down":
                raise Unavailable("ThrottlingException")

    def _happen_to_projector(self) -> None:
        match next(self.script, "nothing"):
            case "release":
                self.release_all()
            case "repair":
                self.repair()
            case "down":
                raise Unavailable("ThrottlingException")


def _records(names: Sequence[str]) -> list[StreamRecord]:
    rows = {name: history(name, 60) for name in names}
    return [stream_record(next(rows[name]), number) for number, name in enumerate(names)]


@given(interleavings, poisons, scripts, turns)
def test_no_event_is_lost_and_none_overtakes_its_predecessor(
    names: list[str], poisonous: set[int], script: list[str], are_deliveries: list[bool]
) -> None:
    world = World(names, poisonous, script)
    for is_delivery in are_deliveries:
        (world.deliver if is_delivery else world.release_all)()
    world.repair()
    for _ in range(ROUNDS_MAX):
        world.deliver()
        world.release_all()
        if not world.queue and not world.projector.parking.parked:
            break
    assert not world.queue
    assert not world.projector.parking.parked
    last: dict[str, int] = {}
    for event in world.projector.kinesis.events():
        account_id, sequence = event.fields["account_id"], event.fields["sequence"]
        assert sequence <= last.get(account_id, 0) + 1, f"{account_id}:{sequence} came before its predecessor"
        last[account_id] = max(sequence, last.get(account_id, 0))
    stored = [row["AccountId"]["S"] for row in world.rows if "CorrelationId" in row]
    assert last == {name: stored.count(name) for name in set(stored)}
