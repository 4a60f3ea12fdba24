"""The distribution of balances: the number of accounts in each of a few bins. Pure.

Balances may differ by powers of ten, so the bins' edges grow as 1, 2, 5, 10, or tenfold. If all balances have the same
number of digits, the bins have equal widths, because bins that grow unevenly would show false peaks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

BINS_MAX = 12
DIGITS_MAX = 17
EQUAL, GROWING, TENFOLD = (1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1,)
"""The bins' edges within a power of ten."""


@dataclass(frozen=True, slots=True)
class Size:
    """A group of accounts whose balances have the same sign, number of digits and leading digit: a row of the query.

    Attributes:
        size: the balance without sign and cents, truncated to its leading digit; 0 below 1.
        median: the median over all accounts of the currency if it is in this group; otherwise None.
    """

    sign: int
    size: int
    accounts: int
    least: Decimal
    greatest: Decimal
    median: Decimal | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Accounts with balances from `low`, included, to `high`, excluded. Zero is never included."""

    low: int
    high: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The distribution. `bins` are adjacent and reach from the least to the greatest balance above 0."""

    accounts: int
    overdrawn: int
    empty: int
    bins: tuple[Bin, ...]
    least: Decimal
    median: Decimal
    greatest: Decimal


def distribution(sizes: Sequence[Size]) -> Distribution | None:
    """The distribution of one currency's accounts; None without accounts."""
    if not sizes:
        return None
    return Distribution(
        accounts=sum(each.accounts for each in sizes),
        overdrawn=sum(each.accounts for each in sizes if each.sign < 0),
        empty=sum(each.accounts for each in sizes if each.sign == 0),
        bins=_bins([each for each in sizes if each.sign > 0]),
        least=min(each.least for each in sizes),
        median=next(each.median for each in sizes if each.median is not None),
        greatest=max(each.greatest for each in sizes),
    )


def _bins(sizes: Sequence[Size]) -> tuple[Bin, ...]:
    if not sizes:
        return ()
    low, high = min(each.size for each in sizes), max(each.size for each in sizes)
    ladder: Sequence[int] = EQUAL if low and len(f"{low}") == len(f"{high}") else GROWING
    if len(list(_between(ladder, low, high))) > BINS_MAX:
        ladder = TENFOLD
    return tuple(
        Bin(start, end, sum(each.accounts for each in sizes if start <= each.size < end))
        for start, end in _between(ladder, low, high)
    )


def _between(ladder: Sequence[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    return ((start, end) for start, end in pairwise(_edges(ladder)) if end > low and start <= high)


def _edges(ladder: Sequence[int]) -> Iterator[int]:
    yield 0
    for exponent in range(DIGITS_MAX + 1):
        for step in ladder:
            yield step * 10**exponent
