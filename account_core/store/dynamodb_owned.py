"""The accounts by owner in DynamoDB, by Query of a global secondary index, which is eventually consistent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from account_core.service.owned_accounts import OwnedAccount, from_row
from account_core.service.usage import Usage
from account_core.store.dynamodb_errors import unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OWNER_INDEX = "ByOwner"


class DynamoDBOwnedAccounts:
    """An OwnedAccounts that reads the read model's table.

    Args:
        client: a client that may retry.
        table_name: the read model's table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client, self._table_name = client, table_name

    def page(self, owner: str, after: str | None, limit: int, used: Usage) -> Sequence[OwnedAccount]:
        condition, values = "#owner = :owner", {":owner": {"S": owner}}
        if after is not None:
            condition, values = f"{condition} AND AccountId > :after", {**values, ":after": {"S": after}}
        request: Any = {
            "TableName": self._table_name,
            "IndexName": OWNER_INDEX,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {"#owner": "Owner"},
            "ExpressionAttributeValues": values,
        }
        items: list[Any] = []
        while True:
            answer = self._queried({**request, "Limit": limit - len(items)}, used)
            items += answer["Items"]
            # An answer has at most 1 MB. Rows are small, but the item of an account that waits has its buffered events.
            if len(items) >= limit or "LastEvaluatedKey" not in answer:
                return [from_row(item) for item in items]
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _queried(self, request: dict[str, Any], used: Usage) -> Any:  # noqa: ANN401 -- JSON
        used.requests += 1
        try:
            answer: Any = self._client.query(**request, ReturnConsumedCapacity="TOTAL")
        except (ClientError, BotoCoreError) as error:
            if failure := unavailable(error, "The accounts could not be read in time. Try again."):
                raise failure from error
            raise
        used.requests += answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        used.read_units += answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
        return answer
