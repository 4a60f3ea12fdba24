"""The baseline of benchmarks/costs.py: the published design, with a read and a transaction per command.

A command is one strongly consistent Query of the newest ten rows, and one transaction with the event's row. After the
ninth event of a snapshot interval, the transaction also contains the snapshot. Rows, snapshots and decisions are the
same as ours.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from account_core.domain.account import decide
from account_core.domain.commands import AccountCommand
from account_core.rows.items import SNAPSHOT_EVERY, from_item, to_item
from account_core.rows.layout import VERSION_IS_FREE, rows_query
from account_core.service.head import Head, Origin, fold, rows_for


class PublishedAccounts:
    """Accounts in a table of the same layout."""

    def __init__(self, client: Any, table_name: str) -> None:  # noqa: ANN401 -- a boto3 client
        self._client = client
        self._table_name = table_name

    def read(self, account_id: str) -> Head:
        answer = self._client.query(
            TableName=self._table_name,
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=SNAPSHOT_EVERY,
            ReturnConsumedCapacity="TOTAL",
            **rows_query(account_id),
        )
        return fold([from_item(item) for item in answer["Items"]])

    def execute(
        self, account_id: str, command: AccountCommand, origin: Origin, meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        """Execute a command; `meanwhile` is called between read and write, where a rival may write.

        Raises:
            Rejected: the domain refused the command.
        """
        while True:
            head = self.read(account_id)
            [event] = decide(head.account, command)
            meanwhile()
            puts = [
                {
                    "TableName": self._table_name,
                    "Item": to_item(row),
                    "ConditionExpression": VERSION_IS_FREE,
                }
                for row in rows_for(account_id, head, event, origin)
            ]
            try:
                self._client.transact_write_items(
                    TransactItems=[{"Put": put} for put in puts], ReturnConsumedCapacity="TOTAL"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
            else:
                return
