"""The scenarios of a consumer with the stores of DynamoDB, on moto. Fewer seeds than in memory, which is faster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from account_events.consumer import Event, Gap
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox
from account_events.consumer.position import Position
from consumers.owners.rows import changes, row_in
from tests.simulation.consumers import Scenario, Store
from tests.support.read_model import make_table
from tests.support.release_0_2_0 import writes_to
from tests.support.seeds import play_each, seeds_of

SEEDS = seeds_of("consumers' stores", 12)


@dataclass
class OnTables(Store):
    """A store of DynamoDB, with the faults of a scenario. The rows are those of its table."""

    store: Any = None
    client: Any = None
    table: str = ""

    def position(self, account_id: str) -> Position:
        found: Position = self.store.position(account_id)
        return found

    def positions(self, account_ids: Sequence[str]) -> Any:  # noqa: ANN401 -- see BatchedReads
        return self.store.positions(account_ids)

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.before()
        self.store.advance(account_id, before, after, effect)
        self.rows = {
            item["AccountId"]["S"]: row
            for item in self.client.scan(TableName=self.table)["Items"]
            if (row := row_in(item))
        }
        if effect:
            self.applied.setdefault(account_id, []).append(int(self.rows[account_id]["Sequence"]["N"]))
        self.after()

    def gaps(self, before_s: float) -> list[Gap]:
        return list(self.store.gaps(before_s))

    def effect(self, events: Sequence[Event]) -> Any:  # noqa: ANN401 -- the store's
        return writes_to(self.table)(events) if isinstance(self.store, DynamoDBInbox) else changes(events)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("dynamodb", region_name="eu-central-1")


def new_store(client: Any, kind: str) -> OnTables:  # noqa: ANN401 -- a boto3 client
    table, inbox = make_table(client, "AccountsByOwner"), make_table(client, "AccountsByOwnerInbox")
    stores: dict[str, Any] = {
        "inbox": DynamoDBInbox(client, inbox),
        "item": DynamoDBItemInbox(client, table),
        "item after an inbox": DynamoDBItemInbox(client, table, inbox),
    }
    return OnTables(store=stores[kind], client=client, table=table)


@pytest.mark.parametrize("kind", ["inbox", "item", "item after an inbox"])
def test_every_scenario_keeps_every_promise_on(client: Any, kind: str) -> None:  # noqa: ANN401 -- a boto3 client
    play_each(lambda seed: Scenario(seed, new_store(client, kind)).play(), "consumers' stores", SEEDS)


def test_an_update_without_its_condition_is_detected(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    update = client.update_item

    def unconditional(**request: Any) -> Any:  # noqa: ANN401 -- boto3's
        del request["ConditionExpression"]
        used = request["UpdateExpression"]
        for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            request[kind] = {name: value for name, value in request[kind].items() if name in used}
        return update(**request)

    monkeypatch.setattr(client, "update_item", unconditional)
    assert any(is_detected(Scenario(seed, new_store(client, "item"))) for seed in range(40))


def is_detected(scenario: Scenario) -> bool:
    try:
        scenario.play()
    except AssertionError:
        return True
    return False
