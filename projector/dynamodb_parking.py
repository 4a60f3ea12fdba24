"""The table of parked accounts: all items share one partition key, so that one Query lists them.

An account's item has the key `Stream` S (always "domain-events") + `AccountId` S, the id again as `Account`, and the
fields of `Parked`. Every account id that the stream can deliver can be stored: `AccountId` is the id, or its hash if
the id is not a valid sort key; `Account` is S, or B if the id is not valid UTF-8. Therefore, if DynamoDB refuses a
request here, the table is at fault. The records are delivered again until an operator repairs the table, and their age
raises an alarm.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from projector.dynamodb_errors import translated
from projector.errors import Refused, Unavailable
from projector.parking import Parked

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STREAM = "domain-events"
SORT_KEY_BYTES_MAX = 1024
SURROGATES = "surrogatepass"
_IS_UNCHANGED = "FirstSequence = :first"
_IS_NEW_OR_EARLIER = "attribute_not_exists(AccountId) OR (FirstSequence > :first AND HeldThrough <= :through)"


class DynamoDBParking:
    """The `Parking` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def list_parked(self) -> Mapping[str, Parked]:
        """One request and one RCU for up to 4 KB, about twenty accounts."""
        query: dict[str, Any] = {
            "TableName": self._table_name,
            "KeyConditionExpression": "#stream = :stream",
            "ExpressionAttributeNames": {"#stream": "Stream"},
            "ExpressionAttributeValues": {":stream": {"S": STREAM}},
            "ConsistentRead": True,
        }
        found: dict[str, Parked] = {}
        with _requesting():
            while True:
                answer = self._client.query(**query)
                found |= {(parked := _from_item(item)).account_id: parked for item in answer["Items"]}
                if "LastEvaluatedKey" not in answer:
                    return found
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def park(self, parked: Parked) -> bool:
        while True:
            try:
                with _requesting():
                    self._client.put_item(
                        TableName=self._table_name,
                        Item=_to_item(parked),
                        ConditionExpression=_IS_NEW_OR_EARLIER,
                        ExpressionAttributeValues=_numbers(first=parked.first, through=parked.held_through),
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
            except ClientError as error:
                response: Any = error.response
                stored = _from_item(response["Item"])
                if stored.first <= parked.first:
                    return False
                parked = replace(parked, held_through=stored.held_through)  # more is held back than the caller knows
            else:
                return True

    def hold(self, parked: Parked, through: int) -> bool:
        return self._is_done(
            self._client.update_item,
            Key=_key(parked.account_id),
            UpdateExpression="SET HeldThrough = :through",
            ConditionExpression=f"{_IS_UNCHANGED} AND HeldThrough < :through",
            ExpressionAttributeValues=_numbers(first=parked.first, through=through),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def advance(self, parked: Parked, further: Parked) -> bool:
        return self._is_done(
            self._client.update_item,
            Key=_key(parked.account_id),
            UpdateExpression="SET FirstSequence = :further, Version = :version, Reason = :reason",
            ConditionExpression=_IS_UNCHANGED,
            ExpressionAttributeValues={
                **_numbers(first=parked.first, further=further.first, version=further.version),
                ":reason": {"S": further.reason},
            },
        )

    def release(self, parked: Parked, through: int) -> bool:
        return self._is_done(
            self._client.delete_item,
            Key=_key(parked.account_id),
            ConditionExpression=f"{_IS_UNCHANGED} AND HeldThrough <= :through",
            ExpressionAttributeValues=_numbers(first=parked.first, through=through),
        )

    def _is_done(self, write: Any, **request: Any) -> bool:  # noqa: ANN401 -- a client's method
        """Whether the write took place, or was not needed because the events are already held back that far."""
        try:
            with _requesting():
                write(TableName=self._table_name, **request)
        except ClientError as error:
            stored: Any = error.response.get("Item")
            due = request["ExpressionAttributeValues"]
            return (
                stored is not None
                and stored["FirstSequence"] == due[":first"]
                and int(stored["HeldThrough"]["N"]) >= int(due[":through"]["N"])
            )
        return True


@contextmanager
def _requesting() -> Iterator[None]:
    """Raises Unavailable: the outcome of the request is unknown, or the table needs a repair."""
    try:
        with translated():
            yield
    except Refused as error:
        raise Unavailable(str(error)) from error


def _key(account_id: str) -> dict[str, Any]:
    """Return an account's key. If its id is no valid sort key (empty, too long, or not valid UTF-8), it is hashed.

    This service writes no such id, but another writer to the accounts' table could.
    """
    data = account_id.encode(errors=SURROGATES)
    is_key = 0 < len(data) <= SORT_KEY_BYTES_MAX and _is_utf8(account_id)
    return {
        "Stream": {"S": STREAM},
        "AccountId": {"S": account_id if is_key else f"sha256:{hashlib.sha256(data).hexdigest()}"},
    }


def _account(account_id: str) -> dict[str, Any]:
    return {"S": account_id} if _is_utf8(account_id) else {"B": account_id.encode(errors=SURROGATES)}


def _is_utf8(text: str) -> bool:
    """Whether UTF-8 can encode the text; it cannot encode lone surrogates, which JSON allows."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _numbers(**values: int) -> dict[str, Any]:
    return {f":{name}": {"N": str(value)} for name, value in values.items()}


def _to_item(parked: Parked) -> dict[str, Any]:
    return {
        **_key(parked.account_id),
        "Account": _account(parked.account_id),
        "FirstSequence": {"N": str(parked.first)},
        "HeldThrough": {"N": str(parked.held_through)},
        "Version": {"N": str(parked.version)},
        "Reason": {"S": parked.reason},
        "ParkedAt": {"S": parked.at},
    }


def _from_item(item: Mapping[str, Any]) -> Parked:
    account = item["Account"]
    return Parked(
        account_id=account["S"] if "S" in account else bytes(account["B"]).decode(errors=SURROGATES),
        first=int(item["FirstSequence"]["N"]),
        held_through=int(item["HeldThrough"]["N"]),
        version=int(item["Version"]["N"]),
        reason=item["Reason"]["S"],
        at=item["ParkedAt"]["S"],
    )
