"""Reads the accounts table page by page, with the capacity that each page used. Retries if DynamoDB is unavailable."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from account_core.rows.layout import KEY_SCHEMA, rows_query
from ops.error_advice import advice_on
from ops.replay.errors import Interrupted, InvalidRequest
from ops.replay.estimate import TableSize
from ops.replay.source import Account, Item, Page, Part, Segment
from projector.dynamodb_errors import needs_repair, translated
from projector.errors import Refused, Unavailable
from projector.lanes import backoff_s

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS_MAX = 40
"""Each may include retries by the client. The backoff is at most two seconds: on average, forty seconds in all."""


class DynamoDBSource:
    """A `Source` that reads a DynamoDB table.

    Args:
        client: shared by several threads, which boto3's clients allow.
        table_name: the name of the accounts table.
        page_rows: the maximum number of rows in a page; None for as many as DynamoDB returns (1 MB).
        wait: waits that many seconds; returns True if the run must end.
        jitter: returns a random number, 0 <= number < 1, for the backoff.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        *,
        wait: Callable[[float], bool],
        jitter: Callable[[], float],
        page_rows: int | None = None,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._wait = wait
        self._jitter = jitter
        self._page_rows = page_rows

    def read(self, part: Part, after: Item | None) -> Page:
        """As `Source.read`.

        Raises:
            InvalidRequest: DynamoDB will always refuse this request: the account id is not valid, or the table has
                another key.
            Interrupted: DynamoDB did not answer in any attempt, or it refuses until an operator acts, for example for
                lack of a permission.
        """
        read = self._client.scan if isinstance(part, Segment) else self._client.query
        request, attempts = self._request(part, after), 0
        while True:
            try:
                with translated():
                    return _page(read(**request))
            except Refused as error:
                target = f"account {part.account_id!r} of the table" if isinstance(part, Account) else "the table"
                raise InvalidRequest(f"DynamoDB refuses to read {target} {self._table_name}: {error}.") from error
            except Unavailable as error:
                attempts += 1
                is_last = needs_repair(error) or attempts == ATTEMPTS_MAX
                if is_last or self._wait(backoff_s(attempts, self._jitter())):
                    raise Interrupted(_line(f"The table {self._table_name} cannot be read", error)) from error

    def size(self) -> TableSize:
        """The table's size according to DynamoDB's figures, which may be six hours old.

        Raises:
            InvalidRequest: there is no such table, or it is not an accounts table.
            Interrupted: DynamoDB does not answer.
        """
        try:
            with translated():
                table = self._client.describe_table(TableName=self._table_name)["Table"]
        except Refused as error:
            raise InvalidRequest(f"{self._table_name!r} is not a valid table name: {error}.") from error
        except Unavailable as error:
            if str(error) == "ResourceNotFoundException":
                raise InvalidRequest(
                    f"There is no table {self._table_name}: check its name, the AWS account and the region."
                ) from None
            raise Interrupted(_line(f"The table {self._table_name} cannot be described", error)) from error
        if sorted(table["KeySchema"], key=lambda key: key["KeyType"]) != KEY_SCHEMA:
            raise InvalidRequest(
                f"The table {self._table_name} is not an accounts table: its key is different. Choose another."
            )
        identity = table.get("TableId") or table["TableArn"]
        return TableSize(identity, table.get("ItemCount", 0), table.get("TableSizeBytes", 0), table["TableArn"])

    def _request(self, part: Part, after: Item | None) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
        }
        if after is not None:
            request["ExclusiveStartKey"] = dict(after)
        if self._page_rows is not None:
            request["Limit"] = self._page_rows
        if isinstance(part, Segment) and part.total == 1:
            return request
        if isinstance(part, Segment):
            return request | {"Segment": part.index, "TotalSegments": part.total}
        return request | rows_query(part.account_id, part.first_version)


def _page(answer: Any) -> Page:  # noqa: ANN401 -- a Scan's or a Query's, which are alike here
    used = answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
    return Page(answer["Items"], answer.get("LastEvaluatedKey"), used)


def _line(problem: str, error: Unavailable) -> str:
    """One line with the problem and what to do. The message of an `Unavailable` is DynamoDB's error code."""
    return f"{problem}: {error}. {advice_on(error)}".rstrip()
