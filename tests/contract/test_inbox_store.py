"""One suite for the inbox's stores: in memory, and each store in DynamoDB on moto, the emulator and DynamoDB Local."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from account_events.consumer import Gap, InboxStore, MemoryInbox
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox, ItemEffect
from account_events.consumer.errors import EffectRefused, Refused, StaleRevision, Unavailable
from account_events.consumer.position import BUFFERED_BYTES_LIMIT, GAPS_MAX, Position
from account_events.consumer.store import POSITIONS_MAX, BatchedReads
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from tests.support.read_model import make_table

URLS = {"emulator": "emulator_url", "dynamodb-local": "dynamodb_local_url"}
KINDS = ["inbox", "item", "item after an inbox"]
"""The stores in DynamoDB. The last one has a former inbox, which is empty."""
WRITES = {"inbox": "put_item", "item": "update_item", "item after an inbox": "transact_write_items"}
"""Of a new account's position, without an effect."""
NEW = Position()
FIRST = Position(3, seen=3, revision=1)
WAITING = Position(3, {5: b"\xc3\x01five", 17: b"\x00"}, 19, 1_769_851_800.25, revision=1)
ALL_MISSING = Position(3, {}, 6, 1_769_851_800.5, revision=1)


@dataclass
class Tables:
    """An inbox and a table for its consumer's effects."""

    client: Any
    inbox: DynamoDBInbox
    inbox_name: str
    effects: str

    @classmethod
    def make(cls, url: str | None) -> "Tables":
        client = client_of(url)
        effects = f"effects-{uuid.uuid4()}"
        client.create_table(
            TableName=effects,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        )
        name = make_table(client, "AccountsByOwnerInbox")
        return cls(client, DynamoDBInbox(client, name), name, effects)

    def put(self, name: str) -> dict[str, Any]:
        """An effect that can be carried out once."""
        condition = {"ConditionExpression": "attribute_not_exists(Id)"}
        return {"Put": {"TableName": self.effects, "Item": {"Id": {"S": name}}, **condition}}

    def done(self) -> set[str]:
        return {item["Id"]["S"] for item in self.client.scan(TableName=self.effects, ConsistentRead=True)["Items"]}


def inbox_of(client: Any, kind: str) -> Any:  # noqa: ANN401 -- a boto3 client; one of the stores
    """A store of KINDS, on new tables."""
    if kind == "inbox":
        return DynamoDBInbox(client, make_table(client, "AccountsByOwnerInbox"))
    former = make_table(client, "AccountsByOwnerInbox") if kind == "item after an inbox" else None
    return DynamoDBItemInbox(client, make_table(client, "AccountsByOwner"), former)


def client_of(url: str | None, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- a boto3 client
    return session().client("dynamodb", endpoint_url=url, config=loopback_config(attempts_max=attempts_max))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=list(URLS))
def client(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 -- a boto3 client
    return client_of(request.getfixturevalue(URLS[request.param]))


@pytest.fixture(params=["memory", *((server, kind) for server in ("moto", *URLS) for kind in KINDS)], ids=str)
def store(request: pytest.FixtureRequest) -> Iterator[InboxStore[Any]]:
    if request.param == "memory":
        yield MemoryInbox()
        return
    server, kind = request.param
    if server == "moto":
        with mock_aws():
            yield inbox_of(client_of(None), kind)
    else:
        yield inbox_of(client_of(request.getfixturevalue(URLS[server])), kind)


@pytest.fixture(params=list(URLS))
def tables(request: pytest.FixtureRequest) -> Tables:
    return Tables.make(request.getfixturevalue(URLS[request.param]))


def test_a_new_account_has_an_empty_position(store: InboxStore[Any]) -> None:
    assert store.position("a") == NEW


def test_a_position_reads_back_as_it_was_stored(store: InboxStore[Any]) -> None:
    store.advance("a", NEW, FIRST, None)
    store.advance("ä/\u2028", NEW, WAITING, None)
    assert (store.position("a"), store.position("ä/\u2028"), store.position("b")) == (FIRST, WAITING, NEW)


def test_a_batched_read_returns_what_single_reads_return(store: InboxStore[Any]) -> None:
    assert isinstance(store, BatchedReads)
    accounts = ["a", "ä/\u2028", *(f"account-{number}" for number in range(POSITIONS_MAX - 2))]
    store.advance("a", NEW, FIRST, None)
    store.advance("ä/\u2028", NEW, WAITING, None)
    for number in range(0, 90, 3):
        store.advance(f"account-{number}", NEW, replace(ALL_MISSING, seen=number + 4), None)
    assert store.positions(accounts) == {account_id: store.position(account_id) for account_id in accounts}
    assert store.positions(["b"]) == {"b": NEW}


def test_a_batched_read_sees_every_write_before_it(store: InboxStore[Any]) -> None:
    assert isinstance(store, BatchedReads)
    position = NEW
    for number in range(20):
        after = Position(number + 1, seen=number + 1, revision=number + 1)
        store.advance("a", position, after, None)
        assert store.positions(["b", "a"]) == {"a": after, "b": NEW}
        position = after


def test_large_positions_are_read_although_not_in_one_answer(client: Any, kind: str) -> None:  # noqa: ANN401
    """An answer is limited to 16 MB: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""
    full = Position(3, {5: b"x" * BUFFERED_BYTES_LIMIT}, 9, 1_769_851_800.25, revision=1)
    inbox, accounts = inbox_of(client, kind), [f"account-{number}" for number in range(POSITIONS_MAX)]
    for account_id in accounts:
        inbox.advance(account_id, NEW, full, None)
    read = inbox.positions(accounts)
    assert read
    assert all(position == full for position in read.values()), "an account that was not read is not a new one"


def test_only_a_worker_with_the_newest_position_may_change_it(store: InboxStore[Any]) -> None:
    store.advance("a", NEW, FIRST, None)
    with pytest.raises(StaleRevision):
        store.advance("a", NEW, FIRST, None)
    second = replace(WAITING, revision=2)
    store.advance("a", FIRST, second, None)
    with pytest.raises(StaleRevision):
        store.advance("a", FIRST, replace(second, last=9), None)
    assert store.position("a") == second


def test_gaps_that_lasted_long_enough_are_reported(store: InboxStore[Any]) -> None:
    store.advance("a", NEW, WAITING, None)
    store.advance("b", NEW, FIRST, None)
    assert list(store.gaps(1_769_851_800.24)) == []
    assert list(store.gaps(1_769_851_800.25)) == [Gap("a", 4, 4, 1_769_851_800.25)]
    store.advance("c", NEW, ALL_MISSING, None)
    assert [(gap.account_id, gap.last) for gap in store.gaps(1_769_851_900)] == [("a", 4), ("c", 6)]
    store.advance("a", WAITING, Position(19, seen=19, revision=2), None)
    assert [gap.account_id for gap in store.gaps(1_769_851_900)] == ["c"]


def test_the_oldest_of_many_gaps_are_reported(store: InboxStore[Any]) -> None:
    for number in reversed(range(GAPS_MAX + 1)):
        store.advance(f"account-{number}", NEW, replace(ALL_MISSING, since_s=float(number)), None)
    assert [gap.since_s for gap in store.gaps(1_000.0)] == [float(number) for number in range(GAPS_MAX)]


def test_without_a_highest_sequence_the_last_applied_one_is_used(tables: Tables) -> None:
    """The first release wrote items without the highest sequence."""
    item = {"AccountId": {"S": "a"}, "Last": {"N": "3"}, "Revision": {"N": "1"}}
    tables.client.put_item(TableName=tables.inbox_name, Item=item)
    assert tables.inbox.position("a") == FIRST


def test_the_effect_and_the_advance_are_one_transaction(tables: Tables) -> None:
    tables.inbox.advance("a", NEW, FIRST, [tables.put("one"), tables.put("two")])
    assert tables.inbox.position("a") == FIRST
    with pytest.raises(StaleRevision):
        tables.inbox.advance("a", NEW, FIRST, [tables.put("three")])
    with pytest.raises(EffectRefused, match="write 2"):
        tables.inbox.advance("a", FIRST, Position(4, seen=4, revision=2), [tables.put("four"), tables.put("one")])
    assert tables.inbox.position("a") == FIRST
    assert tables.done() == {"one", "two"}


def test_an_invalid_effect_is_not_a_stale_revision(dynamodb_local_url: str) -> None:
    """Only on DynamoDB Local: the emulator accepts such a write."""
    tables = Tables.make(dynamodb_local_url)
    without_a_key = {"Put": {"TableName": tables.effects, "Item": {"Name": {"S": "one"}}}}
    with pytest.raises(Refused, match="Validation"):
        tables.inbox.advance("a", NEW, FIRST, [without_a_key])
    assert (tables.inbox.position("a"), tables.done()) == (NEW, set())


def test_an_item_that_is_too_large_is_refused_permanently(dynamodb_local_url: str) -> None:
    """Only on DynamoDB Local: the emulator accepts items of any size."""
    tables = Tables.make(dynamodb_local_url)
    large = {"Put": {"TableName": tables.effects, "Item": {"Id": {"S": "one"}, "Text": {"S": "x" * 500_000}}}}
    with pytest.raises(Refused):
        tables.inbox.advance("a", NEW, FIRST, [large])
    assert (tables.inbox.position("a"), tables.done()) == (NEW, set())


def test_a_position_that_is_too_large_is_refused_permanently(dynamodb_local_url: str, kind: str) -> None:
    """Only on DynamoDB Local, as above."""
    inbox = inbox_of(client_of(dynamodb_local_url), kind)
    with pytest.raises(Refused):
        inbox.advance("a", NEW, replace(WAITING, buffered={5: b"x" * 500_000}), None)
    assert inbox.position("a") == NEW


def test_a_full_buffer_fits_in_an_item(client: Any, kind: str) -> None:  # noqa: ANN401 -- a boto3 client
    """The events are shorter than any real one, so that their sequences take the most space."""
    size = 64
    buffered = {10**15 + number: b"x" * size for number in range(BUFFERED_BYTES_LIMIT // size)}
    full = Position(3, buffered, 10**16, 1_769_851_800.25, revision=1)
    inbox = inbox_of(client, kind)
    inbox.advance("a" * 256, NEW, full, None)
    assert inbox.position("a" * 256) == full


@pytest.mark.parametrize("account_id", ["", "x" * 2049])
def test_an_impossible_account_id_is_refused_permanently(dynamodb_local_url: str, kind: str, account_id: str) -> None:
    inbox = inbox_of(client_of(dynamodb_local_url), kind)
    with pytest.raises(Refused):
        inbox.position(account_id)
    with pytest.raises(Refused):
        inbox.positions(["a", account_id])


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_an_error_that_an_operator_can_repair_is_passed_on(emulator_url: str, kind: str, code: str) -> None:
    client = client_of(emulator_url)
    inbox = inbox_of(client, kind)
    with Stubber(client) as stub:
        stub.add_client_error(WRITES[kind], code)
        with pytest.raises(ClientError, match=code):
            inbox.advance("a", NEW, FIRST, None)


@pytest.mark.parametrize("reason", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_transaction_cancelled_for_its_content_is_refused(tables: Tables, reason: str) -> None:
    with Stubber(tables.client) as stub:
        reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": reason}]}
        stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
        with pytest.raises(Refused, match=reason):
            tables.inbox.advance("a", NEW, FIRST, [tables.put("one")])


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreachable_table_is_unavailable(nowhere_url: str, kind: str) -> None:
    client, effect = client_of(nowhere_url, attempts_max=1), ItemEffect({"Text": {"S": "x"}})
    writes = [{"Put": {"TableName": "t", "Item": {}}}]
    inbox: Any = DynamoDBItemInbox(client, "item", "inbox" if kind == "item after an inbox" else None)
    if kind == "inbox":
        inbox = DynamoDBInbox(client, "inbox")
    changes: list[Any] = [None, writes] if kind == "inbox" else [None, effect, replace(effect, replaces=True)]
    for change in changes:
        for before in (NEW, FIRST):
            with pytest.raises(Unavailable):
                inbox.advance("a", before, replace(WAITING, revision=before.revision + 1), change)
    with pytest.raises(Unavailable):
        inbox.position("a")
    with pytest.raises(Unavailable):
        inbox.positions(["a", "b"])
    with pytest.raises(Unavailable):
        inbox.gaps(0.0)
