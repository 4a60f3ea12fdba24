"""Rows become a file's columns exactly, or not at all."""

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


def test_what_is_written_is_read_again() -> None:
    row = {"name": "ü💶", "number": 2**63 - 1, "money": "-9999999999999999.99", "at": "2026-11-25 09:30:00.000001"}
    at = datetime(2026, 11, 25, 9, 30, 0, 1)  # noqa: DTZ001 -- UTC is meant, and not said
    assert read(row) == {**row, "money": Decimal("-9999999999999999.99"), "at": at}


def test_what_is_absent_is_null_and_what_the_columns_have_not_is_left_out() -> None:
    assert read({"name": "a", "other": 1}) == {"name": "a", "number": None, "money": None, "at": None}


@pytest.mark.parametrize(
    "row",
    [
        {"money": "0.001"},  # would have to be rounded
        {"money": "10000000000000000.00"},
        {"money": "ten"},
        {"money": 1},
        {"number": "7"},
        {"number": 2**63},
        {"number": 1.5},  # pyarrow would cut it
        {"number": True},
        {"name": 7},
        {"name": "\ud800"},
        {"at": "yesterday"},
    ],
    ids=str,
)
def test_what_does_not_fit_its_column_is_refused_by_its_name(row: dict[str, Any]) -> None:
    with pytest.raises(Unconvertible, match=f"^{next(iter(row))}: "):
        parquet([row], SCHEMA)


def test_a_type_without_a_rule_is_no_guess() -> None:
    with pytest.raises(NotImplementedError, match="map<string,string>"):
        arrow_schema([("x", "map<string,string>")])
