"""Everything that can be wrong with a ledger and its lake is found by the engine `local`, and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.corruptions import CORRUPTIONS, sides
from tests.support.damage import Corruption
from tests.support.ledger_and_lake import history, lake_rows
from tests.unit.lake.reconcile_given import NOW, LedgerAndLake


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


def test_each_wrong_balance_is_one_finding(tmp_path: Path) -> None:
    """The event after a wrong balance is right, although its balance does not follow from the wrong one."""
    items, rows = sides()
    for number in ("4", "6", "9"):
        [item] = [each for each in items if each["AccountId"]["S"] == "a-1" and each["Version"]["N"] == number]
        item["Balance"] = {"N": str(float(item["Balance"]["N"]) + 0.5)}
    given = LedgerAndLake(tmp_path, [], rows)
    for item in items:
        given.source.put_item(item)
    result, found = given.reconciled()
    unbalanced = [each for each in found if each.kind == "unbalanced"]
    assert [each.sequence for each in unbalanced] == [4, 6, 9]
    assert unbalanced[0].note == "its balance in the ledger is 30.50, not 30.00"
    assert (result.unbalanced, result.differing) == (3, 3)


def test_a_young_gap_is_not_reported(tmp_path: Path) -> None:
    """An export may lack a row although it has a later one, for about a minute."""
    young = history("a-4", "1.00", "1.00", "1.00", start=NOW - timedelta(hours=2, minutes=5))
    rows = [row for row in young if row.version != 2]
    given = LedgerAndLake(tmp_path, rows, lake_rows(rows))
    _, found = given.reconciled()
    assert not found
    given.now = NOW + timedelta(minutes=20)
    _, found = given.reconciled()
    assert [(each.kind, each.sequence, each.note) for each in found] == [("gap", 3, "the ledger lacks event 2")]
