"""What is particular to DynamoDBItemInbox: the position is in the consumer's item, and one write changes both."""

from typing import Any

import pytest

from account_events.consumer.dynamodb_item_inbox import RESERVED, DynamoDBItemInbox, ItemEffect
from account_events.consumer.dynamodb_positions import ATTRIBUTES
from account_events.consumer.errors import EffectRefused, Refused, StaleRevision
from account_events.consumer.position import Position
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from tests.support.read_model import make_table

NEW = Position()
FIRST = Position(1, seen=1, revision=1)
SECOND = Position(2, seen=2, revision=2)
WAITING = Position(2, {4: b"\xc3\x01four"}, 4, 1_769_851_800.25, revision=2)
OPENED = ItemEffect({"Owner": {"S": "o"}, "Sequence": {"N": "1"}}, {"Sequence": None})
CREDITED = ItemEffect({"Sequence": {"N": "2"}}, {"Sequence": {"N": "1"}})
UNKNOWN = ItemEffect({"Sequence": {"N": "3"}}, {"Sequence": {"N": "2"}})


class Items:
    """The store on a new table, and what it requests."""

    def __init__(self, url: str, *, has_former: bool) -> None:
        self.client: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config())
        self.table = make_table(self.client, "AccountsByOwner")
        former = make_table(self.client, "AccountsByOwnerInbox") if has_former else None
        self.inbox = DynamoDBItemInbox(self.client, self.table, former)
        self.requests: list[str] = []
        self.client.meta.events.register("before-call.dynamodb", self._record)

    def _record(self, model: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's
        self.requests.append(model.name)

    def item(self) -> dict[str, Any]:
        found = self.client.get_item(TableName=self.table, Key={"AccountId": {"S": "a"}}, ConsistentRead=True)
        item: dict[str, Any] = found.get("Item", {})
        return item

    def row(self) -> dict[str, Any]:
        return {name: value for name, value in self.item().items() if name not in RESERVED}


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[False, True], ids=["alone", "after an inbox"])
def items(request: pytest.FixtureRequest, url: str) -> Items:
    return Items(url, has_former=request.param)


def test_the_effect_and_the_position_are_in_one_item(items: Items) -> None:
    items.inbox.advance("a", NEW, FIRST, OPENED)
    items.inbox.advance("a", FIRST, WAITING, CREDITED)
    assert items.row() == {"Owner": {"S": "o"}, "Sequence": {"N": "2"}}
    assert items.inbox.position("a") == WAITING
    assert set(ATTRIBUTES) < set(items.item())


def test_a_known_account_takes_one_read_and_one_update(items: Items) -> None:
    items.inbox.advance("a", NEW, FIRST, OPENED)
    items.requests.clear()
    assert items.inbox.positions(["a"]) == {"a": FIRST}
    items.inbox.advance("a", items.inbox.position("a"), SECOND, CREDITED)
    assert items.requests == ["BatchGetItem", "GetItem", "UpdateItem"]


def test_what_an_account_waited_with_is_removed_from_its_item(items: Items) -> None:
    items.inbox.advance("a", NEW, WAITING, OPENED)
    items.inbox.advance("a", WAITING, Position(4, seen=4, revision=3), ItemEffect({"Sequence": {"N": "4"}}))
    assert set(items.item()) == {"AccountId", "Owner", "Sequence", "Last", "Seen", "Revision"}


def test_a_failed_condition_of_the_effect_writes_nothing(items: Items) -> None:
    with pytest.raises(EffectRefused):
        items.inbox.advance("a", NEW, FIRST, CREDITED)
    items.inbox.advance("a", NEW, FIRST, OPENED)
    for effect in (OPENED, UNKNOWN):
        with pytest.raises(EffectRefused):
            items.inbox.advance("a", FIRST, WAITING, effect)
    assert (items.inbox.position("a"), items.row()) == (FIRST, dict(OPENED.values))


def test_a_stale_revision_is_not_a_refused_effect(items: Items) -> None:
    """Both conditions fail: the effect's may hold once the position has been read again."""
    items.inbox.advance("a", NEW, FIRST, OPENED)
    for before in (NEW, SECOND):
        with pytest.raises(StaleRevision):
            items.inbox.advance("a", before, SECOND, UNKNOWN)
    assert (items.inbox.position("a"), items.row()) == (FIRST, dict(OPENED.values))


def test_an_account_that_waits_for_its_first_event_has_no_owner(items: Items) -> None:
    items.inbox.advance("a", NEW, Position(0, {2: b"two"}, 2, 1.0, revision=1), None)
    assert items.row() == {}
    query = {"KeyConditionExpression": "#o = :o", "ExpressionAttributeNames": {"#o": "Owner"}}
    found = items.client.query(
        TableName=items.table, IndexName="ByOwner", ExpressionAttributeValues={":o": {"S": "o"}}, **query
    )
    assert found["Items"] == []
    items.inbox.advance("a", items.inbox.position("a"), Position(2, seen=2, revision=2), OPENED)
    assert items.row() == dict(OPENED.values)


def test_an_effect_can_replace_all_other_attributes(items: Items) -> None:
    items.inbox.advance("a", NEW, FIRST, ItemEffect({"Wrong": {"S": "x"}, "Sequence": {"N": "9"}}))
    items.inbox.advance("a", FIRST, WAITING, ItemEffect(OPENED.values, replaces=True))
    assert (items.inbox.position("a"), items.row()) == (WAITING, dict(OPENED.values))
    with pytest.raises(StaleRevision):
        items.inbox.advance("a", FIRST, SECOND, ItemEffect({}, replaces=True))
    with pytest.raises(EffectRefused):
        items.inbox.advance("a", WAITING, SECOND, ItemEffect({}, {"Sequence": None}, replaces=True))


def test_an_account_may_be_replaced_before_it_has_a_position(items: Items) -> None:
    items.inbox.advance("a", NEW, FIRST, ItemEffect(OPENED.values, replaces=True))
    assert (items.inbox.position("a"), items.row()) == (FIRST, dict(OPENED.values))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_effect_has_none_of_the_positions_attributes(items: Items, name: str) -> None:
    for effect in (ItemEffect({name: {"N": "7"}}), ItemEffect({}, {name: {"N": "7"}})):
        with pytest.raises(Refused, match=name):
            items.inbox.advance("a", NEW, FIRST, effect)
    assert items.item() == {}
