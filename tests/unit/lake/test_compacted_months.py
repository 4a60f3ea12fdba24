"""`reconcile` compares the table `account_months` with the view `events`, as far as queries read it."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from consumers.lake import table
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import QueryFailed
from ops.lake.query.history import History
from ops.lake.reconcile.compacted import OF_DAYS
from ops.lake.spark import locations
from tests.support.compacted_lake import CompactedLake
from tests.support.corruptions import ALL_ROWS, A
from tests.support.ledger_and_lake import history, lake_rows
from tests.support.wrong_months import (
    COMPACTED_AT,
    COPIES,
    MONTH,
    WRONG_MONTHS,
    Change,
    WrongMonth,
    compacted,
    in_another_bucket,
    with_copies,
)
from tests.unit.lake.reconcile_given import LedgerAndLake, without

DAY = "2026-08-01"
AMOUNT = next(each for each in WRONG_MONTHS if each.name == "amount")


def given(lake: CompactedLake) -> LedgerAndLake:
    sides = LedgerAndLake(lake.root, ALL_ROWS, [])
    sides.now = COMPACTED_AT
    return sides


@pytest.mark.parametrize("wrong", WRONG_MONTHS, ids=lambda wrong: wrong.name)
def test_each_wrong_row_of_a_compacted_month_is_named(tmp_path: Path, wrong: WrongMonth) -> None:
    result, found = given(compacted(tmp_path, wrong)).reconciled()
    assert [(each.sequence, each.note) for each in found] == list(wrong.notes)
    assert {(each.kind, each.account_id) for each in found} <= {("compacted", "a-1")}
    assert (result.compacted, result.differences, result.agrees) == (len(found), len(found), not found)
    assert result.events == len([row for row in ALL_ROWS if hasattr(row, "event")])


def test_a_row_in_a_bucket_where_no_query_looks_is_found(tmp_path: Path) -> None:
    lake = compacted(tmp_path)
    of_file = {each.account_id for each in ALL_ROWS if table.bucket_of(each.account_id) == table.bucket_of("a-1")}
    other = in_another_bucket(lake)
    _, found = given(lake).reconciled()
    assert {each.account_id for each in found} == of_file
    assert {each.kind for each in found} == {"compacted"}
    assert found[0].note == f"account_months of {MONTH} has account_bucket '{other}', not '{table.bucket_of('a-1')}'"


def test_findings_of_both_comparisons_are_in_one_order(tmp_path: Path) -> None:
    lake = compacted(tmp_path, AMOUNT)
    sides = given(lake)
    sides.source.put(history("a-0", "1.00", start=COMPACTED_AT - timedelta(days=3)))
    sides.source.put(history("a-2", "1.00", start=COMPACTED_AT - timedelta(days=3))[1:])
    sides.settle = lambda: None
    result, found = sides.reconciled()
    assert [(each.kind, each.account_id) for each in found] == [
        ("missing", "a-0"),
        ("missing", "a-0"),
        ("compacted", "a-1"),
        ("differing", "a-2"),
        ("unbalanced", "a-2"),
    ]
    assert result.differing_accounts == 3


def test_a_compacted_copy_of_contradicting_ones_is_no_finding(tmp_path: Path) -> None:
    """Nothing determines which of such copies the view `events` shows."""
    [right] = lake_rows(A[2:3])
    lake = CompactedLake(tmp_path, [*lake_rows(ALL_ROWS), right | {"amount": "10.01"}], COMPACTED_AT)
    lake.compact()
    for amount in ("10.00", "10.01"):
        lake.change_month(MONTH, table.bucket_of("a-1"), with_amount(amount))
        _, found = given(lake).reconciled()
        [finding] = found
        assert (finding.account_id, finding.sequence) == ("a-1", 3)
        assert finding.kind in {"contradicting", "differing"}  # whichever copy the view shows


def test_a_compacted_row_is_one_of_the_copies_first_in_order(tmp_path: Path) -> None:
    _, found = given(with_copies(tmp_path)).reconciled()
    notes = {each.sequence: each.note for each in found if each.kind == "compacted"}
    assert {each.name: notes.get(sequence, "") for sequence, each in enumerate(COPIES, 2)} == {
        each.name: each.note for each in COPIES
    }
    assert len(notes) == len([each for each in COPIES if each.note])


def with_amount(amount: str) -> Change:
    return lambda rows: [
        row | {"amount": Decimal(amount)} if (row["account_id"], row["sequence"]) == ("a-1", 3) else row for row in rows
    ]


def test_a_day_that_queries_read_from_events_is_not_compared(tmp_path: Path) -> None:
    lake = compacted(tmp_path, AMOUNT)
    with lake.reopening() as reopen:
        reopen([DAY])
        assert given(lake).reconciled()[0].agrees
    assert given(lake).reconciled()[0].compacted == 1
    lake.add(lake_rows(A[:1]))  # a copy, so that the day's files are not those that were compacted
    assert given(lake).reconciled()[0].agrees


def test_a_file_that_arrives_meanwhile_is_no_finding(tmp_path: Path) -> None:
    """It has copies of events."""
    lake = compacted(tmp_path)
    sides = given(lake)
    sides.on_listed = lambda _: lake.add([row | {"published_at": None} for row in lake_rows(A[:1])])
    assert sides.reconciled()[0].agrees


def test_events_that_are_found_by_the_second_look_are_no_finding(tmp_path: Path) -> None:
    new = history("a-9", "1.00")
    lake = compacted(tmp_path)
    sides = given(lake)
    sides.source.put(new)
    sides.settle = lambda: lake.add(lake_rows(new))
    result, found = sides.reconciled()
    assert not found
    assert result.agrees


def test_a_missing_event_hides_no_wrong_row_of_its_day(tmp_path: Path) -> None:
    lake = CompactedLake(tmp_path, without(lake_rows(ALL_ROWS), "a-2", 1), COMPACTED_AT)
    lake.compact()
    lake.change_month(MONTH, table.bucket_of("a-1"), AMOUNT.change)
    sides = given(lake)
    sides.settle = lambda: None
    _, found = sides.reconciled()
    assert [(each.kind, each.account_id, each.sequence) for each in found] == [
        ("compacted", "a-1", 3),
        ("missing", "a-2", 1),
    ]


def test_a_month_that_is_compacted_again_meanwhile_is_no_finding(tmp_path: Path) -> None:
    lake = compacted(tmp_path, AMOUNT)
    sides = given(lake)

    def compact(_: DuckDBEngine) -> None:
        for file in (lake.root / table.month_prefix(MONTH, table.bucket_of("a-1"))).glob("*"):
            file.unlink()
        lake.compact()

    sides.on_listed = compact
    assert sides.reconciled()[0].agrees
    sides.on_listed = lambda _: None
    assert sides.reconciled()[0].agrees, "the repair of the runbook"


def test_a_compacted_file_with_other_types_is_refused(tmp_path: Path) -> None:
    lake = compacted(tmp_path)
    [file] = (lake.root / table.month_prefix(MONTH, table.bucket_of("a-1"))).glob("*.parquet")
    lake.change_month(MONTH, table.bucket_of("a-1"), lambda rows: rows, sequence=pa.string())
    with pytest.raises(QueryFailed, match=f"{file.name} is not a valid file of the lake's table: its column sequence"):
        given(lake).reconciled()


def test_without_compacted_months_no_month_file_is_opened(tmp_path: Path) -> None:
    lake = CompactedLake(tmp_path, lake_rows(ALL_ROWS), COMPACTED_AT)
    file = tmp_path / table.month_prefix(MONTH, "00") / "x.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not Parquet")
    assert given(lake).reconciled()[0].agrees


def test_a_months_bucket_is_computed_as_the_table_does() -> None:
    ids = [f"a-{number}" for number in range(300)] + ["ü💶", "", "'\"; --"]
    columns = [name for name in (*(each.name for each in table.COLUMNS), "event_type") if name != "account_id"]
    nulls = ", ".join(f"NULL AS {name}" for name in columns)
    engine = DuckDBEngine("nowhere", has_events=False)
    sql = f"{OF_DAYS} FROM (SELECT unnest($1) AS account_id, '{DAY}' AS dt, {nulls})"
    rows = engine.connection.execute(sql, [ids]).to_arrow_table().to_pylist()
    found = {row["account_id"]: (row["dt_month"], row["account_bucket"]) for row in rows}
    assert found == {each: (MONTH, table.bucket_of(each)) for each in ids}


def test_two_histories_meet_in_what_both_read() -> None:
    one = History({"2026-08": ("2026-08-31", "a"), "2026-09": ("2026-09-30", "b")}, frozenset({"2026-08-01"}))
    other = History({"2026-08": ("2026-08-31", "a"), "2026-09": ("2026-09-30", "c")}, frozenset({"2026-08-02"}))
    assert one.meeting(other) == History({"2026-08": ("2026-08-31", "a")}, frozenset({"2026-08-01", "2026-08-02"}))


def test_the_job_knows_what_queries_read_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the Glue job does; a folder has no ETags to compare."""
    lake = compacted(tmp_path)
    monkeypatch.setattr(locations, "s3_client", lambda _: lake.bucket)
    found = locations.history_in("s3://lake/", lake.store.days())
    assert found == lake.store.history() == History.from_json(found.to_json())
    assert found.months
    assert locations.history_in(f"{tmp_path}/", lake.store.days()) == History()
    assert locations.history_in("s3://lake/", {**lake.store.days(), DAY: "other"}).reopened == {DAY}
    other = tmp_path / table.month_prefix(MONTH, "00") / "another-compaction.parquet"
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"")
    files = locations.month_files("s3://lake/", found)
    assert files == locations.month_files(f"{tmp_path}/", found)
    assert {Path(each).stem for each in files} == {name for _, name in found.months.values()}
