"""The baseline of benchmarks/command_cpu.py: a simple implementation of a command on boto3's resource.

It reads the newest ten rows, folds them, and puts the next row on the condition that its version is free.
"""

from decimal import Decimal
from typing import Any

from boto3.dynamodb.conditions import Attr, Key


class ResourceAccounts:
    """Accounts in a boto3 `Table`."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 -- a resource, made at run time
        self._table = table

    def credit(self, account_id: str, amount: Decimal, occurred_at: str, correlation_id: str, request_id: str) -> None:
        rows = self._table.query(
            KeyConditionExpression=Key("AccountId").eq(account_id),
            ScanIndexForward=False,
            Limit=10,
            ConsistentRead=True,
        )["Items"]
        balance = _balance(rows)
        newest = rows[0]
        row = {
            "AccountId": account_id,
            "Version": newest["Version"] + 1,
            "Type": "CREDIT",
            "Format": 2,
            "Sequence": newest["Sequence"] + 1,
            "Timestamp": occurred_at,
            "Currency": newest["Currency"],
            "Balance": balance + amount,
            "Amount": amount,
            "CorrelationId": correlation_id,
            "RequestId": request_id,
        }
        self._table.put_item(Item=row, ConditionExpression=Attr("Version").not_exists())


def _balance(newest: list[dict[str, Any]]) -> Decimal:
    balance = Decimal(0)
    for row in reversed(newest):
        match row["Type"]:
            case "SNAPSHOT":
                balance = row["Balance"]
            case "CREDIT":
                balance += row["Amount"]
            case "WITHDRAW":
                balance -= row["Amount"]
    return balance
