"""A chart's headline is true of its figures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.report.findings import spread, spread_unit
from tests.unit.report.test_balances import spread as distributed

FEW = st.lists(st.sampled_from([Decimal(each) for each in ("0.00", "0.01", "5.00", "7.50")]), min_size=3, max_size=9)


@pytest.mark.parametrize(
    ("balances", "headline"),
    [
        (["5.00"], "the only account closed at 5.00"),
        (["0.00"] * 2, "all 2 accounts closed at 0.00"),
        (["0.00"] * 12, "all 12 accounts closed at 0.00"),
        (["7.50"] * 3, "all 3 accounts closed at 7.50"),
        (["1.00", "7.50"], "one account closed at 1.00, the other at 7.50"),
        (["0.00"] * 6 + ["7.50"] * 5, "at least half of 11 accounts closed at 0.00"),
        (["0.00"] + ["7.50"] * 11, "at least half of 12 accounts closed at 7.50"),
        (["0.00", "1.00", "5.00", "7.50"], "at least half of 4 accounts closed at 1.00 or less"),
        (["-1.00", "0.00", "0.00", "0.00", "5.00"], "at least half of 5 accounts closed at 0.00 or less"),
    ],
)
def test_the_headline_states_where_half_of_the_balances_are(balances: list[str], headline: str) -> None:
    assert spread("EUR", distributed(*balances)) == f"EUR: {headline}"


@given(FEW)
def test_at_least_half_are_at_or_below_the_stated_median(balances: list[Decimal]) -> None:
    words = spread("EUR", distributed(*balances))
    shown = Decimal(words.removesuffix(" or less").split()[-1])
    there = [balance <= shown if words.endswith("or less") else balance == shown for balance in balances]
    assert sum(there) == len(balances) if "all" in words else 2 * sum(there) >= len(balances)


def test_the_unit_line_has_the_ends_if_they_differ() -> None:
    assert spread_unit("EUR", distributed("0.00", "0.00", "5.00")) == "accounts by balance in EUR, from 0.00 to 5.00"
    assert spread_unit("EUR", distributed("0.00", "0.00")) == "accounts by balance in EUR"
