"""Looks up accounts in the ledger, the read model and the inbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from account_core.rows.layout import rows_query
from account_events.consumer.position import gap
from ops.console.account import READ_ROWS, ROWS_MAX, page, summary
from ops.console.waiting import WaitingSource
from ops.deployment.stack import Deployment
from ops.owners.read_model import inbox_of, standings

ID_BYTES_MAX = 1024
"""No longer text can be a key. DynamoDB allows 2,048 bytes for the partition key, and this service's ids have 36."""
OWNERS_MAX = 100
"""DynamoDB API reference, BatchGetItem: items per request."""


class Accounts:
    """Reads accounts of a stack, strongly consistently.

    Args:
        deployment: the stack.
        waiting: what waits for an operator.
    """

    def __init__(self, deployment: Deployment, waiting: WaitingSource) -> None:
        self._deployment, self._waiting = deployment, waiting

    def page(self, account_id: str, before: int | None) -> dict[str, Any] | None:
        """An account for the page; None if it has no rows, or the text cannot be an id.

        Args:
            account_id: the account's id.
            before: only rows of versions below this are shown; None for the newest ones.
        """
        if not _can_be_id(account_id):
            return None
        if before is None:
            items = self._rows(account_id, ROWS_MAX)
            newest = items[:READ_ROWS]
        else:
            newest = self._rows(account_id, READ_ROWS)
            items = self._rows(account_id, ROWS_MAX, before - 1) if before > 1 else []
        if not newest:
            return None
        return page(account_id, newest, items) | self._elsewhere(account_id)

    def found(self, account_id: str) -> dict[str, Any] | None:
        """An account for the list; None if it has no rows, or the text cannot be an id."""
        if not _can_be_id(account_id):
            return None
        newest = self._rows(account_id, READ_ROWS)
        return summary(account_id, newest) if newest else None

    def owners(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """The owners of accounts in the read model, at most OWNERS_MAX of them."""
        if not account_ids:
            return {}
        table = self._deployment.outputs["OwnedTableName"]
        keys = [{"AccountId": {"S": each}} for each in account_ids[:OWNERS_MAX]]
        names = {"#owner": "Owner"}
        request = {"Keys": keys, "ProjectionExpression": "AccountId, #owner", "ExpressionAttributeNames": names}
        found = self._deployment.client("dynamodb").batch_get_item(RequestItems={table: request})
        return {
            each["AccountId"]["S"]: each["Owner"]["S"] for each in found["Responses"].get(table, ()) if "Owner" in each
        }

    def _elsewhere(self, account_id: str) -> dict[str, Any]:
        """Where the account waits, and what the read model has of it."""
        outputs, client = self._deployment.outputs, self._deployment.client("dynamodb")
        parked = next((each for each in self._waiting.parked() if each.account_id == account_id), None)
        position = inbox_of(client, outputs).position(account_id)
        waits_for = gap(account_id, position)
        standing = standings(client, outputs["OwnedTableName"], [account_id]).get(account_id)
        return {
            "parked": parked.parked_json() if parked else None,
            "waiting": self._waiting.gap(waits_for).gap_json() if waits_for else None,
            "read_model": {"sequence": standing.sequence, "balance": f"{standing.balance:.2f}"} if standing else None,
        }

    def _rows(self, account_id: str, limit: int, last: int | None = None) -> list[dict[str, Any]]:
        """The newest rows up to version `last`, newest first."""
        found: list[dict[str, Any]] = self._deployment.client("dynamodb").query(
            TableName=self._deployment.outputs["TableName"],
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=limit,
            **rows_query(account_id, last=last),
        )["Items"]
        return found


def _can_be_id(text: str) -> bool:
    return 0 < len(text.encode()) <= ID_BYTES_MAX
