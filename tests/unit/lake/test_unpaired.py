"""`reconcile` states what is wrong with a transfer, and checks none whose events may not have been read yet."""

from datetime import timedelta
from pathlib import Path

import pytest

from account_core.domain.events import EventRow, Row
from tests.support.corruptions import sides
from tests.support.ledger_and_lake import history, lake_rows
from tests.support.rows import head_of, transfer_rows
from tests.support.transfer_corruptions import TRANSFER_CORRUPTIONS
from tests.unit.lake.reconcile_given import GRACE, NOW, LedgerAndLake

NOTES = {
    "transfer without its credit": "transfer t-2 has no valid credit on account p-3",
    "transfer without its withdrawal": "transfer t-3 has no valid withdrawal on account p-1",
    "transfer with two credits": "transfer t-2 has 2 credits (p-3:2, p-3:3)",
    "transfer with two withdrawals": "transfer t-3 has 2 withdrawals (p-1:4, p-1:5)",
    "transfer carried out twice": "transfer t-3 has 2 withdrawals (p-1:4, p-1:5) and 2 credits (p-2:4, p-2:5)",
    "transfer whose id a third event has": "transfer t-3 has 2 credits (p-2:4, p-3:3)",
    "transfer whose credit does not name it": "transfer t-2 has no valid credit on account p-3",
    "transfer whose credit is a withdrawal": "transfer t-2 has 2 withdrawals (p-2:3, p-3:2)",
    "transfer of two amounts": "transfer t-2 withdraws 5.00 and credits 6.00",
    "transfer of two currencies": "transfer t-2 withdraws EUR and credits USD",
    "transfer whose credit names another account": "transfer t-2 has accounts that do not name each other: p-2:3 names "
    "p-3, p-3:2 names p-1",
    "transfer whose withdrawal names another account": "transfer t-3 has accounts that do not name each other: p-1:4 "
    "names p-3, p-2:4 names p-1",
    "transfer on two days": "transfer t-3 has two times: p-1:4 and p-2:4 must have the same",
}


@pytest.mark.parametrize("name", NOTES)
def test_the_note_states_what_is_wrong_with_the_transfer(tmp_path: Path, name: str) -> None:
    [corruption] = [each for each in TRANSFER_CORRUPTIONS if each.name == name]
    items, rows = corruption.make(*sides())
    given = LedgerAndLake(tmp_path, [], rows)
    for item in items:
        given.source.put_item(item)
    given.settle = lambda: None
    result, found = given.reconciled()
    [unpaired] = [each for each in found if each.kind == "unpaired"]
    assert unpaired.note == NOTES[name]
    assert unpaired.event_id == f"{unpaired.account_id}:{unpaired.sequence}"
    assert (result.unpaired, result.agrees) == (1, False)


def young(*ages_s: float) -> list[Row]:
    """Two accounts, and a transfer between them of each age, by ten minutes older than the grace period allows."""
    rows = {name: history(name, "10.00", start=NOW - timedelta(days=2)) for name in ("a-1", "a-2")}
    heads = {name: head_of(each) for name, each in rows.items()}
    made = [row for each in rows.values() for row in each]
    for number, age_s in enumerate(ages_s, 1):
        at = NOW - timedelta(seconds=age_s)
        made += transfer_rows(heads, "a-1", "a-2", "1.00", transfer_id=f"t-{number}", at=at)
    return made


@pytest.mark.parametrize("lost", ["a-1", "a-2"])
@pytest.mark.parametrize("is_in_lake", [True, False])
def test_a_young_transfer_that_was_read_in_part_is_on_its_way(tmp_path: Path, lost: str, *, is_in_lake: bool) -> None:
    """A scan or an export is not one moment: it may have one event of a transaction and lack the other."""
    rows = young(GRACE.total_seconds() - 0.001)
    read = [row for row in rows if (row.account_id, row.sequence) != (lost, 3)]
    newest = max(row.occurred_at for row in read if isinstance(row, EventRow))
    in_lake = [row for row in read if is_in_lake or row.occurred_at != newest]
    given = LedgerAndLake(tmp_path, read, lake_rows(in_lake))
    result, found = given.reconciled()
    assert found == []
    assert result.on_their_way == (1 if is_in_lake else 2)
    assert result.through < NOW - GRACE + timedelta(milliseconds=1)
    given.now = NOW + timedelta(seconds=1)
    given.settle = lambda: None
    _, found = given.reconciled()
    assert "unpaired" in {each.kind for each in found}


def test_a_transfer_dated_far_ahead_is_checked_at_once(tmp_path: Path) -> None:
    """It would count as on its way for as long."""
    rows = young(-timedelta(days=3).total_seconds())
    read = [row for row in rows if (row.account_id, row.sequence) != ("a-2", 3)]
    given = LedgerAndLake(tmp_path, read, lake_rows(read))
    _, found = given.reconciled()
    assert [(each.kind, each.account_id, each.sequence) for each in found] == [("unpaired", "a-1", 3)]


def test_whole_transfers_of_any_age_are_not_reported(tmp_path: Path) -> None:
    rows = young(86_400, GRACE.total_seconds() + 1, GRACE.total_seconds() - 1, 0)
    result, found = LedgerAndLake(tmp_path, rows, lake_rows(rows)).reconciled()
    assert (found, result.on_their_way, result.agrees) == ([], 0, True)
