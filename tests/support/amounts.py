"""Hypothesis strategies for amounts of money."""

from decimal import Decimal

from hypothesis import strategies as st

from account_core.domain.money import MONEY_MAX


def cents(
    least: str | Decimal = "0.01", most: str | Decimal = MONEY_MAX, *, decimals: int = 2
) -> st.SearchStrategy[Decimal]:
    """Decimals from `least` to `most` with at most `decimals` digits after the point."""
    first, last = (int(Decimal(bound).scaleb(decimals)) for bound in (least, most))
    return st.integers(first, last).map(lambda units: Decimal(units).scaleb(-decimals))
