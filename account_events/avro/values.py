"""Checks values before they are encoded, and converts them to and from Avro's primitive types.

fastavro would round or truncate some values; these rules refuse them. A rule returns None for a valid value, otherwise
the rest of a sentence that begins with the field's name. It never quotes the value.
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
_EXACT = Context(prec=2 * MONEY_PRECISION)
"""Independent of the program's decimal context, which could round."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def rule_for(avro_type: Any) -> Rule:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    """The rule for a field's type.

    Raises:
        NotImplementedError: the contract uses a type that has no rule yet. Add one here, with its tests.
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
    """The converter from a field's value to its primitive Avro type: cents for money, microseconds for a time."""
    match avro_type:
        case {"logicalType": "decimal"}:
            return cents
        case {"logicalType": "timestamp-micros"}:
            return micros
    return lambda value: value


def whole_of(precision: int, *, is_padded: bool = False) -> Callable[[bytes], int]:
    """The converter from a decimal's body (two's complement, big-endian) to its unscaled number.

    Args:
        precision: the maximum number of digits.
        is_padded: whether the body may have more bytes than the number needs, as in a fixed type.

    Returns:
        A function that raises ValueError for too many digits, for more bytes than needed, and for an empty body.
    """
    below = 10**precision

    def whole_of_body(body: bytes) -> int:
        whole = int.from_bytes(body, "big", signed=True)
        if not -below < whole < below:
            raise ValueError("more digits than its schema allows")
        # The encoder and fastavro write the fewest bytes for the absolute value and a sign bit. Java writes the fewest
        # for the number itself, which differs for -128: one byte instead of two.
        size = len(body)
        if size == (whole.bit_length() + 8) >> 3 or is_padded:
            return whole
        if whole < 0 and size == ((~whole).bit_length() + 8) >> 3:
            return whole
        raise ValueError("empty, or more bytes than its number needs")

    return whole_of_body


cents_of = whole_of(MONEY_PRECISION)
"""Converts the Avro body of an amount to cents."""


def money_of(body: bytes) -> Decimal:
    """Convert the Avro body of an amount to units of its currency."""
    return Decimal(cents_of(body)).scaleb(-MONEY_SCALE, _EXACT)


def instant_of(microseconds: int) -> datetime:
    """Convert microseconds since 1970 to a `datetime` in UTC.

    Raises:
        OverflowError: the time is before the year 1 or after the year 9999.
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def cents(amount: Decimal) -> int:
    return int(amount.scaleb(MONEY_SCALE, _EXACT))


def micros(instant: datetime) -> int:
    """Convert a time to microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def _string(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be str, not {type(value).__name__}"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate, which UTF-8 cannot encode"
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
    return None if value.copy_abs() < _MONEY_BELOW else f"has more than {MONEY_PRECISION} digits"


def _instant(value: object) -> str | None:
    if not isinstance(value, datetime):
        return f"must be datetime, not {type(value).__name__}"
    if value.utcoffset() is None:
        return "must have a time zone, such as UTC"
    try:
        value.astimezone(UTC)
    except OverflowError:
        return "is outside the years 1 to 9999 in UTC"
    return None
