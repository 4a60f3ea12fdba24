"""The items that release 0.2.0 wrote, in its words, so that a change of the code under test does not change them."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from account_core.domain.events import Created, Credited, Row, SnapshotRow


def item_of(row: Row) -> dict[str, Any]:
    """The item of a snapshot, or of an event that is not part of a transfer."""
    item: dict[str, Any] = {
        "AccountId": {"S": row.account_id},
        "Version": {"N": str(row.version)},
        "Type": {"S": "SNAPSHOT"},
        "Format": {"N": "2"},
        "Sequence": {"N": str(row.sequence)},
        "Timestamp": {"S": row.occurred_at},
        "Currency": {"S": row.currency},
        "Balance": {"N": _number(row.balance)},
    }
    if isinstance(row, SnapshotRow):
        return {**item, "Owner": {"S": row.owner}, "Digest": {"S": _digest(row)}}
    if isinstance(row.event, Created):
        item |= {"Type": {"S": "CREATED"}, "Owner": {"S": row.event.owner}}
    else:
        kind = "CREDIT" if isinstance(row.event, Credited) else "WITHDRAW"
        item |= {"Type": {"S": kind}, "Amount": {"N": _number(row.event.amount)}}
    item["CorrelationId"] = {"S": row.correlation_id}
    item["RequestId"] = {"NULL": True} if row.request_id is None else {"S": row.request_id}
    if row.command_id is not None:
        item["CommandId"] = {"S": row.command_id}
    return item


def _digest(row: SnapshotRow) -> str:
    state = [row.account_id, row.version, row.sequence, row.occurred_at, row.owner, row.currency, f"{row.balance:.2f}"]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def _number(value: Decimal) -> str:
    """Without zeros at the end, as DynamoDB returns numbers."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
