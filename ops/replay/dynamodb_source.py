"""The accounts' table, read page by page with what each page takes, and again where DynamoDB does not answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from account_core.rows.layout import KEY_SCHEMA, rows_query
from ops.error_lines import advice_on
from ops.replay.errors import Interrupted, WrongCall
from ops.replay.estimate import TableSize
from ops.replay.source import Account, Item, Page, Part, Segment
from projector.dynamodb_errors import needs_repair, translated
from projector.errors import Refused, Unavailable
from projector.lanes import backoff_s

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS_MAX = 40
"""Beside the client's own; with the backoff's ceiling of two seconds, some forty seconds on average."""


class DynamoDBSource:
    """A Source on a table.

    Args:
        client: used by several threads at once, which boto3's clients allow.
        table_name: DynamoDB's.
        page_rows: at most so many rows to a page; as many as DynamoDB gives (1 MB) if None.
        wait: waits that many seconds; True if the run is to end.
        jitter: a random number, 0 <= roll < 1, for the backoff.
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
            WrongCall: DynamoDB refuses the request for good: no table has such an account, or this is another table.
            Interrupted: DynamoDB did not answer in any of the attempts, or will not before a repair.
        """
        read = self._client.scan if isinstance(part, Segment) else self._client.query
        request, attempts = self._request(part, after), 0
        while True:
            try:
                with translated():
                    return _page(read(**request))
            except Refused as error:
                what = f"account {part.account_id!r} of the table" if isinstance(part, Account) else "the table"
                raise WrongCall(f"DynamoDB refuses to read {what} {self._table_name}: {error}.") from error
            except Unavailable as error:
                attempts += 1
                is_last = needs_repair(error) or attempts == ATTEMPTS_MAX
                if is_last or self._wait(backoff_s(attempts, self._jitter())):
                    raise Interrupted(_line(f"The table {self._table_name} cannot be read", error)) from error

    def size(self) -> TableSize:
        """As DynamoDB knew it up to six hours ago.

        Raises:
            WrongCall: it is no accounts' table, or there is none.
            Interrupted: DynamoDB does not answer.
        """
        try:
            with translated():
                table = self._client.describe_table(TableName=self._table_name)["Table"]
        except Refused as error:
            raise WrongCall(f"DynamoDB takes {self._table_name!r} for no table's name: {error}.") from error
        except Unavailable as error:
            if str(error) == "ResourceNotFoundException":
                raise WrongCall(f"There is no table {self._table_name}.") from None
            raise Interrupted(_line(f"The table {self._table_name} cannot be described", error)) from error
        if sorted(table["KeySchema"], key=lambda key: key["KeyType"]) != KEY_SCHEMA:
            raise WrongCall(f"The table {self._table_name} is no accounts' table: its key is another.")
        identity = table.get("TableId") or table["TableArn"]
        return TableSize(identity, table.get("ItemCount", 0), table.get("TableSizeBytes", 0))

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


def _page(answer: Any) -> Page:  # noqa: ANN401 -- of a Scan or a Query, which have the same here
    used = answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
    return Page(answer["Items"], answer.get("LastEvaluatedKey"), used)


def _line(what: str, error: Unavailable) -> str:
    """An `Unavailable` of DynamoDB has the error's code as its message."""
    return f"{what}: {error}. {advice_on(str(error))}".rstrip()
