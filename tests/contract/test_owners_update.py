"""The read model is updated from release 0.2.0 and taken back, on the emulator and on DynamoDB Local."""

from typing import Any

import pytest

from account_events.consumer import Consumer, Decoder, Gap, Inbox, Outcome
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from account_events.consumer.position import Position
from consumers.owners.rows import changes, row_in
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from ops.owners.read_model import RebuildingSink
from projector.dynamodb_ledger import DynamoDBLedger
from projector.outgoing import Outgoing
from tests.support import release_0_2_0
from tests.support.read_model import make_table
from tests.unit.consumer.given import arrivals, encoded, events_of, records, time_of

NOW = 1_000.0
ACCOUNTS = {"applied": [1, 2, 3], "waits": [1, 4, 6], "waits for event 1": [3], "new": []}
"""What the former release has received of each account."""
EVENTS = 7


class Stack:
    """The tables, and both releases' consumers of them."""

    def __init__(self, url: str) -> None:
        self.client: Any = session().client("dynamodb", endpoint_url=url, config=loopback_config())
        self.table, self.inbox = (make_table(self.client, name) for name in ("AccountsByOwner", "AccountsByOwnerInbox"))
        self.former = release_0_2_0.consumer_of(self.client, self.table, self.inbox)
        self.store = DynamoDBItemInbox(self.client, self.table, self.inbox)
        self.new = Consumer(Inbox(self.store, changes, run_max=4))
        for account_id, sequences in ACCOUNTS.items():
            self.send(self.former, account_id, *sequences)

    def send(self, consumer: Consumer[Any], account_id: str, *sequences: int) -> Outcome:
        datas = encoded(account_id, max(sequences, default=0))
        return consumer.receive(records(*(datas[sequence - 1] for sequence in sequences)), NOW)

    def rows(self) -> dict[str, Any]:
        items = self.client.scan(TableName=self.table, ConsistentRead=True)["Items"]
        return {row["AccountId"]["S"]: row for item in items if (row := row_in(item))}

    def sequences(self) -> dict[str, str]:
        return {account_id: row["Sequence"]["N"] for account_id, row in self.rows().items()}

    def left(self) -> list[Any]:
        found: list[Any] = self.client.scan(TableName=self.inbox, ConsistentRead=True)["Items"]
        return found

    def assert_complete(self, events: int) -> None:
        assert self.rows() == {account_id: expected(account_id, events) for account_id in ACCOUNTS}

    def rebuild(self, *, resets: bool = False) -> None:
        ledger = DynamoDBLedger(self.client, "unused")
        sink = RebuildingSink(
            self.client, self.table, self.inbox, ledger=ledger, decoder=Decoder(), now=lambda: NOW, resets=resets
        )
        for account_id in ACCOUNTS:
            datas = enumerate(encoded(account_id, EVENTS), 1)
            sink.write([Outgoing(account_id, sequence, 0, data, 0) for sequence, data in datas])
        assert sink.failed == {}


def expected(account_id: str, events: int) -> dict[str, Any]:
    all_events = events_of(account_id, events)
    return {
        "AccountId": {"S": account_id},
        "Owner": {"S": "owner-1"},
        "Currency": {"S": "EUR"},
        "OpenedAt": {"S": time_of(all_events[0])},
        "Balance": {"N": str(all_events[-1].balance)},
        "Sequence": {"N": str(events)},
        "UpdatedAt": {"S": time_of(all_events[-1])},
    }


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def stack(request: pytest.FixtureRequest) -> Stack:
    return Stack(request.getfixturevalue(request.param))


def test_every_account_continues_after_the_update(stack: Stack) -> None:
    gaps = stack.new.receive([], NOW + 1_000).gaps
    assert set(gaps) == {Gap("waits", 2, 3, NOW), Gap("waits for event 1", 1, 2, NOW)}
    for account_id in ACCOUNTS:
        assert stack.send(stack.new, account_id, 1, 2, 3, 4, 5, 6, 7).failures == []
    stack.assert_complete(7)
    assert (stack.left(), list(stack.new.receive([], NOW + 1_000).gaps)) == ([], [])


def test_a_rebuild_moves_accounts_that_have_no_more_events(stack: Stack) -> None:
    stack.rebuild()
    stack.assert_complete(EVENTS)
    assert stack.left() == []


def test_a_rebuild_clears_what_the_former_release_left(stack: Stack) -> None:
    """Its code still ran when the account had moved, and buffered an event that it received again."""
    assert stack.send(stack.new, "applied", 4).applied == 1
    assert stack.send(stack.former, "applied", 5).buffered == 1
    assert Gap("applied", 5, 5, NOW) in stack.new.receive([], NOW + 1_000).gaps
    stack.rebuild()
    stack.assert_complete(EVENTS)
    assert (stack.left(), list(stack.new.receive([], NOW + 1_000).gaps)) == ([], [])


def test_a_reset_discards_what_the_former_release_left(stack: Stack) -> None:
    assert stack.send(stack.new, "applied", 4).applied == 1
    stack.send(stack.former, "applied", EVENTS + 1)
    stack.rebuild()
    assert Gap("applied", EVENTS + 1, EVENTS + 1, NOW) in stack.new.receive([], NOW + 1_000).gaps
    stack.rebuild(resets=True)
    assert (stack.left(), list(stack.new.receive([], NOW + 1_000).gaps)) == ([], [])


def test_a_rebuild_by_the_former_release_takes_the_update_back(stack: Stack) -> None:
    """docs/operating.md: after the former release is deployed, it waits in every account until it is rebuilt."""
    for account_id in ACCOUNTS:
        assert stack.send(stack.new, account_id, 1, 2, 3, 4).failures == []
    before = stack.sequences()
    for account_id in ACCOUNTS:
        stack.send(stack.former, account_id, 7)
    assert stack.sequences() == before, "it applies nothing on top of rows that it has no position of"
    rebuild = release_0_2_0.Rebuild(stack.client, stack.table, stack.inbox)
    for account_id in ACCOUNTS:
        rebuild.write(account_id, arrivals(account_id, range(1, 7)), NOW)
    stack.assert_complete(7)
    assert DynamoDBInbox(stack.client, stack.inbox).gaps(NOW) == []

    for account_id in ACCOUNTS:
        assert stack.send(stack.former, account_id, 8).applied == 1
    for account_id in ACCOUNTS:
        assert stack.send(stack.new, account_id, 8, 9).applied == 1, "and the update can be made again"
    stack.assert_complete(9)
    assert stack.left() == []


def test_an_account_opened_while_taken_back_moves_with_the_next_update(stack: Stack) -> None:
    assert stack.send(stack.former, "new", 1, 2).applied == 2
    assert stack.store.position("new").last == 2
    assert stack.send(stack.new, "new", 2, 3).applied == 1
    assert DynamoDBInbox(stack.client, stack.inbox).position("new") == Position()
