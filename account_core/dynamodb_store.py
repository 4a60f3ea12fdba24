"""The ledger in DynamoDB: one conditional put for an event, one transaction for an event and its snapshot.

Two clients, because a retry that is harmless for a read is not for a write: when the answer to a conditional put is
lost, the SDK's own retry meets the row of its first attempt and reports a lost race, and the command would be decided
and stored a second time. So the writing client must not retry (docs/adr/0003-writes-are-not-retried.md).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from account_core.errors import Unavailable
from account_core.events import Row
from account_core.head import ROWS_MAX
from account_core.items import from_item, to_item
from account_core.ports import LostRace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_VERSION_IS_FREE: Any = {
    "ConditionExpression": "attribute_not_exists(Version)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}

# The request was fine and may pass later.
# docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_TRANSIENT = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}
# Why a transaction was cancelled, where the reason is load and not the condition.
_TRANSIENT_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


class DynamoDBAccountStore:
    """An AccountStore on one table.

    Args:
        reads: a client that may retry.
        writes: a client that must not (`retries={"total_max_attempts": 1}`).
    """

    def __init__(self, reads: "DynamoDBClient", writes: "DynamoDBClient", table_name: str) -> None:
        self._reads = reads
        self._writes = writes
        self._table_name = table_name

    def newest(self, account_id: str) -> Sequence[Row]:
        with _transient_as_unavailable("The account could not be read in time."):
            answer = self._reads.query(
                TableName=self._table_name,
                KeyConditionExpression="AccountId = :account_id",
                ExpressionAttributeValues={":account_id": {"S": account_id}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=ROWS_MAX,
            )
        return [from_item(item) for item in answer["Items"]]

    def append(self, rows: Sequence[Row]) -> None:
        puts: list[Any] = [{"TableName": self._table_name, "Item": to_item(row), **_VERSION_IS_FREE} for row in rows]
        with _transient_as_unavailable("Whether the command was carried out is unknown: read the account first."):
            try:
                if len(puts) == 1:
                    self._writes.put_item(**puts[0])
                else:
                    self._writes.transact_write_items(TransactItems=[{"Put": put} for put in puts])
            except ClientError as error:
                _raise_if_race_lost(error)
                raise


def _raise_if_race_lost(error: ClientError) -> None:
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        raise LostRace(_row_in(error.response)) from error
    if code in ("TransactionConflictException", "ReplicatedWriteConflictException"):
        raise LostRace from error
    if code != "TransactionCanceledException":
        return
    reasons = error.response.get("CancellationReasons", [])
    for reason in reasons:
        if reason.get("Code") == "ConditionalCheckFailed":
            raise LostRace(_row_in(reason)) from error
    codes = {reason.get("Code") for reason in reasons}
    if "TransactionConflict" in codes:
        raise LostRace from error
    if codes & _TRANSIENT_REASONS:
        raise Unavailable("The account's table is throttled; nothing was stored.") from error


def _row_in(answer: Any) -> Row | None:  # noqa: ANN401 -- botocore types neither the answer nor a cancellation reason
    return from_item(answer["Item"]) if answer.get("Item") else None


@contextmanager
def _transient_as_unavailable(detail: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if error.response["Error"]["Code"] in _TRANSIENT or status >= 500:  # noqa: PLR2004 -- HTTP's server errors
            raise Unavailable(detail) from error
        raise
    except BotoCoreError as error:
        raise Unavailable(detail) from error
