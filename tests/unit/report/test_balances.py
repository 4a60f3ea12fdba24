"""The distribution of balances over bins."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.report.balances import BINS_MAX, Distribution, Size, distribution

AMOUNTS = st.lists(st.decimals(-10, Decimal(10**16) - 1, places=2, allow_nan=False), min_size=1, max_size=40)


def spread(*balances: Decimal | str) -> Distribution:
    values = sorted(Decimal(each) for each in balances)
    middle = (len(values) - 1) // 2
    sizes = []
    for index, value in enumerate(values):
        digits = f"{abs(int(value))}"
        size = int(digits[0] + "0" * (len(digits) - 1))
        sign = (value > 0) - (value < 0)
        sizes.append(Size(sign, size, 1, value, value, value if index == middle else None))
    found = distribution(sizes)
    assert found is not None
    return found


@given(AMOUNTS)
def test_every_account_is_counted_once_and_in_the_right_bin(balances: list[Decimal]) -> None:
    found = spread(*balances)
    assert found.accounts == found.overdrawn + found.empty + sum(each.accounts for each in found.bins) == len(balances)
    for each in found.bins:
        assert each.accounts == sum(balance > 0 and each.low <= balance < each.high for balance in balances)
    assert found.overdrawn == sum(balance < 0 for balance in balances)
    assert found.empty == sum(balance == 0 for balance in balances)


@given(AMOUNTS)
def test_bins_are_adjacent_and_the_first_and_last_are_not_empty(balances: list[Decimal]) -> None:
    bins = spread(*balances).bins
    assert all(one.high == next_.low for one, next_ in pairwise(bins))
    assert not bins or (bins[0].accounts and bins[-1].accounts)
    assert len(bins) <= BINS_MAX or bins[1].high == 10 * bins[1].low  # no bins are coarser than tenfold


@pytest.mark.parametrize(
    ("balances", "edges"),
    [
        (("0.01", "0.99"), [0, 1]),
        (("1", "2.5"), [1, 2, 3]),
        (("120", "350", "999.99"), [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]),
        (("90", "110"), [50, 100, 200]),
        (("0.5", "30"), [0, 1, 2, 5, 10, 20, 50]),
        (("0.5", "9000000"), [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000]),
        (("9999999999999999.99",), [9 * 10**15, 10**16]),
    ],
)
def test_bins_have_round_edges(balances: tuple[str, ...], edges: list[int]) -> None:
    bins = spread(*balances).bins
    assert [bins[0].low, *(each.high for each in bins)] == edges


def test_without_accounts_there_is_no_distribution() -> None:
    assert distribution([]) is None
    assert spread("0", "-1").bins == ()
