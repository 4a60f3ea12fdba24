"""Formats figures for the page, without units: with a true minus sign and narrow no-break spaces. Pure."""

from datetime import date, datetime
from decimal import Decimal

MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
CENT = Decimal("0.01")
CONTROLS_END = 0x20
DELETES = range(0x7F, 0xA0)
SURROGATES = range(0xD800, 0xE000)
NO_CHARACTERS = frozenset("\ufffe\uffff")
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def money(amount: Decimal) -> str:
    """Formats an amount to the cent: 1 234.50."""
    return _typeset(f"{amount.quantize(CENT) + 0:,}")  # + 0 removes the sign of -0


def signed(amount: Decimal) -> str:
    """Formats an amount as `money` does, with a sign unless it is zero."""
    return money(amount) if amount <= 0 else f"+{money(amount)}"


def count(number: int, one: str = "", many: str = "") -> str:
    """Formats a number, "1 234", or a number with a noun, "1 account" or "2 accounts"."""
    figure = _typeset(f"{number:,}")
    thing = one if number == 1 else many or (one and f"{one}s")
    return f"{figure} {thing}" if thing else figure


def mean(total: int, of: int) -> str:
    """Formats a mean, with one decimal below 10 and none above."""
    value = Decimal(total) / of
    return count(int(value.to_integral_value())) if value >= 10 else f"{value:.1f}"  # noqa: PLR2004 -- reads well


def long_day(day: date) -> str:
    """Formats a date: Friday 27 November 2026."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    """Formats a date: 27 Nov."""
    return f"{day.day} {day:%b}"


def clock(instant: datetime) -> str:
    """Formats a time: 14:32:05."""
    return f"{instant:%H:%M:%S}"


def moment(instant: datetime) -> str:
    """Formats a date and time: 27 Nov 2026, 14:32:05."""
    return f"{instant.day} {instant:%b %Y, %H:%M:%S}"


def hours(first: int) -> str:
    """Formats an hour of the day: 14:00 to 15:00."""
    return f"{first:02}:00 to {first + 1:02}:00"


def foreign(text: str) -> str:
    """Makes text from outside safe for the page: replaces characters that break XML or change the reading direction."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unsafe(character) else character for character in text)


def _is_unsafe(character: str) -> bool:
    code = ord(character)
    return code < CONTROLS_END or code in DELETES or code in SURROGATES or character in NO_CHARACTERS | DIRECTIONS


def _typeset(figure: str) -> str:
    return figure.replace(",", THIN).replace("-", MINUS)
