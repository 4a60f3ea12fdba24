"""Amounts of money: decimals of scale 2 with at most 18 digits, as in the Avro schemas."""

from decimal import Context, Decimal

SCALE = 2
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MONEY_MAX = Decimal("9999999999999999.99")
"""The largest amount, and the largest balance."""

EXACT = Context(prec=36)
"""The context for all arithmetic with money: the caller's own context may round."""


def is_amount(value: Decimal) -> bool:
    """Whether `value` is an amount that can be credited or withdrawn: positive, exact to the cent, not too large."""
    return value.is_finite() and ZERO < value <= MONEY_MAX and value == value.quantize(CENT, context=EXACT)


def to_cents(value: Decimal) -> Decimal:
    """An amount or a balance with two decimals.

    Raises:
        ValueError: the value is negative, too large, or has more than two decimals.
    """
    if value and not is_amount(value):
        raise ValueError("not a valid amount of money: negative, too large or not exact to the cent")
    return value.quantize(CENT, context=EXACT)
