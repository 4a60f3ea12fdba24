"""Checks every account in a table against its own events."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from account_core.domain.errors import Corrupt
from account_core.rows.items import from_item, version_in
from account_core.rows.layout import ACCOUNT_ID, VERSION, rows_query
from ops.ledger.check import LedgerCheck

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
