"""An inbox store in DynamoDB: one transaction writes the consumer's effect and the new position.

Each account has one item: AccountId (S, the key), Last, Seen and Revision (N). While the account waits, the item also
has Held (M of B, the buffered events by sequence), MissingThrough and Since (N), and Waiting ("yes"). Waiting and Since
are the keys of the index ByWaiting, which therefore contains only accounts that wait.

`_raise` translates DynamoDB's errors by their class in `account_events.dynamodb_errors`:

- CONDITION: StaleRevision if the position's condition failed, EffectRefused if one of the effect's conditions failed.
- CONFLICT, TRANSIENT: Unavailable, because a later attempt may succeed.
- REFUSED: Refused, because the same request never succeeds. The inbox then buffers the account's events, and their
  records need not be delivered again.
- CONFIGURATION, UNKNOWN: raised unchanged. The records are delivered again until an operator corrects the cause.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from account_events.consumer.errors import EffectRefused, Refused, StaleRevision, Unavailable
from account_events.consumer.position import GAPS_MAX, Gap, Position
from account_events.dynamodb_errors import Failure, Kind, failure_of
from account_events.extras import extra

with extra("dynamodb"):
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "ByWaiting"
_WAITING = {"S": "yes"}


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
        self._client, self._table_name = client, table_name

    def position(self, account_id: str) -> Position:
        """Raises Unavailable, Refused: see InboxStore."""
        try:
            response = self._client.get_item(
                TableName=self._table_name, Key={"AccountId": {"S": account_id}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            _raise(error)
        return _position(response.get("Item", {}))

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        """One request. Keys that DynamoDB leaves unprocessed are missing, because repeating it at once would add load.

        Raises Unavailable, Refused: see BatchedReads.
        """
        keys = [{"AccountId": {"S": account_id}} for account_id in account_ids]
        try:
            response = self._client.batch_get_item(
                RequestItems={self._table_name: {"Keys": keys, "ConsistentRead": True}}
            )
        except (ClientError, BotoCoreError) as error:
            _raise(error)
        items = {item["AccountId"]["S"]: item for item in response["Responses"].get(self._table_name, [])}
        left = response.get("UnprocessedKeys", {}).get(self._table_name)
        unread = {key["AccountId"]["S"] for key in left["Keys"]} if left else set()
        return {
            account_id: _position(items.get(account_id, {})) for account_id in account_ids if account_id not in unread
        }

    def advance(
        self,
        account_id: str,
        before: Position,
        after: Position,
        effect: Sequence[Any] | None,
    ) -> None:
        """Raises StaleRevision, Unavailable, EffectRefused, Refused: see InboxStore."""
        put: Any = {
            "TableName": self._table_name,
            "Item": _item(account_id, after),
            "ConditionExpression": "Revision = :before" if before.revision else "attribute_not_exists(AccountId)",
        }
        if before.revision:
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.revision)}}
        try:
            if effect:
                self._client.transact_write_items(TransactItems=[{"Put": put}, *effect])
            else:
                self._client.put_item(**put)
        except (ClientError, BotoCoreError) as error:
            _raise(error)

    def gaps(self, before_s: float) -> Sequence[Gap]:
        """Raises Unavailable, Refused: see InboxStore."""
        try:
            response = self._client.query(
                TableName=self._table_name,
                IndexName=INDEX,
                KeyConditionExpression="Waiting = :waiting AND Since <= :before",
                ExpressionAttributeValues={":waiting": _WAITING, ":before": {"N": repr(before_s)}},
                Limit=GAPS_MAX,
            )
        except (ClientError, BotoCoreError) as error:
            _raise(error)
        return [
            Gap(
                item["AccountId"]["S"],
                int(item["Last"]["N"]) + 1,
                int(item["MissingThrough"]["N"]),
                float(item["Since"]["N"]),
            )
            for item in response["Items"]
        ]


def _item(account_id: str, position: Position) -> dict[str, Any]:
    item: dict[str, Any] = {
        "AccountId": {"S": account_id},
        "Last": {"N": str(position.last)},
        "Seen": {"N": str(position.seen)},
        "Revision": {"N": str(position.revision)},
    }
    if position.since_s is None:
        return item
    return item | {
        "Held": {"M": {str(sequence): {"B": data} for sequence, data in position.buffered.items()}},
        "MissingThrough": {"N": str(position.missing_through)},
        "Since": {"N": repr(position.since_s)},
        "Waiting": _WAITING,
    }


def _position(item: Mapping[str, Any]) -> Position:
    if not item:
        return Position()
    return Position(
        last=int(item["Last"]["N"]),
        buffered={int(sequence): data["B"] for sequence, data in item.get("Held", {"M": {}})["M"].items()},
        seen=int(item.get("Seen", item["Last"])["N"]),
        since_s=float(item["Since"]["N"]) if "Since" in item else None,
        revision=int(item["Revision"]["N"]),
    )


def _raise(error: ClientError | BotoCoreError) -> NoReturn:
    """Raise the matching error of the kit, or the error itself if there is none."""
    failure = failure_of(error)
    if failure.kind is Kind.CONDITION or _is_stale_revision(failure):
        raise StaleRevision("the account is not at the position that was read") from error
    # First, because a failed condition of the effect is not conclusive next to these.
    if temporary := failure.codes(Kind.TRANSIENT, Kind.CONFLICT):
        raise Unavailable(
            f"DynamoDB cannot process the request now ({', '.join(temporary)}): receive the records again."
        ) from error
    for number, reason in enumerate(failure.reasons):
        if reason.kind is Kind.CONDITION:
            raise EffectRefused(
                f"The condition of the effect's write {number} failed. Neither the effect nor the position was written."
            ) from error
    if refused := failure.codes(Kind.REFUSED):
        message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else error
        raise Refused(f"DynamoDB will never accept this write: {', '.join(refused)}: {message}") from error
    raise error


def _is_stale_revision(failure: Failure) -> bool:
    """Whether the position's condition failed: the position is the transaction's first item."""
    return bool(failure.reasons) and failure.reasons[0].kind is Kind.CONDITION
