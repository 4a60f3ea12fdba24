"""The key of a DynamoDB table: its attributes, their valid values, and their order. Pure."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

NUMBER_CHARACTERS_MAX = 200
"""More characters than any DynamoDB number has, even without an exponent."""
Order = tuple[tuple[str, Any], ...]
"""A value that compares like an item's key in DynamoDB: numbers by value, text and binary by their bytes."""


@dataclass(frozen=True, slots=True)
class TableKey:
    """The names of a table's key attributes.

    Attributes:
        partition: the partition key (HASH).
        sort: the sort key (RANGE); None if the table has none.
    """

    partition: str
    sort: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.partition,) if self.sort is None else (self.partition, self.sort)

    def in_item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """An item's key, as in `Keys` of a stream record."""
        return {name: item[name] for name in self.names}

    def is_in(self, item: object) -> bool:
        """Whether the item has a valid key of this table."""
        return isinstance(item, Mapping) and not self.fault_in(item)

    def fault_in(self, item: Mapping[str, Any]) -> str:
        """Why an item's key attributes are invalid; empty if they are valid."""
        faults = (f"{name} {fault}" for name in self.names if (fault := value_fault(item.get(name))))
        return next(faults, "")

    def order(self, item: Mapping[str, Any]) -> Order:
        """A value to sort items by key; equal only for the same key. The key must be valid."""
        return tuple(_ordered(*_only(item[name])) for name in self.names)

    def text(self, item: Mapping[str, Any]) -> str:
        """An item's key as text for messages."""
        return "/".join(str(_only(item[name])[1]) for name in self.names)


def value_fault(value: object) -> str:
    """Why a key attribute's value, in DynamoDB JSON, is invalid; empty if it is valid."""
    match value:
        case None:
            return "is missing"
        case {"S": str(text), **others} if not others:
            return "" if text else "is empty"
        case {"N": str(number), **others} if not others:
            return _number_fault(number)
        case {"B": str(encoded), **others} if not others:
            return "" if encoded and _bytes(encoded) is not None else "is not a binary value in Base64"
    return "is neither a string (S), a number (N) nor a binary value (B)"


def type_of(value: Mapping[str, Any]) -> str:
    """The type of a valid value: S, N or B."""
    return _only(value)[0]


def _number_fault(number: str) -> str:
    if len(number) > NUMBER_CHARACTERS_MAX:
        return f"has {len(number)} characters: too long for a DynamoDB number"
    try:
        is_number = Decimal(number).is_finite() and number.isascii() and "_" not in number
    except InvalidOperation:
        is_number = False
    return "" if is_number else "is not a number"


def _only(value: Mapping[str, Any]) -> tuple[str, Any]:
    [(kind, content)] = value.items()
    return kind, content


def _ordered(kind: str, content: str) -> tuple[str, Any]:
    match kind:
        case "N":
            return kind, Decimal(content)
        case "B":
            return kind, _bytes(content)
    return kind, content.encode("utf-8", "surrogatepass")


def _bytes(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
