"""The columns that a file of the lake's table must have. Names are compared as Athena and DuckDB compare them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import QueryFailed
from ops.lake.query.file_columns import Element, problem_of
from ops.lake.query.other_types import FILES
from ops.lake.query.totals import totals_key
from tests.support.lake import made_up, write
from tests.unit.lake.test_totals import Folder, totals


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write(tmp_path, made_up(seed=1, accounts=5, days=2, events=60))
    return tmp_path


def changed(lake: Path, name: str, values: Any, *, replaces: str | None, position: int = -1) -> Path:  # noqa: ANN401 -- Arrow's
    """Write a column into the lake's last file, or another one. `values` gets the number of rows."""
    path = sorted(lake.glob("events/*/*/*.parquet"))[position]
    rows = pyarrow.parquet.ParquetFile(path).read()
    column = values(len(rows))
    if replaces is None:
        rows = rows.append_column(name, column)
    else:
        rows = rows.set_column(rows.column_names.index(replaces), name, column)
    pyarrow.parquet.write_table(rows, path)
    return path


def decimals(count: int, scale: int) -> Any:  # noqa: ANN401 -- Arrow's
    return pa.array(["10.00"] * count).cast(pa.decimal128(18, scale))


@pytest.mark.parametrize("name", ["balance", "BALANCE", "Balance", "bALANCE"])
@pytest.mark.parametrize(
    ("values", "found"),
    [
        (lambda count: pa.array([10.004] * count), "DOUBLE"),
        (lambda count: pa.array(["10.0049"] * count).cast(pa.decimal128(20, 4)), "DECIMAL(20,4)"),
        (lambda count: pa.array([[1]] * count), "a group"),
        (lambda count: pa.array([{"balance": 1}] * count), "a group"),
    ],
)
def test_another_type_is_refused_in_any_spelling_of_the_column(lake: Path, name: str, values: Any, found: str) -> None:  # noqa: ANN401
    path = changed(lake, name, values, replaces="balance")
    with pytest.raises(QueryFailed) as refused:
        DuckDBEngine(str(lake)).refuse_other_types()
    assert str(refused.value).startswith(
        f"{path} is not a valid file of the lake's table: its column {name} is {found}, not "
    )
    assert "lake backfill" in str(refused.value)


@pytest.mark.parametrize("name", ["BALANCE", "Balance"])
def test_a_column_in_another_spelling_is_the_same_column(lake: Path, name: str) -> None:
    changed(lake, name, lambda count: decimals(count, 2), replaces="balance")
    engine = DuckDBEngine(str(lake))
    engine.refuse_other_types()
    assert engine.query("SELECT count(*) FROM events WHERE balance IS NULL").rows == [(0,)]


def test_a_nested_field_is_not_a_column_of_the_table(lake: Path) -> None:
    """A later release may add a group that has an `amount` of its own."""
    changed(
        lake,
        "fee",
        lambda count: pa.array([{"amount": 1.5, "parts": [{"balance": "a"}], "Sequence": {"owner": 1}}] * count),
        replaces=None,
    )
    DuckDBEngine(str(lake)).refuse_other_types()


def test_columns_after_a_group_are_checked(lake: Path) -> None:
    changed(lake, "fee", lambda count: pa.array([{"amount": 1.5}] * count), replaces="owner")
    changed(lake, "CURRENCY", lambda count: pa.array([1] * count), replaces="currency")
    with pytest.raises(QueryFailed, match="its column CURRENCY is BIGINT, not VARCHAR"):
        DuckDBEngine(str(lake)).refuse_other_types()


@pytest.mark.parametrize(("one", "other"), [("balance", "BALANCE"), ("mood", "Mood")])
def test_two_columns_that_differ_only_in_case_are_refused(one: str, other: str) -> None:
    kind = "DECIMAL(18,2)"
    elements = [Element("schema", None, 2), Element(one, kind, None), Element(other, kind, None)]
    assert (
        problem_of(elements, FILES["account_events_files"])
        == f"its columns {one} and {other} are one column to Athena and DuckDB"
    )


def test_a_file_whose_columns_differ_only_in_case_is_named(lake: Path) -> None:
    path = changed(lake, "Amount", lambda count: decimals(count, 2), replaces=None)
    with pytest.raises(QueryFailed, match="its columns amount and Amount are one") as refused:
        DuckDBEngine(str(lake)).refuse_other_types()
    assert str(path) in str(refused.value)


SUM = "SELECT sum(balance), max(occurred_at) FROM events"
OF_OTHER_TYPES = {
    "balance": lambda count: pa.array(["0.125"] * count).cast(pa.decimal128(18, 3)),
    "amount": lambda count: pa.array([[1]] * count),
    "currency": lambda count: pa.array([b"\xff"] * count),
    "occurred_at": lambda count: pa.array([datetime(2026, 8, 2, tzinfo=UTC)] * count, pa.timestamp("us", "UTC")),
}


@pytest.mark.parametrize("has_older_files", [False, True])
@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("column", OF_OTHER_TYPES)
def test_a_query_refuses_a_file_with_another_type(
    lake: Path, column: str, position: int, *, has_older_files: bool
) -> None:
    """Without the check, the query would round money, or fail without naming the file."""
    path = changed(lake, column, OF_OTHER_TYPES[column], replaces=column, position=position)
    for sql in (SUM, "SELECT sum(amount) FROM events"):
        with pytest.raises(QueryFailed) as refused:
            DuckDBEngine(str(lake), has_older_files=has_older_files).query(sql)
        assert str(refused.value).startswith(f"{path} is not a valid file of the lake's table: ")
        assert column in str(refused.value)
        assert "lake backfill" in str(refused.value)


def test_a_query_checks_only_the_files_that_it_reads(lake: Path) -> None:
    changed(lake, "balance", OF_OTHER_TYPES["balance"], replaces="balance")
    engine = DuckDBEngine(str(lake))
    assert engine.query(f"{SUM} WHERE dt = '2026-08-01'").rows
    with pytest.raises(QueryFailed, match="its column balance is"):
        engine.query(SUM)


def test_bytes_read_by_the_check_are_not_counted(lake: Path) -> None:
    engine = DuckDBEngine(str(lake))
    first, again = engine.query(SUM), engine.query(SUM)
    assert first.read_bytes == again.read_bytes


def test_daily_totals_are_not_made_of_money_with_another_scale(lake: Path) -> None:
    path = changed(lake, "amount", lambda count: decimals(count, 3), replaces="amount")
    with pytest.raises(QueryFailed, match="its column amount is") as refused:
        totals(Folder(lake)).refresh()
    assert str(path) in str(refused.value)


def test_totals_of_another_type_are_refused(lake: Path) -> None:
    totals(Folder(lake)).refresh()
    path = lake / totals_key("2026-08")
    rows = pyarrow.parquet.ParquetFile(path).read()
    other = rows["credited"].cast(pa.decimal128(38, 3))
    pyarrow.parquet.write_table(rows.set_column(rows.column_names.index("credited"), "credited", other), path)
    with pytest.raises(QueryFailed, match=r"its column credited is DECIMAL\(38,3\)") as refused:
        DuckDBEngine(str(lake)).query("SELECT sum(credited) FROM daily_totals")
    assert str(refused.value).endswith("Run `account-events lake totals`, which writes it again.")


@pytest.mark.parametrize("has_older_files", [False, True])
@pytest.mark.parametrize("name", ["filename", "FileName", "dt", "DT", "Event_Type", "month", "file_row_number"])
def test_a_column_of_a_later_release_may_have_any_name(lake: Path, name: str, *, has_older_files: bool) -> None:
    """Partition keys are read from the path, as in Athena, and the engine does not use DuckDB's column `filename`."""
    before = DuckDBEngine(str(lake)).query("SELECT * FROM events ORDER BY event_id, dt").rows
    for path in lake.glob("events/*/*/*.parquet"):
        rows = pyarrow.parquet.ParquetFile(path).read()
        pyarrow.parquet.write_table(rows.append_column(name, pa.array(["zz"] * len(rows))), path)
    engine = DuckDBEngine(str(lake), has_older_files=has_older_files)
    assert engine.query("SELECT * FROM events ORDER BY event_id, dt").rows == before
    [(count,)] = engine.query(f"SELECT count(*) FROM ({engine.listed_events})").rows  # noqa: S608 -- the engine's own
    assert count == len(before)


@pytest.mark.parametrize(
    "partition",
    [
        "DT=2026-08-01/event_type=BalanceCredited",
        "dt=2026-08-01/EVENT_TYPE=BalanceCredited",
        "dt=2026-08-01/event_type=balancecredited",
        "dt=2026-08-01/event_type=BALANCECREDITED",
    ],
)
def test_a_partition_folder_in_another_case_is_ignored(lake: Path, partition: str) -> None:
    """Athena's projection does not lead there. `reconcile` reports such files as stray; see test_files.py."""
    sql = "SELECT count(*) FROM account_events"
    [(count,)] = DuckDBEngine(str(lake)).query(sql).rows
    copy = lake / "events" / partition / "x.parquet"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(max(lake.glob("events/*/*/*.parquet")).read_bytes())
    assert DuckDBEngine(str(lake)).query(sql).rows == [(count,)]
