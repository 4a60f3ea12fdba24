"""An inbox's positions in DynamoDB: the consumer's writes and the advance are one transaction.

An item for each account: AccountId (S, the key), Last, Seen, Revision (N), and while it waits: Held (M of B, by
sequence), MissingThrough, Since (N), Waiting ("yes"). Since and Waiting are the keys of the index ByWaiting, which so
holds only accounts that wait.

Which of DynamoDB's errors can pass is decided here, in `_raise`. Sources: AWS, "Error handling with DynamoDB"
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html) and
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html. There are four kinds:

- A condition that failed: the position's is Overtaken, one of the effect's is EffectRefused.
- Load, faults of the service and lost answers pass by themselves: Unavailable.
- What a request holds is invalid or too large: Refused. The same request never succeeds. If that is for the effect, the
  inbox keeps the account's events and the account waits; their records need not come again.
- A missing permission, table or key passes once an operator repairs it. It goes through as it is, and the records are
  delivered again.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
)

from account_events.consumer.errors import EffectRefused, Overtaken, Refused, Unavailable
from account_events.consumer.position import GAPS_MAX, Gap, Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "ByWaiting"
_NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError)
_Failure = ClientError | ParamValidationError | ConnectionError | HTTPClientError | IncompleteReadError
_WAITING = {"S": "yes"}
_REFUSED = "ConditionalCheckFailed"
_PASSING = {
    *("TransactionConflict", "TransactionConflictException", "TransactionInProgressException", "ThrottlingError"),
    *("ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException", "ThrottlingException"),
    *("RequestLimitExceeded", "InternalServerError", "ServiceUnavailable"),
}
_NEVER = {
    *("ValidationException", "ValidationError", "SerializationException"),
    *("ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"),
}


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
        except (ClientError, ParamValidationError, *_NO_ANSWER) as error:
            _raise(error)
        return _position(answer.get("Item", {}))

    def advance(
        self,
        account_id: str,
        before: Position,
        after: Position,
        effect: Sequence[Any] | None,
    ) -> None:
        """Raises Overtaken, Unavailable, EffectRefused, Refused: see InboxStore."""
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
        except (ClientError, ParamValidationError, *_NO_ANSWER) as error:
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
        except (ClientError, ParamValidationError, *_NO_ANSWER) as error:
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


def _raise(error: _Failure) -> NoReturn:
    """As one of the kit's errors, where there is one for it; a mistake of the caller's is raised as it is."""
    if isinstance(error, ParamValidationError):
        raise Refused(f"DynamoDB takes no such request: {error}") from error
    if not isinstance(error, ClientError):
        raise Unavailable(f"DynamoDB did not answer: {type(error).__name__}") from error
    response: Mapping[str, Any] = error.response
    codes = [reason.get("Code") for reason in response.get("CancellationReasons", [])]
    code = response["Error"]["Code"]
    if code == "ConditionalCheckFailedException" or codes[:1] == [_REFUSED]:
        raise Overtaken("the account is not at the position that was read") from error
    if passing := {code, *codes} & _PASSING:  # before the effect's conditions: nothing is known of them then
        raise Unavailable(f"DynamoDB refused for now: {', '.join(sorted(passing))}") from error
    if _REFUSED in codes:
        raise EffectRefused(f"the condition of the effect's write {codes.index(_REFUSED)} does not hold") from error
    if refused := {code, *codes} & _NEVER:
        message = response["Error"].get("Message", "")
        raise Refused(f"DynamoDB refuses the request for good: {', '.join(sorted(refused))}: {message}") from error
    if response["ResponseMetadata"]["HTTPStatusCode"] >= 500:  # noqa: PLR2004 -- HTTP's server errors
        raise Unavailable(f"DynamoDB failed: {code}") from error
    raise error
