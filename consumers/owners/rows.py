"""The read model's rows, one for each account. Pure.

| attribute | value |
|---|---|
| AccountId (S, the key), Owner (S, with AccountId the key of the index ByOwner), Currency (S) | from AccountCreated |
| Balance (N), Sequence (N), UpdatedAt (S, ISO 8601) | from the account's last event |
| OpenedAt (S, ISO 8601) | the time of its first event |

The item also has the account's position in the inbox (account_events/consumer/dynamodb_item_inbox.py). While an account
waits for its first event, its item has only that, so that the index does not contain it.

The account service answers `GET /owners/{owner}/accounts` from the rows (account_core/service/owned_accounts.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from account_events.consumer import AccountCreated, Event, OtherEvent
from account_events.consumer.dynamodb_item_inbox import RESERVED, ItemEffect


class LaterRelease(Exception):
    """Only a newer release knows the event; the account waits until that release is deployed."""


def changes(events: Sequence[Event]) -> ItemEffect:
    """Turn a run of an account's events into one change of its row.

    Its condition is that the row has the sequence of the event before the run.
    """
    for event in events:
        if isinstance(event, OtherEvent):
            raise LaterRelease(f"This release does not know the event {event.name}: deploy the release that does.")
    first = events[0]
    if isinstance(first, AccountCreated):
        return ItemEffect(attributes(first, events[-1]), {"Sequence": None})
    return ItemEffect(_balance(events[-1]), {"Sequence": {"N": str(first.sequence - 1)}})


def row(created: AccountCreated, last: Event) -> dict[str, Any]:
    """An account's row after its event `last`, in DynamoDB JSON."""
    return {"AccountId": {"S": created.account_id}, **attributes(created, last)}


def row_in(item: Mapping[str, Any]) -> dict[str, Any]:
    """The row in an item of the table: without the position; empty if the account waits for its first event."""
    found = {name: value for name, value in item.items() if name not in RESERVED}
    return {"AccountId": item["AccountId"], **found} if found else {}


def attributes(created: AccountCreated, last: Event) -> dict[str, Any]:
    """The row's attributes except for the key."""
    return {
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
