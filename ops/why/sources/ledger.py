"""Rows of the accounts table, read by key or by Query; never by Scan."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import Credited, EventRow, StoredRow, Transfer, Withdrawn
from account_core.rows.items import (
    from_item,
    is_snapshot_version,
    sequence_from,
    snapshots_among,
    version_in,
    version_of,
)
from account_core.rows.items import occurred_at as time_of
from account_core.rows.layout import (
    COMMAND_ID,
    CORRELATION_ID,
    REQUEST_ID,
    TYPE,
    VERSION,
    command_query,
    key,
    parts_of_key,
    rows_query,
)
from account_core.service.head import timestamp
from account_core.service.loading import load_moment
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from ops.why.facts import EventKey, LedgerRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def newest(client: "DynamoDBClient", table: str, account_id: str, events: int) -> list[LedgerRow]:
    """At most so many of an account's newest events, newest first."""
    limit = events + snapshots_among(events)
    page = client.query(
        TableName=table, ConsistentRead=True, ScanIndexForward=False, Limit=limit, **rows_query(account_id)
    )
    rows = [row for item in page["Items"] if (row := _row(item))]
    return rows[:events]


def of_event(client: "DynamoDBClient", table: str, event: EventKey) -> LedgerRow | None:
    """The row of an event."""
    item = client.get_item(
        TableName=table, ConsistentRead=True, Key=key(event.account_id, version_of(event.sequence))
    ).get("Item")
    return _row(item) if item else None


def of_transfer(client: "DynamoDBClient", table: str, row: LedgerRow) -> EventKey | None:
    """The other event of a row's transfer, on the counterparty's account.

    Both events have the same time, by which it is found, however old it is.

    Raises:
        Unavailable, Corrupt: the counterparty's rows cannot be read.
    """
    if row.transfer is None or row.at is None:
        return None
    store = DynamoDBAccountStore(client, client, table)
    account_id, used = row.transfer.counterparty, Usage()
    head = load_moment(store, account_id, timestamp(row.at), used)
    for found in store.newest(account_id, used, up_to=version_of(head.sequence)) if head.sequence else ():
        transfer = _transfer(found)
        if transfer is not None and transfer.transfer_id == row.transfer.transfer_id:
            return EventKey(account_id, sequence_from(found.version))
    return None


def of_command(client: "DynamoDBClient", table: str, account_id: str, command_id: str) -> EventKey | None:
    """The event that a command of an account made, by the index of the idempotency keys."""
    page = client.query(TableName=table, ConsistentRead=True, **command_query(account_id, command_id))
    for item in page["Items"]:
        version = version_in(item[VERSION]["N"])
        if version is not None and not is_snapshot_version(version):
            return EventKey(account_id, sequence_from(version))
    return None


def _row(item: Mapping[str, Any]) -> LedgerRow | None:
    """An event's row; None for a snapshot, and for a key that no event can have."""
    account_id, number = parts_of_key(item)
    version = version_in(number) if number else None
    if account_id is None or not version or is_snapshot_version(version):
        return None
    problem = ""
    transfer: Transfer | None = None
    try:
        transfer = _transfer(from_item(item))
    except Corrupt as error:
        problem = str(error)
    at = time_of(item)
    return LedgerRow(
        EventKey(account_id, sequence_from(version)),
        version,
        datetime.fromisoformat(at) if at else None,
        _text(item, TYPE) or "?",
        _text(item, CORRELATION_ID),
        _text(item, REQUEST_ID),
        _text(item, COMMAND_ID),
        problem,
        transfer,
    )


def _transfer(row: StoredRow) -> Transfer | None:
    match row:
        case EventRow(event=Credited(transfer=transfer) | Withdrawn(transfer=transfer)):
            return transfer
    return None


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    text = value.get("S") if isinstance(value, Mapping) else None
    return text if isinstance(text, str) else None
