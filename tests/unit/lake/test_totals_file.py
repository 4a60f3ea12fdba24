"""The files of `daily_totals`: the same columns as the Parquet files of earlier releases, which pyarrow wrote."""

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from ops.lake.query.engine import QueryFailed
from ops.lake.query.totals_file import TotalsRow, from_parquet, to_parquet

LARGEST = Decimal("9" * 36 + ".99")


def row(day: str = "2026-08-01", currency: str | None = "EUR", credited: Decimal = Decimal("1.50")) -> TotalsRow:
    return {
        "dt": day,
        "currency": currency,
        "opened": 1,
        "credits": 2**62,
        "credited": credited,
        "withdrawals": 0,
        "withdrawn": LARGEST.copy_negate(),
        "events": 3,
        "accounts": 2,
        "made_of": "0123456789abcdef",
    }


ROWS = [row(), row(currency="CHF", credited=LARGEST), row("2026-08-02", None), row("2026-08-03", "\u20ac")]


def by_pyarrow(rows: list[TotalsRow]) -> bytes:
    """A file as releases up to 0.2.0 wrote it."""
    texts = [
        {name: str(value) if isinstance(value, Decimal) else value for name, value in each.items()} for each in rows
    ]
    return parquet(texts, arrow_schema(table.TOTALS_COLUMNS))


@pytest.mark.parametrize("rows", [ROWS, []], ids=["rows", "none"])
def test_rows_are_read_as_they_were_written(rows: list[TotalsRow]) -> None:
    assert from_parquet(to_parquet(rows)) == rows
    assert pq.read_table(BytesIO(to_parquet(rows))).to_pylist() == rows


@pytest.mark.parametrize("rows", [ROWS, []], ids=["rows", "none"])
def test_files_of_earlier_releases_are_read(rows: list[TotalsRow]) -> None:
    assert from_parquet(by_pyarrow(rows)) == rows


def columns(body: bytes) -> list[tuple[Any, ...]]:
    schema = pq.ParquetFile(BytesIO(body)).schema
    found = [schema.column(number) for number in range(len(schema.names))]
    return [
        (
            *(each.path, each.physical_type, each.length, each.max_definition_level, each.max_repetition_level),
            # DuckDB annotates 64-bit integers as such, which changes nothing (Parquet's format, Logical types, INT).
            None if each.physical_type == "INT64" else str(each.logical_type),
        )
        for each in found
    ]


def test_files_have_the_parquet_types_of_earlier_releases() -> None:
    """Athena reads a column by its Parquet type."""
    assert columns(to_parquet(ROWS)) == columns(by_pyarrow(ROWS))
    assert pq.read_schema(BytesIO(to_parquet([]))) == arrow_schema(table.TOTALS_COLUMNS)
    integers = {str(pq.ParquetFile(BytesIO(to_parquet(ROWS))).schema.column(2).logical_type)}
    assert integers <= {"None", "Int(bitWidth=64, isSigned=true)"}


def test_files_are_compressed_with_snappy() -> None:
    group = pq.ParquetFile(BytesIO(to_parquet(ROWS))).metadata.row_group(0)
    assert {group.column(number).compression for number in range(group.num_columns)} == {"SNAPPY"}


def test_no_value_is_rounded() -> None:
    with pytest.raises(QueryFailed, match="do not fit"):
        to_parquet([row(credited=Decimal("1.005"))])


@pytest.mark.parametrize("value", [Decimal("1E36"), "x", 2**63])
def test_a_value_that_does_not_fit_its_column_is_refused(value: Any) -> None:  # noqa: ANN401 -- any wrong value
    with pytest.raises(QueryFailed):
        to_parquet([row() | {"credited" if isinstance(value, Decimal) else "opened": value}])


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.select(list(reversed(rows.column_names))),
        lambda rows: rows.append_column("more", pa.array([1] * len(rows))),
        lambda rows: rows.set_column(2, "opened", pa.array([[1]] * len(rows))),
        lambda rows: rows.set_column(4, "credited", rows["credited"].cast(pa.decimal128(38, 3), safe=False)),
    ],
    ids=["order", "more", "list", "scale"],
)
def test_a_file_with_other_columns_is_not_read(change: Any) -> None:  # noqa: ANN401 -- Arrow's
    body = BytesIO()
    pq.write_table(change(pq.read_table(BytesIO(by_pyarrow([row()])))), body)
    assert from_parquet(body.getvalue()) is None


def test_a_temporary_folder_may_have_a_name_like_a_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "dt=1" / "it's"
    folder.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert from_parquet(to_parquet(ROWS)) == ROWS
    assert list(folder.iterdir()) == []


def test_an_unwritable_temporary_folder_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_fails(*_: object) -> str:
        raise duckdb.IOException("IO Error: No space left on device")

    monkeypatch.setattr("ops.lake.query.totals_file._quoted", copy_fails)
    with pytest.raises(QueryFailed, match="Free some disk space"):
        to_parquet(ROWS)
