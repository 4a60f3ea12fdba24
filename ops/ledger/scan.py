"""Checks every account in a table against its own events, and transfers against both accounts."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, version_in
from account_core.rows.layout import ACCOUNT_ID, TRANSFER_ID, VERSION, rows_query
from ops.ledger.check import LedgerCheck, transfer_of
from ops.ledger.transfer_check import TransferCheck

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAUSE_S = 1.0
"""Before an account whose rows contradict each other is read again. A query that runs while a transaction is carried
out may return a part of its rows (DynamoDB Developer Guide, DynamoDB transactions: read-committed isolation)."""


def check_ledger(
    client: "DynamoDBClient",
    table_name: str,
    account_ids: Iterable[str] | None = None,
    *,
    wait: Callable[[float], object],
) -> Iterator[LedgerCheck]:
    """Checks one account after the other. Memory grows with the number of accounts, not of rows.

    Every row is read by a Query per account; those of an account with findings are read a second time. Without account
    ids, it is also read by an eventually consistent Scan that finds the accounts.

    Args:
        client: a DynamoDB client.
        table_name: the table.
        account_ids: the accounts; None for all.
        wait: waits for this number of seconds.
    """
    for account_id in sorted(set(_all_accounts(client, table_name) if account_ids is None else account_ids)):
        check = _check(client, table_name, account_id)
        if check.findings:
            wait(PAUSE_S)
            check = _check(client, table_name, account_id)
        yield check


def with_transfers(
    client: "DynamoDBClient",
    table_name: str,
    checks: Iterable[LedgerCheck],
    transfers: TransferCheck,
    *,
    is_whole: bool,
) -> Iterator[LedgerCheck]:
    """The same checks; meanwhile, the events of transfers are added to `transfers`.

    Args:
        client: a DynamoDB client.
        table_name: the table.
        checks: see `check_ledger`.
        transfers: gets the accounts' transfers. Its answers are complete when all accounts have been checked.
        is_whole: whether all accounts are checked. If not, the transfers' other accounts are read as well.
    """
    for check in checks:
        transfers.add(check.transfers)
        if not is_whole:
            transfers.add(counterpart_events(client, table_name, check.account_id, check.transfers))
        yield check


def counterpart_events(
    client: "DynamoDBClient", table_name: str, account_id: str, transfers: Iterable[EventRow]
) -> Iterator[EventRow]:
    """The events of an account's transfers on the other accounts, and further events there that name the account.

    All rows of the accounts that the transfers name are read, because no index has the transfers' ids.

    Args:
        client: a DynamoDB client.
        table_name: the table.
        account_id: the account.
        transfers: its events that belong to a transfer.
    """
    found = [transfer for transfer in map(transfer_of, transfers) if transfer is not None]
    ids = {transfer.transfer_id for transfer in found}
    for other in sorted({transfer.counterparty for transfer in found}):
        pages = client.get_paginator("query").paginate(
            TableName=table_name,
            ConsistentRead=True,
            FilterExpression=f"attribute_exists({TRANSFER_ID})",
            **rows_query(other),
        )
        for page in pages:
            for item in page["Items"]:
                try:
                    row = from_item(item)
                except Corrupt:
                    continue  # it counts as missing
                if (
                    isinstance(row, EventRow)
                    and (transfer := transfer_of(row)) is not None
                    and (transfer.transfer_id in ids or transfer.counterparty == account_id)
                ):
                    yield row


def _all_accounts(client: "DynamoDBClient", table_name: str) -> set[str]:
    ids: set[str] = set()
    pages = client.get_paginator("scan").paginate(TableName=table_name, ProjectionExpression=ACCOUNT_ID)
    for page in pages:
        ids |= {item[ACCOUNT_ID]["S"] for item in page["Items"]}
    return ids


def _check(client: "DynamoDBClient", table_name: str, account_id: str) -> LedgerCheck:
    check = LedgerCheck(account_id)
    pages = client.get_paginator("query").paginate(TableName=table_name, ConsistentRead=True, **rows_query(account_id))
    for page in pages:
        for item in page["Items"]:
            try:
                row = from_item(item)
            except Corrupt as error:
                check.add_unreadable(version_in(item[VERSION]["N"]), error)
            else:
                check.add(row)
    check.end()
    return check
