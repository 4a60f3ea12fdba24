"""A DynamoDBItemInbox replaces a DynamoDBInbox while both versions of a consumer may run: no event is applied twice."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from account_events.consumer import Event, Inbox
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox, ItemEffect
from account_events.consumer.dynamodb_positions import attributes
from account_events.consumer.errors import Unavailable
from account_events.consumer.position import GAPS_MAX, Gap, Position
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from tests.support.read_model import make_table
from tests.unit.consumer.given import arrivals

NOW = 1_000.0
EVENTS = 6
Interrupt = Callable[[], None]


class Killed(BaseException):
    """The process has ended."""


@dataclass
class Spied:
    """A store; `interrupt` is called before and after each of its calls. `applied` has the events that it applied."""

    store: Any
    applied: list[int]
    interrupt: Interrupt = lambda: None

    def position(self, account_id: str) -> Position:
        self.interrupt()
        found: Position = self.store.position(account_id)
        self.interrupt()
        return found

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.interrupt()
        self.store.advance(account_id, before, after, effect)
        self.applied += range(before.last + 1, after.last + 1)
        self.interrupt()

    def gaps(self, before_s: float) -> list[Gap]:
        return list(self.store.gaps(before_s))


@dataclass
class Versions:
    """The former and the new version of a consumer.

    Effects have no condition of their own, except that the former version creates an item only if there is none.
    """

    client: Any
    table: str
    former_table: str
    applied: list[int] = field(default_factory=list)

    @classmethod
    def make(cls, url: str) -> "Versions":
        client: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config())
        return cls(client, make_table(client, "AccountsByOwner"), make_table(client, "AccountsByOwnerInbox"))

    @property
    def store(self) -> DynamoDBItemInbox:
        return DynamoDBItemInbox(self.client, self.table, self.former_table)

    @property
    def former_store(self) -> DynamoDBInbox:
        return DynamoDBInbox(self.client, self.former_table)

    def new(self, *sequences: int, interrupt: Interrupt = lambda: None) -> Exception | None:
        """The new version receives these events; returns the error."""
        spied = Spied(self.store, self.applied, interrupt)
        inbox = Inbox(spied, lambda events: ItemEffect({"Sequence": _last(events)}), run_max=2)
        return inbox.receive("a", arrivals("a", sequences), NOW).error

    def former(self, *sequences: int, interrupt: Interrupt = lambda: None) -> Exception | None:
        """The former version receives these events; returns the error."""
        spied = Spied(self.former_store, self.applied, interrupt)
        return Inbox(spied, self._writes, run_max=2).receive("a", arrivals("a", sequences), NOW).error

    def _writes(self, events: Any) -> list[Any]:  # noqa: ANN401 -- events
        update: Any = {
            "TableName": self.table,
            "Key": {"AccountId": {"S": "a"}},
            "UpdateExpression": "SET #s = :s",
            "ExpressionAttributeNames": {"#s": "Sequence"},
            "ExpressionAttributeValues": {":s": _last(events)},
        }
        if events[0].sequence == 1:
            update["ConditionExpression"] = "attribute_not_exists(AccountId)"
        return [{"Update": update}]

    def sequence(self) -> int:
        found = self.client.get_item(TableName=self.table, Key={"AccountId": {"S": "a"}}, ConsistentRead=True)
        return int(found["Item"]["Sequence"]["N"])

    def assert_complete(self) -> None:
        """After the update, every event is delivered to the new version once more."""
        assert self.new(*range(1, EVENTS + 1)) is None
        assert self.applied == [*range(1, EVENTS + 1)]
        assert (self.store.position("a").last, self.sequence()) == (EVENTS, EVENTS)
        self.store.delete_former("a")
        assert self.store.gaps(NOW) == []
        assert self.former_store.position("a") == Position()


def _last(events: Sequence[Event]) -> Any:  # noqa: ANN401 -- DynamoDB JSON
    return {"N": str(events[-1].sequence)}


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def versions(url: str) -> Versions:
    return Versions.make(url)


def test_an_account_continues_where_the_former_version_ended(versions: Versions) -> None:
    assert versions.former(1, 2, 3) is None
    assert versions.store.positions(["a"])["a"].last == versions.store.position("a").last == 3
    assert versions.new(2, 3, 4, 5) is None
    assert versions.former_store.position("a") == Position()
    assert versions.store.position("a").last == 5
    versions.assert_complete()


def test_a_waiting_account_moves_with_its_buffer_and_its_gap(versions: Versions) -> None:
    assert versions.former(1, 4, 6) is None
    gap = Gap("a", 2, 3, NOW)
    assert versions.store.gaps(NOW) == [gap], "before it moves, the former inbox reports it"
    assert versions.new(5) is None
    assert versions.former_store.gaps(NOW) == []
    assert versions.store.gaps(NOW) == [gap], "it has waited since the same time"
    assert set(versions.store.position("a").buffered) == {4, 5, 6}
    assert versions.new(2, 3) is None
    assert versions.applied == [1, 2, 3, 4, 5, 6]
    versions.assert_complete()


def test_gaps_of_both_inboxes_are_reported_oldest_first(versions: Versions) -> None:
    def waits(since_s: float) -> Position:
        return Position(1, {3: b"three"}, 3, since_s, revision=1)

    for account_id, since_s, store in (("b", 3.0, versions.store), ("c", 2.0, versions.former_store)):
        store.advance(account_id, Position(), waits(since_s), None)
    assert [gap.account_id for gap in versions.store.gaps(NOW)] == ["c", "b"]
    assert [gap.account_id for gap in versions.store.gaps(2.0)] == ["c"]


def test_leftovers_without_a_gap_do_not_hide_a_gap(versions: Versions) -> None:
    """The earlier version has left positions of accounts that have all their events, and one that lacks event 3."""
    [*caught_up, behind] = [f"a{number:03}" for number in range(GAPS_MAX + 1)]
    for number, account_id in enumerate([*caught_up, behind]):
        waits = Position(0, {3: b"three"}, 3, float(number), revision=1)
        versions.former_store.advance(account_id, Position(), waits, None)
        last = 2 if account_id == behind else 3
        item = {"AccountId": {"S": account_id}, **attributes(Position(last, seen=last, revision=1))}
        versions.client.put_item(TableName=versions.table, Item=item)
    assert versions.store.gaps(NOW) == [Gap(behind, 3, 3, GAPS_MAX)]


def test_the_former_version_cannot_follow_an_account_that_has_moved(versions: Versions) -> None:
    """It waits for event 1. The events that it buffered are reported as a gap until the account has them."""
    assert versions.former(1, 2) is None
    assert versions.new(3) is None
    assert versions.former(4) is None
    assert versions.applied == [1, 2, 3]
    versions.store.delete_former("a")
    assert versions.store.gaps(NOW) == [Gap("a", 4, 4, NOW)], "event 4 was delivered and not applied"
    assert versions.new(6) is None
    assert versions.store.gaps(NOW) == [Gap("a", 4, 5, NOW)], "an account is reported once"
    assert versions.new(4, 5) is None
    assert versions.store.gaps(NOW) == []
    assert versions.former_store.gaps(NOW) == [Gap("a", 1, 3, NOW)], "what it left is not deleted by a read"
    versions.assert_complete()


def test_only_what_the_account_has_outgrown_is_deleted(versions: Versions) -> None:
    versions.store.delete_former("a")
    assert versions.former(1, 3) is None
    versions.store.delete_former("a")
    assert versions.former_store.position("a").last == 1, "an account that has not moved is not changed"
    assert versions.new(2, 3) is None
    assert versions.former(5) is None
    versions.store.delete_former("a")
    assert versions.former_store.position("a").seen == 5, "the account lacks event 5"
    versions.store.delete_former("a", discards=True)
    assert versions.former_store.position("a") == Position()


STARTS = {"new account": (), "applied": (1, 2, 3), "waits": (1, 4), "waits for event 1": (3,)}
"""What the former version has received before the update."""


@dataclass
class Once:
    """An Interrupt that acts at one moment: the calls of the store are counted, before and after each."""

    moment: int
    is_reached: bool = False

    def by(self, act: Interrupt) -> Interrupt:
        moments = count()

        def interrupt() -> None:
            if next(moments) == self.moment:
                self.is_reached = True
                act()

        return interrupt


def each_moment(play: Callable[[Once], None]) -> int:
    """Call `play` with each moment that it has; returns their number."""
    for moment in count():
        once = Once(moment)
        play(once)
        if not once.is_reached:
            break
    return moment


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("first", ["new", "former"])
def test_both_versions_at_once_apply_no_event_twice(url: str, start: tuple[int, ...], first: str) -> None:
    """At every moment of one version's calls, the other one receives the same events, which a retry may deliver."""
    second = {"new": "former", "former": "new"}[first]

    def play(once: Once) -> None:
        versions = Versions.make(url)
        versions.former(*start)
        getattr(versions, first)(2, 5, 3, 4, 1, interrupt=once.by(lambda: getattr(versions, second)(1, 2, 3, 4)))
        assert versions.applied == [*range(1, len(versions.applied) + 1)]
        versions.assert_complete()

    assert each_moment(play) >= 4


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("fault", [Killed, Unavailable])
def test_a_crash_at_any_moment_of_the_move_loses_nothing(
    url: str, start: tuple[int, ...], fault: type[BaseException]
) -> None:
    """Unavailable after a write stands for a lost response: the write was carried out."""

    def fail() -> None:
        raise fault("at this moment")

    def play(once: Once) -> None:
        versions = Versions.make(url)
        versions.former(*start)
        with suppress(Killed):
            versions.new(1, 2, 3, 4, 5, interrupt=once.by(fail))
        assert versions.applied == [*range(1, len(versions.applied) + 1)]
        versions.assert_complete()

    assert each_moment(play) >= 4
