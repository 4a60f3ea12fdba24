"""What an amount of money is, here: a decimal of scale 2 with at most 18 digits, as the Avro schemas fix it."""

from decimal import Decimal

SCALE = 2
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MONEY_MAX = Decimal("9999999999999999.99")
"""The largest amount, and the largest balance."""


def is_amount(value: Decimal) -> bool:
    """Whether `value` is an amount that can be credited or withdrawn: positive, exact to the cent, not too large."""
    return value.is_finite() and ZERO < value <= MONEY_MAX and value == value.quantize(CENT)
