"""The arithmetic behind the benchmarks' figures."""

from typing import TYPE_CHECKING

import pytest

from benchmarks.cost_results import Prices
from benchmarks.cost_targets import operations
from benchmarks.meter import Cost
from benchmarks.row_sizes import READ_UNIT_BYTES, WRITE_UNIT_BYTES, item_size, row_sizes

if TYPE_CHECKING:
    from account_core.rows.items import Item


def test_an_items_size_includes_names_and_values() -> None:
    item: Item = {"Name": {"S": "\u00e9t\u00e9"}, "Zero": {"N": "0"}, "Money": {"N": "1234.5"}, "No": {"NULL": True}}
    assert item_size(item) == (4 + 5) + (4 + 2) + (5 + 4) + (2 + 1)
    assert item_size({"N": {"N": "1000"}}) == 1 + 2, "trailing zeros are not significant"


def test_no_row_that_the_api_allows_takes_two_write_units() -> None:
    assert row_sizes().largest < WRITE_UNIT_BYTES


def test_ten_rows_of_typical_transfers_fit_one_read_unit() -> None:
    assert 10 * row_sizes().typical_transfer <= READ_UNIT_BYTES


def test_a_price_is_that_of_a_million_operations() -> None:
    assert Prices(write=2.0, read=0.5).of(Cost(requests=3, read_units=4, write_units=1)) == 4.0


@pytest.mark.parametrize("worse", [Cost(2, 1, 1), Cost(1, 1.5, 1), Cost(1, 1, 1.1)])
def test_a_target_is_missed_if_any_figure_exceeds_it(worse: Cost) -> None:
    assert not worse.is_at_most(Cost(1, 1, 1))
    assert Cost(1, 1, 1).is_at_most(Cost(1, 1, 1, documented=1))


def test_operations_have_distinct_names() -> None:
    names = [operation.name for operation in operations(100_000)]
    assert len(set(names)) == len(names)
