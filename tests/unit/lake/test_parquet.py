"""Rows are converted to the columns of a file exactly, or refused."""

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest

from consumers.lake.delivery.parquet import Unconvertible, arrow_schema, parquet

SCHEMA = arrow_schema([("name", "string"), ("number", "bigint"), ("money", "decimal(18,2)"), ("at", "timestamp")])


def read(row: dict[str, Any]) -> dict[str, Any]:
    [found] = pq.read_table(BytesIO(parquet([row], SCHEMA))).to_pylist()
    return dict(found)


def test_written_rows_can_be_read() -> None:
    row = {"name": "ü💶", "number": 2**63 - 1, "money": "-9999999999999999.99", "at": "2026-11-25 09:30:00.000001"}
    at = datetime(2026, 11, 25, 9, 30, 0, 1)  # noqa: DTZ001 -- the column has no time zone
    assert read(row) == {**row, "money": Decimal("-9999999999999999.99"), "at": at}


def test_absent_values_are_null_and_unknown_columns_left_out() -> None:
    assert read({"name": "a", "other": 1}) == {"name": "a", "number": None, "money": None, "at": None}


@pytest.mark.parametrize(
    "row",
    [
        {"money": "0.001"},  # rounding would be necessary
        {"money": "10000000000000000.00"},
        {"money": "ten"},
        {"money": 1},
        {"number": "7"},
        {"number": 2**63},
        {"number": 1.5},  # pyarrow would truncate it
        {"number": True},
        {"name": 7},
        {"name": "\ud800"},
        {"at": "yesterday"},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_names_its_column(row: dict[str, Any]) -> None:
    with pytest.raises(Unconvertible, match=f"^{next(iter(row))}: "):
        parquet([row], SCHEMA)


def test_an_unsupported_type_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="map<string,string>"):
        arrow_schema([("x", "map<string,string>")])
