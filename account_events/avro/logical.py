"""Converts primitive Avro values to their logical types, exactly or not at all.

avro.apache.org/docs/1.12.0/specification/#logical-types. Decimals are converted here, because fastavro rounds those
with more digits than their schema allows. Dates and times are converted by fastavro, after a check of their range.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from fastavro.read import LOGICAL_READERS

from account_events.avro.values import MONEY_PRECISION, MONEY_SCALE, instant_of, money_of, whole_of

Convert = Callable[[Any], Any]

PRECISION_MAX = 1000
"""The maximum number of a decimal's digits, as in PostgreSQL (Athena allows 38). It limits the computing time."""

_PER_DAY = {"time-millis": 86_400_000, "time-micros": 86_400_000_000}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def logical_for(avro_type: Any) -> Convert | None:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    """The converter from a type's primitive value to its logical type; None if it has no logical type.

    The converter raises ValueError or OverflowError for a value that the logical type does not allow.

    Raises:
        ValueError: a decimal has an invalid precision or scale.
    """
    match avro_type:
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return instant_of
        case {"type": "bytes" | "fixed" as kind, "logicalType": "decimal"}:
            return _decimal(kind, avro_type.get("precision"), avro_type.get("scale", 0))
        case {"type": str(kind), "logicalType": str(name)} if f"{kind}-{name}" in LOGICAL_READERS:
            return _of_fastavro(name, LOGICAL_READERS[f"{kind}-{name}"], avro_type)
    return None


def _decimal(kind: str, precision: Any, scale: Any) -> Convert:  # noqa: ANN401 -- JSON
    if (kind, precision, scale) == ("bytes", MONEY_PRECISION, MONEY_SCALE):
        return money_of
    if type(precision) is not int or not 1 <= precision <= PRECISION_MAX:
        raise ValueError(f"a decimal whose precision is not a whole number from 1 to {PRECISION_MAX}")
    if type(scale) is not int or not 0 <= scale <= precision:
        raise ValueError("a decimal whose scale is not a whole number from 0 to its precision")
    whole, exact = whole_of(precision, is_padded=kind == "fixed"), Context(prec=precision)
    return lambda body: Decimal(whole(body)).scaleb(-scale, exact)


def _of_fastavro(name: str, read: Callable[[Any, Any, Any], Any], avro_type: Any) -> Convert:  # noqa: ANN401 -- Avro's JSON
    """Fastavro's converter, with checks that it lacks: it accepts negative times and UUIDs in braces."""

    def convert(value: Any) -> Any:  # noqa: ANN401 -- each type's own
        if name in _PER_DAY and not 0 <= value < _PER_DAY[name]:
            raise ValueError("a time outside the day")
        if name == "uuid" and not _UUID.fullmatch(value):
            raise ValueError("not a UUID of 36 characters")
        try:
            return read(value, avro_type, None)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"a {name} out of range") from error  # fastavro's message may quote the value

    return convert
