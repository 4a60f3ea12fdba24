"""Everything that can be wrong with a ledger and its lake is found by the engine `local`, and nothing else."""

from pathlib import Path

import pytest

from tests.support.corruptions import CORRUPTIONS, Corruption, sides
from tests.unit.lake.reconcile_given import LedgerAndLake


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_each_corruption_is_found_and_nothing_else(tmp_path: Path, corruption: Corruption) -> None:
    items, rows = corruption.make(*sides())
    given = LedgerAndLake(tmp_path, [], rows)
    for item in items:
        given.source.put_item(item)
    given.settle = lambda: None
    result, found = given.reconciled()
    summary = tuple(
        (each.kind, each.account_id, each.sequence, tuple(one.field for one in each.differences)) for each in found
    )
    assert summary == corruption.expected
    assert result.agrees == (not found)
