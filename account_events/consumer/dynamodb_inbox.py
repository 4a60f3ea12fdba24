"""An inbox's positions in DynamoDB: the consumer's writes and the advance are one transaction.

An item for each account: AccountId (S, the key), Last, Seen, Revision (N), and while it waits: Held (M of B, by
sequence), MissingThrough, Since (N), Waiting ("yes"). Since and Waiting are the keys of the index ByWaiting, which so
holds only accounts that wait.

DynamoDB's errors become the kit's errors in `_raise`, by the classification of `account_events.dynamodb_errors`:

- CONDITION: the position's is StaleRevision, one of the effect's is EffectRefused.
- CONFLICT and TRANSIENT pass by themselves: Unavailable.
- REFUSED: the same request never succeeds. If that is for the effect, the inbox keeps the account's events and the
  account waits; their records need not come again.
- CONFIGURATION passes once an operator repairs it, and UNKNOWN may be anything: they go through as they are, and the
  records are delivered again.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from account_events.consumer.errors import EffectRefused, Refused, StaleRevision, Unavailable
from account_events.consumer.position import GAPS_MAX, Gap, Position
from account_events.dynamodb_errors import Failure, Kind, failure_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "ByWaiting"
_WAITING = {"S": "yes"}


class DynamoDBInbox:
    """An InboxStore whose effects are writes to DynamoDB, carried out together with the advance.

    An effect is a list of at most 99 items as TransactWriteItems takes them, in DynamoDB JSON, each for another row of
    any table in the same region and account; `handle` itself does nothing.

    Args:
        client: boto3's or botocore's. It may retry: transactions are repeated under one token.
        table_name: the inbox's.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._table_name = client, table_name

    def position(self, account_id: str) -> Position:
        """Raises Unavailable, Refused: see InboxStore."""
        try:
            answer = self._client.get_item(
                TableName=self._table_name, Key={"AccountId": {"S": account_id}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            _raise(error)
        return _position(answer.get("Item", {}))

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
        """Raises Unavailable: DynamoDB did not answer."""
        try:
            answer = self._client.query(
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
            for item in answer["Items"]
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
        "Held": {"M": {str(sequence): {"B": data} for sequence, data in position.held.items()}},
        "MissingThrough": {"N": str(position.missing_through)},
        "Since": {"N": repr(position.since_s)},
        "Waiting": _WAITING,
    }


def _position(item: Mapping[str, Any]) -> Position:
    if not item:
        return Position()
    return Position(
        last=int(item["Last"]["N"]),
        held={int(sequence): data["B"] for sequence, data in item.get("Held", {"M": {}})["M"].items()},
        seen=int(item.get("Seen", item["Last"])["N"]),
        since_s=float(item["Since"]["N"]) if "Since" in item else None,
        revision=int(item["Revision"]["N"]),
    )


def _raise(error: ClientError | BotoCoreError) -> NoReturn:
    """As one of the kit's errors, where there is one for it; otherwise as it is."""
    failure = failure_of(error)
    if failure.kind is Kind.CONDITION or _is_stale_revision(failure):
        raise StaleRevision("the account is not at the position that was read") from error
    if passing := failure.codes(Kind.TRANSIENT, Kind.CONFLICT):  # the effect's conditions say nothing then
        raise Unavailable(f"DynamoDB does not carry out the request now: {', '.join(passing)}") from error
    for number, reason in enumerate(failure.reasons):
        if reason.kind is Kind.CONDITION:
            raise EffectRefused(f"the condition of the effect's write {number} does not hold") from error
    if refused := failure.codes(Kind.REFUSED):
        message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else error
        raise Refused(f"DynamoDB refuses the request for good: {', '.join(refused)}: {message}") from error
    raise error


def _is_stale_revision(failure: Failure) -> bool:
    """Whether the condition of the position did not hold, which is the first of a transaction's writes."""
    return bool(failure.reasons) and failure.reasons[0].kind is Kind.CONDITION
