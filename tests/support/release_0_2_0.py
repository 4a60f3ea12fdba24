"""The consumer of the accounts by owner in release 0.2.0: rows and positions are in two tables, in one transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from account_events.consumer import AccountCreated, Consumer, Event, Inbox
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.position import Arrival, moved
from consumers.owners.rows import changes, row
from consumers.owners.settings import RUN_MAX


def consumer_of(client: Any, table_name: str, inbox_table_name: str) -> Consumer[list[Any]]:  # noqa: ANN401 -- boto3's
    return Consumer(Inbox(DynamoDBInbox(client, inbox_table_name), writes_to(table_name), run_max=RUN_MAX))


def writes_to(table_name: str) -> Callable[[Sequence[Event]], list[Any]]:
    """The writes of a run of an account's events, on the condition that the row is at the event before the run."""

    def writes(events: Sequence[Event]) -> list[Any]:
        first = events[0]
        if isinstance(first, AccountCreated):
            condition = {"ConditionExpression": "attribute_not_exists(AccountId)"}
            return [{"Put": {"TableName": table_name, "Item": row(first, events[-1]), **condition}}]
        return [_update(table_name, first.account_id, first.sequence - 1, changes(events).values)]

    return writes


def _update(table_name: str, account_id: str, before: int, changed: Any) -> Any:  # noqa: ANN401 -- DynamoDB JSON
    return {
        "Update": {
            "TableName": table_name,
            "Key": {"AccountId": {"S": account_id}},
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in changed),
            "ConditionExpression": "#Sequence = :before",
            "ExpressionAttributeNames": {f"#{name}": name for name in changed},
            "ExpressionAttributeValues": {
                ":before": {"N": str(before)},
                **{f":{name}": value for name, value in changed.items()},
            },
        }
    }


class Rebuild:
    """`account-events owners rebuild --all`: the first page of an account replaces its row and its position."""

    def __init__(self, client: Any, table_name: str, inbox_table_name: str) -> None:  # noqa: ANN401 -- boto3's
        self._table_name, self._store = table_name, DynamoDBInbox(client, inbox_table_name)
        self._inbox = Inbox(self._store, writes_to(table_name), run_max=RUN_MAX)

    def write(self, account_id: str, arrivals: Sequence[Arrival], now_s: float) -> None:
        """Rebuild an account from its events, all of them."""
        created, last = arrivals[0].event, arrivals[-1].event
        assert isinstance(created, AccountCreated)
        before = self._store.position(account_id)
        assert before.last <= last.sequence
        after = moved(before, last.sequence, {}, last.sequence, now_s)
        put = [{"Put": {"TableName": self._table_name, "Item": row(created, last)}}]
        self._store.advance(account_id, before, after, put)
        assert self._inbox.receive(account_id, arrivals[-1:], now_s).error is None
