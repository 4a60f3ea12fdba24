"""The account service reads what the read model writes: on the emulator and on DynamoDB Local."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.errors import Corrupt, Unavailable
from account_core.service.owned_accounts import OwnedAccount
from account_core.service.usage import Usage
from account_core.store.dynamodb_owned import DynamoDBOwnedAccounts
from account_events.consumer import Consumer, Inbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from account_events.consumer.errors import EffectRefused
from account_events.consumer.position import BUFFERED_BYTES_MAX
from consumers.owners.rows import changes
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from tests.support.read_model import make_table
from tests.unit.consumer.given import encoded, events_of, records, time_of

NOW = 1_000.0


class ReadModel:
    """The consumer and the query, on new tables."""

    def __init__(self, url: str) -> None:
        self.client: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config())
        self.table = make_table(self.client, "AccountsByOwner")
        self.former = make_table(self.client, "AccountsByOwnerInbox")
        self.store = DynamoDBItemInbox(self.client, self.table, self.former)
        self.consumer = Consumer(Inbox(self.store, changes, run_max=4))
        self.owned = DynamoDBOwnedAccounts(self.client, self.table)

    def page(self, owner: str, after: str | None = None, limit: int = 50) -> list[OwnedAccount]:
        return list(self.owned.page(owner, after, limit, Usage()))


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def model(request: pytest.FixtureRequest) -> ReadModel:
    return ReadModel(request.getfixturevalue(request.param))


def expected(account_id: str, events: int) -> OwnedAccount:
    all_events = events_of(account_id, events)
    return OwnedAccount(
        account_id=account_id,
        currency="EUR",
        balance=all_events[-1].balance,
        sequence=events,
        opened_at=time_of(all_events[0]),
        updated_at=time_of(all_events[-1]),
    )


def test_accounts_agree_with_their_events(model: ReadModel) -> None:
    a, b = encoded("a", 12), encoded("b", 1)
    assert model.page("owner-1") == []
    assert not model.consumer.receive(records(a[:2], b, a[1:7]), NOW).failures
    assert model.page("owner-1") == [expected("a", 7), expected("b", 1)]
    assert not model.consumer.receive(records(a[8:]), NOW).failures, "out-of-order events must be buffered"
    assert model.page("owner-1") == [expected("a", 7), expected("b", 1)]
    assert model.consumer.receive(records(a[7:8], b), NOW).duplicates == 1
    assert model.page("owner-1") == [expected("a", 12), expected("b", 1)]
    assert model.page("owner-2") == []
    assert str(expected("b", 1).balance) == "0.00"


def test_a_page_begins_after_the_given_account(model: ReadModel) -> None:
    ids = ["a", "b", "c", "d"]
    model.consumer.receive(records(*[encoded(account_id, 1) for account_id in ids]), NOW)
    used = Usage()
    page = model.owned.page("owner-1", "a", 2, used)
    assert [account.account_id for account in page] == ["b", "c"]
    assert used.requests == 1
    assert used.read_units > 0
    assert [account.account_id for account in model.page("owner-1", "c", 2)] == ["d"]


def test_a_changed_row_stops_only_its_account(model: ReadModel) -> None:
    a, b = encoded("a", 3), encoded("b", 3)
    model.consumer.receive(records(a[:2], b[:2]), NOW)
    key = {"AccountId": {"S": "a"}}
    model.client.update_item(
        TableName=model.table,
        Key=key,
        UpdateExpression="SET #s = :s, Balance = :b",
        ExpressionAttributeNames={"#s": "Sequence"},
        ExpressionAttributeValues={":s": {"N": "7"}, ":b": {"N": "1000000"}},
    )
    outcome = model.consumer.receive(records([a[2], b[2]]), NOW)
    assert [(each.account_id, type(each.error)) for each in outcome.failures] == [("a", EffectRefused)]
    assert model.page("owner-1")[1] == expected("b", 3)
    assert model.page("owner-1")[0].balance == Decimal(1_000_000)


def test_a_page_is_complete_although_its_accounts_wait(dynamodb_local_url: str) -> None:
    """An answer has at most 1 MB, and buffered events are in the index. The emulator has no such limit."""
    model, ids = ReadModel(dynamodb_local_url), [f"a{number:02}" for number in range(30)]
    model.consumer.receive(records(*[encoded(account_id, 1) for account_id in ids]), NOW)
    for account_id in ids:
        before = model.store.position(account_id)
        waiting = replace(before, buffered={3: b"x" * BUFFERED_BYTES_MAX}, seen=3, since_s=NOW, revision=2)
        model.store.advance(account_id, before, waiting, None)
    used = Usage()
    page = model.owned.page("owner-1", None, 25, used)
    assert [account.account_id for account in page] == ids[:25]
    assert used.requests == 2


def test_a_row_that_cannot_be_read_is_corrupt(model: ReadModel) -> None:
    model.client.put_item(TableName=model.table, Item={"AccountId": {"S": "a"}, "Owner": {"S": "owner-1"}})
    with pytest.raises(Corrupt, match="Currency"):
        model.page("owner-1")


def test_an_unreachable_table_is_unavailable(nowhere_url: str) -> None:
    client: Any = session().client("dynamodb", endpoint_url=nowhere_url, config=loopback_config(attempts_max=1))
    with pytest.raises(Unavailable):
        DynamoDBOwnedAccounts(client, "owned").page("owner-1", None, 50, Usage())
