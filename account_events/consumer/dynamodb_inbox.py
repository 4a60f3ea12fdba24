"""An inbox store in DynamoDB: one transaction writes the consumer's effect and the new position.

The positions have a table of their own, with one item for each account
(`account_events.consumer.dynamodb_positions`). `account_events.consumer.dynamodb_item_inbox` is cheaper, for consumers
that keep one item for each account.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from account_events.consumer.dynamodb_positions import (
    ERRORS,
    Positions,
    attributes,
    key,
    position_in,
    raise_kits,
)
from account_events.consumer.position import Gap, Position
from account_events.dynamodb_errors import Failure, Kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBInbox:
    """An InboxStore whose effects are DynamoDB writes, in the same transaction as the new position.

    The effect is what `handle` returns: a list of up to 99 `TransactItems` of TransactWriteItems, in DynamoDB JSON.
    Each writes a different item, in any table of the same account and region.

    Args:
        client: a boto3 or botocore client. It may retry: a repeated transaction uses the same token. If the consumer
            has threads, its `max_pool_connections` must be at least their number.
        table_name: the inbox's table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._positions = client, Positions(client, table_name)

    def position(self, account_id: str) -> Position:
        """Raises Unavailable, Refused: see InboxStore."""
        return position_in(self._positions.item(account_id))

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        """One request. Raises Unavailable, Refused: see BatchedReads."""
        return {account_id: position_in(item) for account_id, item in self._positions.items(account_ids).items()}

    def advance(
        self,
        account_id: str,
        before: Position,
        after: Position,
        effect: Sequence[Any] | None,
    ) -> None:
        """Raises StaleRevision, Unavailable, EffectRefused, Refused: see InboxStore."""
        put: Any = {
            "TableName": self._positions.table_name,
            "Item": key(account_id) | attributes(after),
            "ConditionExpression": "Revision = :before" if before.revision else "attribute_not_exists(AccountId)",
        }
        if before.revision:
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.revision)}}
        try:
            if effect:
                self._client.transact_write_items(TransactItems=[{"Put": put}, *effect])
            else:
                self._client.put_item(**put)
        except ERRORS as error:
            raise_kits(error, _is_stale)

    def gaps(self, before_s: float) -> Sequence[Gap]:
        """Raises Unavailable, Refused: see InboxStore."""
        return self._positions.gaps(before_s)


def _is_stale(failure: Failure) -> bool:
    """Whether the position's condition failed: the position is the transaction's first item, or the only one."""
    return any(reason.kind is Kind.CONDITION for reason in (failure, *failure.reasons[:1]))
