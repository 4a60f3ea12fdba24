"""The fault of a row that the projector cannot translate."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from account_core.domain.events import Credited
from account_core.rows.items import Item, to_item
from account_core.rows.layout import TYPE, VERSION, VERSION_IS_FREE
from account_core.service.head import Head, Origin, rows_for, timestamp
from local_stack.address import Address
from local_stack.faults.accounts import head_of, last_account
from local_stack.faults.catalogue import ACCOUNT, ROW
from local_stack.faults.errors import FaultRefused

WRONG_TYPE = "INTEREST"
"""A type that no release has."""
AMOUNT = Decimal("1.00")
ORIGIN = "fault-poison-row"
"""Correlation and request id of the row."""
ATTEMPTS_MAX = 5


class PoisonRow:
    """An account gets a row of an unknown type. Ending it writes the row as it should be."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._right: Item | None = None

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        account_id = settings.get(ACCOUNT) or last_account(self._address)
        for _ in range(ATTEMPTS_MAX):
            rows = poisoned(account_id, head_of(self._address, account_id), datetime.now(UTC))
            if self._is_written(rows):
                self._right = rows[0]
                return {ACCOUNT: account_id, ROW: rows[0][VERSION]["N"]}
        raise FaultRefused("Other commands change the account all the time.", "Try again, or name another account.")

    def end(self) -> None:
        """Correct the row. If somebody has corrected or deleted it already, nothing happens."""
        right, client = self._right, self._client()
        if right is None:
            return
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.put_item(
                TableName=self._table(),
                Item=right,
                ConditionExpression="#type = :wrong",
                ExpressionAttributeNames={"#type": TYPE},
                ExpressionAttributeValues={":wrong": {"S": WRONG_TYPE}},
            )
        self._right = None

    def _is_written(self, rows: list[Item]) -> bool:
        """Write the rows in one transaction, the first with the wrong type; False if a version is taken."""
        client = self._client()
        wrong = [{**rows[0], TYPE: {"S": WRONG_TYPE}}, *rows[1:]]
        puts = [{"TableName": self._table(), "Item": item, "ConditionExpression": VERSION_IS_FREE} for item in wrong]
        try:
            client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except client.exceptions.TransactionCanceledException:
            return False
        return True

    def _client(self) -> Any:  # noqa: ANN401 -- a boto3 client
        return self._address.client("dynamodb")

    def _table(self) -> str:
        return self._address.outputs["TableName"]


def poisoned(account_id: str, head: Head, now: datetime) -> list[Item]:
    """The rows of the account's next event, a credit, as they should be: the event, and any snapshot after it."""
    origin = Origin(timestamp(now), ORIGIN, ORIGIN)
    return [to_item(row) for row in rows_for(account_id, head, Credited(AMOUNT), origin)]
