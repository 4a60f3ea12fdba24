"""Rows as DynamoDB items, and back: the only place that knows the attributes' names.

An item is DynamoDB JSON, `{"AccountId": {"S": "..."}, "Version": {"N": "1"}, ...}`, as the low-level client and the
table's stream both speak it. The layout is documented in docs/table.md; golden items are in tests/golden.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from account_core.errors import Corrupt
from account_core.events import Created, Credited, Event, EventRow, Row, SnapshotRow, Withdrawn
from account_core.money import CENT, is_amount

FORMAT = 1
SNAPSHOT_EVERY = 10
CREATED, WITHDRAW, CREDIT, SNAPSHOT = "CREATED", "WITHDRAW", "CREDIT", "SNAPSHOT"

Item = dict[str, dict[str, str]]


def is_snapshot_version(version: int) -> bool:
    return version % SNAPSHOT_EVERY == 0


def version_of(sequence: int) -> int:
    """The row version of the event numbered `sequence`: nine events and a snapshot make a decade."""
    return sequence + (sequence - 1) // (SNAPSHOT_EVERY - 1)


def to_item(row: Row) -> Item:
    item: Item = {
        "AccountId": {"S": row.account_id},
        "Version": {"N": str(row.version)},
        "Type": {"S": SNAPSHOT},
        "Format": {"N": str(FORMAT)},
        "Sequence": {"N": str(row.sequence)},
        "Timestamp": {"S": row.occurred_at},
        "Currency": {"S": row.currency},
        "Balance": {"N": _number(row.balance)},
    }
    if isinstance(row, SnapshotRow):
        item["Owner"] = {"S": row.owner}
        return item
    match row.event:
        case Created(owner=owner):
            item |= {"Type": {"S": CREATED}, "Owner": {"S": owner}}
        case Withdrawn(amount=amount):
            item |= {"Type": {"S": WITHDRAW}, "Amount": {"N": _number(amount)}}
        case Credited(amount=amount):
            item |= {"Type": {"S": CREDIT}, "Amount": {"N": _number(amount)}}
    item["CorrelationId"] = {"S": row.correlation_id}
    if row.command_id is not None:
        item["CommandId"] = {"S": row.command_id}
    return item


def from_item(item: Mapping[str, Any]) -> Row:
    """The row of an item.

    Raises:
        Corrupt: an attribute is missing or malformed, version and sequence do not belong together, or the type or
            format is one this code does not know. Its message never quotes an amount.
    """
    try:
        return _row(item)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        raise Corrupt(f"row {key_of(item)}: {type(error).__name__}: {error}") from error


def key_of(item: Mapping[str, Any]) -> str:
    """`account/version` for messages, whatever state the item is in."""
    parts = (item.get("AccountId"), item.get("Version"))
    return "/".join(str(next(iter(part.values()), "?")) if isinstance(part, Mapping) else "?" for part in parts)


def _row(item: Mapping[str, Any]) -> Row:
    kind = item["Type"]["S"]
    if item["Format"]["N"] != str(FORMAT):
        raise Corrupt(f"row {key_of(item)}: unknown row format {item['Format']['N']}; this code reads format {FORMAT}")
    version, sequence = int(item["Version"]["N"]), int(item["Sequence"]["N"])
    due = version_of(sequence) + 1 if kind == SNAPSHOT else version_of(sequence)
    if sequence < 1 or version != due or is_snapshot_version(version) != (kind == SNAPSHOT):
        raise Corrupt(f"row {key_of(item)}: a {kind} row cannot have version {version} and sequence {sequence}")
    if kind == SNAPSHOT:
        return SnapshotRow(
            account_id=item["AccountId"]["S"],
            version=version,
            sequence=sequence,
            occurred_at=item["Timestamp"]["S"],
            owner=item["Owner"]["S"],
            currency=item["Currency"]["S"],
            balance=_money(item, "Balance"),
        )
    return EventRow(
        account_id=item["AccountId"]["S"],
        version=version,
        sequence=sequence,
        occurred_at=item["Timestamp"]["S"],
        event=_event(kind, item),
        balance=_money(item, "Balance"),
        currency=item["Currency"]["S"],
        correlation_id=item["CorrelationId"]["S"],
        command_id=item["CommandId"]["S"] if "CommandId" in item else None,
    )


def _event(kind: str, item: Mapping[str, Any]) -> Event:
    match kind:
        case "CREATED":
            return Created(owner=item["Owner"]["S"], currency=item["Currency"]["S"])
        case "WITHDRAW":
            return Withdrawn(_amount(item))
        case "CREDIT":
            return Credited(_amount(item))
    raise Corrupt(f"row {key_of(item)}: unknown type {kind!r}")


def _number(value: Decimal) -> str:
    """Money as DynamoDB returns it: no trailing zeros, so that an item reads back as it was written."""
    return f"{value.normalize():f}"


def _money(item: Mapping[str, Any], name: str) -> Decimal:
    value = Decimal(item[name]["N"])
    if value and not is_amount(value):
        raise Corrupt(f"row {key_of(item)}: {name} is no money: negative, too large or not exact to the cent")
    return value.quantize(CENT)


def _amount(item: Mapping[str, Any]) -> Decimal:
    amount = _money(item, "Amount")
    if not amount:
        raise Corrupt(f"row {key_of(item)}: Amount is zero")
    return amount
