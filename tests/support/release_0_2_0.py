"""The consumer of the accounts by owner in release 0.2.0: rows and positions are in two tables, in one transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from account_events.consumer import AccountCreated, Consumer, Event, Inbox
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
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
