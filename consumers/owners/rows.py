"""The read model's rows, one for each account. Pure.

| attribute | value |
|---|---|
| AccountId (S, the key), Owner (S, with AccountId the key of the index ByOwner), Currency (S) | from AccountCreated |
| Balance (N), Sequence (N), UpdatedAt (S, ISO 8601) | from the account's last event |
| OpenedAt (S, ISO 8601) | the time of its first event |

The account service answers `GET /owners/{owner}/accounts` from them (account_core/service/owned_accounts.py).
"""

from collections.abc import Callable, Sequence
from typing import Any

from account_events.consumer import AccountCreated, Event, OtherEvent

Write = dict[str, Any]
"""One item of TransactWriteItems, in DynamoDB JSON."""


class LaterRelease(Exception):
    """Only a newer release knows the event; the account waits until that release is deployed."""


def writes_to(table_name: str) -> Callable[[Sequence[Event]], list[Write]]:
    """Returns the function that turns a run of an account's events into one write.

    The write's condition is that the row has the sequence of the event before the run.
    """

    def writes(events: Sequence[Event]) -> list[Write]:
        for event in events:
            if isinstance(event, OtherEvent):
                raise LaterRelease(f"This release does not know the event {event.name}: deploy the release that does.")
        first = events[0]
        if isinstance(first, AccountCreated):
            put = {"TableName": table_name, "Item": row(first, events[-1])}
            return [{"Put": {**put, "ConditionExpression": "attribute_not_exists(AccountId)"}}]
        return [_update(table_name, first.account_id, first.sequence - 1, _balance(events[-1]))]

    return writes


def row(created: AccountCreated, last: Event) -> dict[str, Any]:
    """An account's row after its event `last`, in DynamoDB JSON."""
    return {
        "AccountId": {"S": created.account_id},
        "Owner": {"S": created.owner},
        "Currency": {"S": created.currency},
        "OpenedAt": {"S": _time(created)},
        **_balance(last),
    }


def _balance(last: Event) -> dict[str, Any]:
    assert not isinstance(last, OtherEvent)  # noqa: S101 -- refused by `writes`
    return {
        "Balance": {"N": str(last.balance)},
        "Sequence": {"N": str(last.sequence)},
        "UpdatedAt": {"S": _time(last)},
    }


def _time(event: Event) -> str:
    """The event's time in the format of the API's times."""
    return event.occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _update(table_name: str, account_id: str, before: int, changed: dict[str, Any]) -> Write:
    return {
        "Update": {
            "TableName": table_name,
            "Key": {"AccountId": {"S": account_id}},
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in changed),
            "ConditionExpression": "#Sequence = :before",
            "ExpressionAttributeNames": {f"#{name}": name for name in changed},  # Sequence is a reserved word
            "ExpressionAttributeValues": {
                ":before": {"N": str(before)},
                **{f":{name}": value for name, value in changed.items()},
            },
        }
    }
