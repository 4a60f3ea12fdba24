"""Stored attributes as text, and their values: only the spellings that this service and DynamoDB write. Pure.

Python reads more: other scripts' digits, underscores, spaces, NaN, and a dozen forms of one time. Times are compared as
text, so each has to have exactly one.
"""

import re
from datetime import datetime
from decimal import Decimal

NUMBER_CHARACTERS_MAX = 127
"""No number of DynamoDB's is longer when it is written without an exponent: they are below 10**126."""

_DECIMAL = re.compile(r"-?[0-9]{1,127}(\.[0-9]{0,130})?([Ee][+-]?[0-9]{1,3})?")
_ANY_TIME = b"0000-00-00T00:00:00.000000Z"
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_read = datetime.fromisoformat  # looked up once: a projector reads one for every event


def is_whole_number(text: str) -> bool:
    """Whether it is digits alone, without a sign or leading zeros."""
    is_digits = text.isascii() and text.isdecimal() and len(text) <= NUMBER_CHARACTERS_MAX
    return is_digits and (text[0] != "0" or text == "0")


def whole_number(text: str) -> int:
    """Raises ValueError: it is not one, or not spelled as DynamoDB does."""
    if not is_whole_number(text):
        raise ValueError(f"{text[:40]!r} is not a whole number in decimal digits")
    return int(text)


def decimal_number(text: str) -> Decimal:
    """Raises ValueError: it is not one. The message never quotes it: it may be an amount."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a number in decimal digits")
    return Decimal(text)


def instant(text: str) -> datetime:
    """The moment of a timestamp like "2026-01-31T09:30:00.000001Z"; `head.timestamp` writes them.

    Raises:
        ValueError: it is spelled in another way, or there is no such time.
    """
    # Comparing with the time written again would take twelve times as long.
    if text.encode().translate(_DIGITS_AS_ZEROS) != _ANY_TIME or "T24" in text:  # newer Pythons know an hour 24
        raise ValueError("not ISO 8601 UTC with six decimals")
    return _read(text)
