"""Decides whether two captures from different sources show the same record. Pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from account_events.testing.records import StreamRecord

SECONDS_APART_MAX = 1.0
"""Some sources give times to the second, others more precisely."""
SETS = ("SS", "NS", "BS")


def disagreement(one: StreamRecord, other: StreamRecord) -> str:
    """The name of the first member that both have with different values; empty if there is none."""
    first, second = _members(one), _members(other)
    shared = sorted(first.keys() & second.keys())
    return next((name for name in shared if _differs(name, first[name], second[name])), "")


def together(one: StreamRecord, other: StreamRecord) -> StreamRecord:
    """The record merged from both captures. If both have a member, Lambda's version is used."""
    fuller, other = (one, other) if "eventSourceARN" in one else (other, one)
    return {**other, **fuller, "dynamodb": {**other["dynamodb"], **fuller["dynamodb"]}}


def _members(record: StreamRecord) -> Mapping[str, Any]:
    own = {name: value for name, value in record.items() if name != "dynamodb"}
    change = {f"dynamodb.{name}": value for name, value in record["dynamodb"].items()}
    return {name: value for name, value in (own | change).items() if value is not None}


def _differs(name: str, one: Any, other: Any) -> bool:  # noqa: ANN401 -- any JSON value
    if name == "dynamodb.ApproximateCreationDateTime":
        return bool(abs(one - other) > SECONDS_APART_MAX)
    if name == "dynamodb.SizeBytes":
        return str(one) != str(other)
    return bool(_canonical(one) != _canonical(other))


def _canonical(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """A comparable form of a value: numbers by value, sets without order."""
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    match value:
        case {"N": str() | int() | float() as number, **others} if not others:
            return {"N": _number(number)}
        case dict():
            return {
                name: frozenset(map(_number, each)) if name in SETS and isinstance(each, list) else _canonical(each)
                for name, each in value.items()
            }
    return value


def _number(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """The value as a number; its text if it is not a number, as in a set of strings or bytes."""
    text = str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text
