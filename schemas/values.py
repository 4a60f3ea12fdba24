"""What a value must be before it is encoded: fastavro would round, truncate or guess, and money must not be guessed.

A rule takes a value and answers with what is wrong with it, or None. The answers never quote the value.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

Rule = Callable[[Any], str | None]

MONEY_PRECISION = 18
MONEY_SCALE = 2

_LONG_MAX = 2**63 - 1
_MONEY_BELOW = Decimal(10) ** (MONEY_PRECISION - MONEY_SCALE)
_CENTS_BELOW = 10**MONEY_PRECISION
_EXACT = Context(prec=2 * MONEY_PRECISION)
"""Whatever context the program around has, which would round."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def rule_for(avro_type: Any) -> Rule:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    """The rule for a field's type.

    Raises:
        NotImplementedError: the contract uses a type that has no rule yet; add one here, with its tests.
    """
    match avro_type:
        case "string":
            return _string
        case "long":
            return _long
        case ["null", "string"]:
            return _optional_string
        case {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale} if (
            precision,
            scale,
        ) == (MONEY_PRECISION, MONEY_SCALE):
            return _money
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return _instant
    raise NotImplementedError(f"no rule for values of the Avro type {avro_type}")


def primitive_for(avro_type: Any) -> Callable[[Any], Any]:  # noqa: ANN401 -- as above
    """From a field's value to that of its primitive Avro type: cents for money, microseconds for a time."""
    match avro_type:
        case {"logicalType": "decimal"}:
            return cents
        case {"logicalType": "timestamp-micros"}:
            return micros
    return lambda value: value


def logical_for(avro_type: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 -- as above
    """The way back, from what a body holds; None for types that mean nothing more.

    What is called raises ValueError or OverflowError for a value that the type does not allow.
    """
    match avro_type:
        case {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}:
            return _money_of
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return instant_of
    return None


def cents_of(body: bytes) -> int:
    """Money's cents from its Avro body, two's complement, big-endian.

    Raises:
        ValueError: the type does not allow so many.
    """
    whole = int.from_bytes(body, "big", signed=True)
    if not -_CENTS_BELOW < whole < _CENTS_BELOW:
        raise ValueError("more digits than its schema allows")
    return whole


def _money_of(body: bytes) -> Decimal:
    return Decimal(cents_of(body)).scaleb(-MONEY_SCALE, _EXACT)


def instant_of(microseconds: int) -> datetime:
    """From those since 1970, in UTC.

    Raises:
        OverflowError: before the year 1 or after 9999.
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def cents(amount: Decimal) -> int:
    return int(amount.scaleb(MONEY_SCALE, _EXACT))


def micros(instant: datetime) -> int:
    """Since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def _string(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be str, not {type(value).__name__}"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which UTF-8 cannot carry"
    return None


def _optional_string(value: object) -> str | None:
    return None if value is None else _string(value)


def _long(value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"must be int, not {type(value).__name__}"
    return None if -_LONG_MAX - 1 <= value <= _LONG_MAX else "does not fit in 64 bits"


def _money(value: object) -> str | None:
    if not isinstance(value, Decimal):
        return f"must be Decimal, not {type(value).__name__}"
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return "must be a finite number"
    if exponent < -MONEY_SCALE:
        return f"has more than {MONEY_SCALE} decimals and would have to be rounded"
    return None if abs(value) < _MONEY_BELOW else f"has more than {MONEY_PRECISION} digits"


def _instant(value: object) -> str | None:
    if not isinstance(value, datetime):
        return f"must be datetime, not {type(value).__name__}"
    if value.utcoffset() is None:
        return "must carry a time zone; UTC is meant"
    try:
        value.astimezone(UTC)
    except OverflowError:
        return "lies outside the years 1 to 9999 in UTC"
    return None
