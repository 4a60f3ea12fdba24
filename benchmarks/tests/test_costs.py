"""The exact costs of operations, on stores that count capacity units as AWS bills them.

`make bench` prints the whole table.
"""

from collections.abc import Callable

import pytest

from benchmarks import operations as measured
from benchmarks import transfer_costs as transfers
from benchmarks.meter import Cost
from benchmarks.world import World, open_world


@pytest.fixture(scope="module")
def local(dynamodb_local_url: str) -> World:
    return open_world(dynamodb_local_url)


@pytest.fixture(scope="module")
def emulated(emulator_url: str) -> World:
    return open_world(emulator_url)


@pytest.mark.parametrize(
    ("operation", "cost"),
    [
        (measured.plain, Cost(1, 0, 1)),
        (measured.not_cached, Cost(2, 1, 1)),
        (measured.conflict, Cost(2, 0, 2, documented=1)),
        (measured.refusal, Cost(1, 1, 0)),
        (measured.creation, Cost(1, 0, 1)),
        (measured.keyed_creation, Cost(1, 0, 2)),
        (measured.replay, Cost(2, 2, 0)),
        (measured.balance(10), Cost(1, 1, 0)),
        (measured.balance(1_000), Cost(1, 1, 0)),
        (measured.as_of_sequence(1_000), Cost(1, 1, 0)),
        (measured.statement(1_000), Cost(16, 17, 0)),
        (measured.statement_page(1_000), Cost(3, 6, 0)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_costs_as_dynamodb_local_counts_them(local: World, operation: Callable[[World], Cost], cost: Cost) -> None:
    assert operation(local) == cost


@pytest.mark.parametrize(
    ("operation", "cost"),
    [
        (measured.keyed, Cost(2, 1, 2)),
        (measured.snapshot, Cost(1, 0, 4)),
        (measured.keyed_snapshot, Cost(2, 1, 5)),
        (measured.conflict_with_snapshot, Cost(2, 0, 5, documented=4)),
        (measured.snapshot_interval, Cost(9, 0, 12) / 9),
        (transfers.cached, Cost(1, 0, 4)),
        (transfers.one_snapshot, Cost(1, 0, 6)),
        (transfers.two_snapshots, Cost(1, 0, 8)),
        (transfers.keyed, Cost(2, 1, 5)),
        (transfers.one_not_cached, Cost(2, 1, 4)),
        (transfers.none_cached, Cost(3, 2, 4)),
        (transfers.conflict, Cost(2, 0, 8, documented=4)),
        (transfers.repeated, Cost(2, 2, 0)),
        (transfers.refused, Cost(2, 2, 0)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_transactions_and_empty_lookups_as_the_emulator_counts_them(
    emulated: World, operation: Callable[[World], Cost], cost: Cost
) -> None:
    assert operation(emulated) == cost


def test_the_published_design_costs_a_read_and_a_transaction(local: World, emulated: World) -> None:
    assert measured.published(measured.YOUNG)(local).read_units == 1
    assert measured.published_interval(emulated).write_units == pytest.approx(20 / 9)
