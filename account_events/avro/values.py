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


def whole_of(precision: int, *, is_padded: bool = False) -> Callable[[bytes], int]:
    """From a decimal's Avro body, two's complement, big-endian, to the number without its point.

    Args:
        precision: how many digits it may have.
        is_padded: whether it may have more bytes than it needs, as one of a fixed size has.

    Returns:
        What raises ValueError for more digits, for more bytes, and for none.
    """
    below = 10**precision

    def whole_of_body(body: bytes) -> int:
        whole = int.from_bytes(body, "big", signed=True)
        if not -below < whole < below:
            raise ValueError("more digits than its schema allows")
        # As many bytes as hold the absolute value and a sign, as the encoder and fastavro write it. Java writes as few
        # as hold the number, which makes a difference for -128: one byte, not two.
        size = len(body)
        if size == (whole.bit_length() + 8) >> 3 or is_padded:
            return whole
        if whole < 0 and size == ((~whole).bit_length() + 8) >> 3:
            return whole
        raise ValueError("more bytes than its number needs, or none")

    return whole_of_body


cents_of = whole_of(MONEY_PRECISION)
"""Money's cents from its Avro body."""


def money_of(body: bytes) -> Decimal:
    """As `cents_of`, in units of its currency."""
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
    return None if value.copy_abs() < _MONEY_BELOW else f"has more than {MONEY_PRECISION} digits"


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
