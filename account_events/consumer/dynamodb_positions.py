"""What the inbox stores in DynamoDB share: positions as attributes of items, their reads, and the errors of writes.

An item has AccountId (S, the key) and the attributes of a position: Last, Seen and Revision (N). While the account
waits, it also has Held (M of B, the buffered events by sequence), MissingThrough and Since (N), and Waiting ("yes").
Waiting and Since are the keys of the index ByWaiting, which therefore contains only accounts that wait.

`raise_kits` translates DynamoDB's errors by their class in `account_events.dynamodb_errors`:

- CONDITION: StaleRevision if the position's condition failed, EffectRefused if one of the effect's conditions failed.
- CONFLICT, TRANSIENT: Unavailable, because a later attempt may succeed.
- REFUSED: Refused, because the same request never succeeds. The inbox then buffers the account's events, and their
  records need not be delivered again.
- CONFIGURATION, UNKNOWN: raised unchanged. The records are delivered again until an operator corrects the cause.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
KEY = "AccountId"
WAITING_ATTRIBUTES = ("Held", "MissingThrough", "Since", "Waiting")
ATTRIBUTES = ("Last", "Seen", "Revision", *WAITING_ATTRIBUTES)
"""Of a position."""
ERRORS = (ClientError, BotoCoreError)
_WAITING = {"S": "yes"}

Item = Mapping[str, Any]
"""In DynamoDB JSON."""


class Positions:
    """Reads the items of a table that has positions.

    Args:
        client: a boto3 or botocore client.
        table_name: a table with the key AccountId and the index ByWaiting.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self.table_name = client, table_name

    def item(self, account_id: str) -> Item:
        """The account's item, read with strong consistency; empty if there is none. Raises Unavailable, Refused."""
        try:
            response = self._client.get_item(TableName=self.table_name, Key=key(account_id), ConsistentRead=True)
        except ERRORS as error:
            raise_kits(error)
        return response.get("Item", {})

    def items(self, account_ids: Sequence[str]) -> dict[str, Item]:
        """The accounts' items, as `item` returns them, read with one request.

        Keys that DynamoDB leaves unprocessed are missing, because repeating the request at once would add load.
        """
        keys: Any = [key(account_id) for account_id in account_ids]
        try:
            response = self._client.batch_get_item(
                RequestItems={self.table_name: {"Keys": keys, "ConsistentRead": True}}
            )
        except ERRORS as error:
            raise_kits(error)
        found = {item[KEY]["S"]: item for item in response["Responses"].get(self.table_name, [])}
        left = response.get("UnprocessedKeys", {}).get(self.table_name)
        unread = {each[KEY]["S"] for each in left["Keys"]} if left else set()
        return {account_id: found.get(account_id, {}) for account_id in account_ids if account_id not in unread}

    def gaps(self, before_s: float) -> list[Gap]:
        """See InboxStore.gaps."""
        return next(self.pages(before_s, GAPS_MAX))

    def pages(self, before_s: float, size: int) -> Iterator[list[Gap]]:
        """All gaps, oldest first, with one request for each `size` of them. Raises Unavailable, Refused."""
        request: Any = {
            "TableName": self.table_name,
            "IndexName": INDEX,
            "KeyConditionExpression": "Waiting = :waiting AND Since <= :before",
            "ExpressionAttributeValues": {":waiting": _WAITING, ":before": {"N": repr(before_s)}},
            "Limit": size,
        }
        following: Any = {}
        while following is not None:
            try:
                response = self._client.query(**request)
            except ERRORS as error:
                raise_kits(error)
            yield [_gap_in(item) for item in response["Items"]]
            following = response.get("LastEvaluatedKey")
            request["ExclusiveStartKey"] = following


def key(account_id: str) -> dict[str, Any]:
    return {KEY: {"S": account_id}}


def _gap_in(item: Item) -> Gap:
    """The gap in an item of the index."""
    last, missing_through, since_s = (item[name]["N"] for name in ("Last", "MissingThrough", "Since"))
    return Gap(item[KEY]["S"], int(last) + 1, int(missing_through), float(since_s))


def attributes(position: Position) -> dict[str, Any]:
    """The attributes of a position, in DynamoDB JSON."""
    always = {
        "Last": {"N": str(position.last)},
        "Seen": {"N": str(position.seen)},
        "Revision": {"N": str(position.revision)},
    }
    if position.since_s is None:
        return always
    return always | {
        "Held": {"M": {str(sequence): {"B": data} for sequence, data in position.buffered.items()}},
        "MissingThrough": {"N": str(position.missing_through)},
        "Since": {"N": repr(position.since_s)},
        "Waiting": _WAITING,
    }


def position_in(item: Item, kind: type[Position] = Position) -> Position:
    """The position in an item; that of a new account if it has none."""
    if "Revision" not in item:
        return Position()
    return kind(
        last=int(item["Last"]["N"]),
        buffered={int(sequence): data["B"] for sequence, data in item.get("Held", {"M": {}})["M"].items()},
        seen=int(item.get("Seen", item["Last"])["N"]),
        since_s=float(item["Since"]["N"]) if "Since" in item else None,
        revision=int(item["Revision"]["N"]),
    )


def raise_kits(
    error: ClientError | BotoCoreError, is_stale: Callable[[Failure], bool] = lambda _failure: False
) -> NoReturn:
    """Raise the matching error of the kit, or the error itself if there is none.

    Args:
        error: of a request.
        is_stale: whether the position's condition failed. Any other failed condition is the effect's.
    """
    failure = failure_of(error)
    if is_stale(failure):
        raise StaleRevision("the account is not at the position that was read") from error
    # First, because a failed condition of the effect is not conclusive next to these.
    if temporary := failure.codes(Kind.TRANSIENT, Kind.CONFLICT):
        raise Unavailable(
            f"DynamoDB cannot process the request now ({', '.join(temporary)}): receive the records again."
        ) from error
    for number, reason in enumerate(failure.causes()):
        if reason.kind is Kind.CONDITION:
            which = f"The condition of the effect's write {number - 1}" if number > 1 else "A condition of the effect"
            raise EffectRefused(f"{which} failed. Neither the effect nor the position was written.") from error
    if refused := failure.codes(Kind.REFUSED):
        message = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else error
        raise Refused(f"DynamoDB will never accept this write: {', '.join(refused)}: {message}") from error
    raise error
