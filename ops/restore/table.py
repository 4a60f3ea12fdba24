"""The table that rows are put back into: strongly consistent reads, and writes that never overwrite an event."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from account_core.domain.events import Row, SnapshotRow, StoredRow
from account_core.rows.items import Item, from_item, key_of, to_item
from account_core.rows.layout import KEY_SCHEMA, SNAPSHOT_OR_FREE, VERSION_IS_FREE, as_found, rows_query
from account_core.service.head import Head
from account_core.service.loading import load
from account_core.service.usage import Usage
from account_core.store.dynamodb_store import DynamoDBAccountStore
from ops.restore.errors import RestoreRefused
from projector.dynamodb_errors import translated
from projector.errors import Refused, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ONLY_IF_FREE = {"ConditionExpression": VERSION_IS_FREE}


class LedgerTable:
    """One accounts table.

    Args:
        client: may retry: every write can be repeated.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self.name = name

    def describe(self) -> Any:  # noqa: ANN401 -- DescribeTable's
        """The table's description.

        Raises:
            RestoreRefused: there is no such table, or it is not an accounts table, or it is not active.
            Unavailable: DynamoDB does not answer.
        """
        try:
            with translated():
                table = self._client.describe_table(TableName=self.name)["Table"]
        except Refused:
            raise RestoreRefused(f"{self.name!r} is not a valid table name.") from None
        except Unavailable as error:
            if str(error) != "ResourceNotFoundException":
                raise
            raise RestoreRefused(f"There is no table {self.name}: restore it first, or correct the name.") from None
        if sorted(table["KeySchema"], key=lambda key: key["KeyType"]) != KEY_SCHEMA:
            raise RestoreRefused(f"The table {self.name} is not an accounts table: its key is different.")
        if table["TableStatus"] != "ACTIVE":
            raise RestoreRefused(f"The table {self.name} is {table['TableStatus']}: wait until it is ACTIVE.")
        return table

    def head_before(self, account_id: str, version: int) -> Head:
        """The account as of the rows before `version`.

        Raises:
            Corrupt: these rows are damaged.
        """
        if version == 1:
            return Head()
        return load(DynamoDBAccountStore(self._client, self._client, self.name), account_id, Usage(), version - 1)

    def rows(self, account_id: str, first: int) -> dict[int, StoredRow]:
        """The account's rows by version, from version `first` on.

        Raises:
            Corrupt: a row is damaged.
        """
        return {row.version: row for row in map(from_item, self.items(account_id, first))}

    def items(self, account_id: str, first: int, last: int | None = None) -> Iterator[Item]:
        """The account's rows in DynamoDB JSON, in version order, of these versions."""
        pages: Any = self._client.get_paginator("query").paginate(
            TableName=self.name, ConsistentRead=True, **rows_query(account_id, first, last)
        )
        for page in pages:
            yield from page["Items"]

    def put(self, row: Row) -> None:
        """Stores a row. A snapshot may replace another snapshot; an event's version must be free.

        Raises:
            RestoreRefused: another row has the version.
        """
        self._put(to_item(row), **(SNAPSHOT_OR_FREE if isinstance(row, SnapshotRow) else _ONLY_IF_FREE))

    def put_item(self, item: Item) -> None:
        """Stores a row as it is, if its version is free.

        Raises:
            RestoreRefused: another row has the version.
        """
        self._put(item, **_ONLY_IF_FREE)

    def replace_item(self, found: Item, item: Item) -> None:
        """Replaces a row that still is as it was found.

        Raises:
            RestoreRefused: the row has changed meanwhile.
        """
        self._put(item, **as_found(found, item))

    def _put(self, item: Item, **condition: Any) -> None:  # noqa: ANN401 -- PutItem's
        try:
            with translated():
                self._client.put_item(
                    TableName=self.name, Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition
                )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            if error.response.get("Item") == item:
                return  # a retry, whose first attempt succeeded
            raise RestoreRefused(
                f"row {key_of(item)} has been written meanwhile; it was not overwritten. Run the command again."
            ) from error
