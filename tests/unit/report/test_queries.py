"""The report's own queries: two engines return the same results, which agree with those of the shipped queries."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.report.figures import Flow, figures_of, newest_day
from tests.support.lake import LakeRow, made_up, write
from tests.support.lake_totals import write_totals
from tests.support.second_engine import DataFusionEngine
from tests.unit.report.given import DAY, HOSTILE, lake, moved, opened

MOST = "9999999999999999.99"
ODD = [
    opened(HOSTILE),
    moved(HOSTILE, 2, MOST, MOST),
    moved("b", 2, MOST, MOST),
    moved("c", 2, "-0.50", "-0.50"),
    moved("d", 2, "0.01", "0.01"),
    moved("e", 2, "10.00", "10.00"),
    opened("f", "CHF"),
]


def both(root: Path, rows: list[LakeRow]) -> tuple[DuckDBEngine, DataFusionEngine]:
    engine = lake(root, rows)
    write(root, rows[::3], file_name="again")
    return engine, DataFusionEngine(root)


@pytest.mark.parametrize(
    ("rows", "day"),
    [(made_up(10, 60, 40, 1_500), date(2026, 9, 4)), (ODD, DAY), ([], DAY)],
    ids=["usual", "odd", "none"],
)
def test_two_engines_return_the_same_results(tmp_path: Path, rows: list[LakeRow], day: date) -> None:
    duckdb, datafusion = both(tmp_path, rows)
    assert figures_of(duckdb, day) == figures_of(datafusion, day)
    assert newest_day(duckdb) == newest_day(datafusion)
    given = {"day": f"{day}", "first": "2026-08-06"}
    for name in (name for name in queries() if name.startswith("report_")):
        query = queries()[name]
        answers = [
            engine.query(query.sql, query.arguments({each.name: given[each.name] for each in query.parameters}))
            for engine in (duckdb, datafusion)
        ]
        assert answers[0].columns == answers[1].columns
        assert answers[0].rows == answers[1].rows, name
        assert _types(answers[0].rows) == _types(answers[1].rows), name


def _types(rows: list[tuple[Any, ...]]) -> list[tuple[type, ...]]:
    return [tuple(map(type, row)) for row in rows]


def test_the_report_agrees_with_the_shipped_queries(tmp_path: Path) -> None:
    rows = made_up(11, 60, 40, 1_500)
    write(tmp_path, rows)
    write_totals(tmp_path, rows)
    engine = DuckDBEngine(str(tmp_path))
    day = date(2026, 9, 4)
    figures = figures_of(engine, day)
    report = queries()["daily_report"]
    records = engine.query(report.sql, report.arguments({"day": f"{day}"})).records()
    assert [each.currency for each in figures.currencies] == [record["currency"] for record in records]
    for each, record in zip(figures.currencies, records, strict=True):
        names = ("opened", "credits", "credited", "withdrawals", "withdrawn")
        assert each.flow == Flow(*(record[name] for name in names))
        assert each.flow.net == record["net_flow"]
        assert (each.opening, each.closing) == (record["opening_balance"], record["closing_balance"])
    volume = queries()["hourly_volume"]
    counts: Counter[tuple[int, str]] = Counter()
    for record in engine.query(volume.sql, volume.arguments({"day": f"{day}"})).records():
        for name in ("opened", "credits", "withdrawals"):
            counts[record["hour"], name] += record[name]
    for hour in figures.hours:
        for name in ("opened", "credits", "withdrawals"):
            assert getattr(hour, name) == counts[hour.hour, name]


@pytest.mark.parametrize("name", ["report_day", "report_balances"])
def test_the_day_is_compared_with_the_partition_key_itself(name: str) -> None:
    """DuckDB evaluates any expression of the key, but Athena's partition projection needs a comparison of the key."""
    assert "WHERE dt = ?\n" in queries()[name].sql
