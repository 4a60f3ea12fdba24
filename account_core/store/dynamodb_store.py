"""The ledger in DynamoDB: one conditional put for an event, one transaction for several rows.

There are two clients, because the SDK may retry reads but not writes. If the answer to a conditional put is lost, a
retry finds the row of the first attempt and reports a version conflict, and the command would be decided and stored a
second time. So the writing client must not retry (docs/adr/0003-writes-are-not-retried.md).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import from_item, key_of, to_item, version_in
from account_core.rows.layout import VERSION, VERSION_IS_FREE, command_query, rows_query
from account_core.service.ports import ROWS_MAX, check_rows
from account_core.service.usage import Usage
from account_core.store.dynamodb_errors import account_full, conflict, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

UNKNOWN = (
    "It is unknown whether the command was carried out. If it has an Idempotency-Key, send it again unchanged; without "
    "one, read the account first."
)
FAILED_PUT_UNITS = 1
"""The write units that DynamoDB bills, but does not report, for a put whose condition fails; rows are below 1 KB."""
TRANSACTED_PUT_UNITS = 2
_ONLY_IF_FREE: Any = {
    "ConditionExpression": VERSION_IS_FREE,
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


class DynamoDBAccountStore:
    """An AccountStore on one table.

    Args:
        reads: a client that may retry.
        writes: a client that must not retry (`retries={"total_max_attempts": 1}`).
    """

    def __init__(self, reads: "DynamoDBClient", writes: "DynamoDBClient", table_name: str) -> None:
        self._reads = reads
        self._writes = writes
        self._table_name = table_name

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        items = self._query(used, **rows_query(account_id, last=up_to), ScanIndexForward=False, Limit=limit)
        return [from_item(item) for item in items]

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        keys = self._query(used, **command_query(account_id, command_id))
        if not keys:
            return None
        version = version_in(keys[0][VERSION]["N"])
        if version is None:
            raise Corrupt(f"row {key_of(keys[0])}: not a valid version")
        [row] = self.newest(account_id, used, limit=1, up_to=version)
        return row if isinstance(row, EventRow) else None

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        check_rows(rows)
        puts: list[Any] = [{"TableName": self._table_name, "Item": to_item(row), **_ONLY_IF_FREE} for row in rows]
        try:
            used.write_units += self._write(puts)
        except (ClientError, BotoCoreError) as error:
            if lost := conflict(error):
                used.write_units += FAILED_PUT_UNITS if len(puts) == 1 else TRANSACTED_PUT_UNITS * len(puts)
                raise lost from error
            if failure := account_full(error, rows) or unavailable(error, UNKNOWN):
                raise failure from error
            raise
        finally:
            used.requests += 1

    def _write(self, puts: list[Any]) -> float:
        """One put, or several in a transaction; returns the write units."""
        if len(puts) == 1:
            put = self._writes.put_item(**puts[0], ReturnConsumedCapacity="TOTAL")
            return put.get("ConsumedCapacity", {}).get(
                "CapacityUnits", 0
            )  # without the report, the command still succeeds
        answer = self._writes.transact_write_items(
            TransactItems=[{"Put": put} for put in puts], ReturnConsumedCapacity="TOTAL"
        )
        return sum(table["CapacityUnits"] for table in answer.get("ConsumedCapacity", []))

    def _query(self, used: Usage, **request: Any) -> list[Any]:  # noqa: ANN401 -- Query's own
        try:
            answer: Any = self._reads.query(
                TableName=self._table_name,
                ConsistentRead=True,
                ReturnConsumedCapacity="TOTAL",
                **request,
            )
        except (ClientError, BotoCoreError) as error:
            used.requests += 1 + (_retries(error.response) if isinstance(error, ClientError) else 0)
            if failure := unavailable(error, "The account could not be read in time. Try again."):
                raise failure from error
            raise
        used.requests += 1 + _retries(answer)
        used.read_units += answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
        items: list[Any] = answer["Items"]
        return items


def _retries(answer: Mapping[str, Any]) -> int:
    """The SDK's retries; 0 if there was no response at all."""
    retries: int = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return retries
