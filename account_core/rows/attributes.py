"""Parse stored attributes, only in the forms that this service and DynamoDB write. Pure.

Python accepts more: digits of other scripts, underscores, spaces, NaN, and a dozen forms of one time. Times are
compared as text, so a time must have exactly one form.
"""

import re
from datetime import datetime
from decimal import Decimal

NUMBER_CHARACTERS_MAX = 127
"""DynamoDB's numbers are below 10**126, so a whole number without an exponent is not longer."""

_DECIMAL = re.compile(r"-?[0-9]{1,127}(\.[0-9]{0,130})?([Ee][+-]?[0-9]{1,3})?")
_ANY_TIME = b"0000-00-00T00:00:00.000000Z"
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_read = datetime.fromisoformat  # looked up once: the projector calls it for every event


def is_whole_number(text: str) -> bool:
    """Whether the text consists of digits, without a sign or leading zeros."""
    is_digits = text.isascii() and text.isdecimal() and len(text) <= NUMBER_CHARACTERS_MAX
    return is_digits and (text[0] != "0" or text == "0")


def whole_number(text: str) -> int:
    """Raises ValueError if the text is not a whole number as DynamoDB writes it."""
    if not is_whole_number(text):
        raise ValueError(f"{text[:40]!r} is not a whole number in decimal digits")
    return int(text)


def decimal_number(text: str) -> Decimal:
    """Raises ValueError if the text is not a number. The message never quotes the text: it may be an amount."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a number in decimal digits")
    return Decimal(text)


def instant(text: str) -> datetime:
    """The moment of a timestamp like "2026-01-31T09:30:00.000001Z", as `head.timestamp` writes it.

    Raises:
        ValueError: the text has another form, or there is no such time.
    """
    # Formatting the parsed time and comparing the texts would take about ten times as long.
    if text.encode().translate(_DIGITS_AS_ZEROS) != _ANY_TIME or "T24" in text:  # newer Pythons accept hour 24
        raise ValueError("not ISO 8601 UTC with six decimals")
    return _read(text)
