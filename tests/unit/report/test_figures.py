"""The report's figures against a plain fold of the same rows."""

import random
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from ops.lake.query.duckdb_engine import DuckDBEngine, in_duckdb
from ops.lake.query.engine import Answer
from ops.report.figures import Flow, figures_of, newest_day
from tests.support.lake import FIRST_DAY, made_up, write
from tests.support.lake_totals import write_totals
from tests.unit.report.given import DAY, NOON, folded, lake, moved, opened


@pytest.mark.parametrize(("seed", "accounts", "days"), [(1, 40, 45), (2, 300, 12), (3, 5, 33)])
def test_figures_equal_those_of_a_fold(tmp_path: Path, seed: int, accounts: int, days: int) -> None:
    rows = made_up(seed, accounts, days, 1_500)
    engine = lake(tmp_path, rows)
    newest = date.fromisoformat(rows[-1]["dt"])
    assert newest_day(engine) == newest
    for day in (newest, newest - timedelta(days=days // 2), date.fromisoformat(rows[0]["dt"])):
        assert figures_of(engine, day) == folded(rows, day)


def test_an_event_delivered_again_counts_once(tmp_path: Path) -> None:
    rows = made_up(4, 30, 3, 300)
    engine = lake(tmp_path, rows)
    write(tmp_path, rows[100:], file_name="again")
    day = date.fromisoformat(rows[-1]["dt"])
    assert figures_of(engine, day) == folded(rows, day)


def test_an_empty_lake_has_no_figures(tmp_path: Path) -> None:
    engine = DuckDBEngine(str(tmp_path))
    assert newest_day(engine) is None
    found = figures_of(engine, DAY)
    assert found == folded([], DAY)
    assert (found.events, found.accounts, found.currencies, len(found.hours)) == (0, 0, (), 24)


def test_a_day_without_events_keeps_the_balances(tmp_path: Path) -> None:
    rows = [opened("a"), moved("a", 2, "10.00", "10.00")]
    [euro] = figures_of(lake(tmp_path, rows), DAY + timedelta(days=40)).currencies
    assert (euro.opening, euro.closing, euro.flow, euro.balances) == (Decimal("10.00"), Decimal("10.00"), Flow(), None)
    assert all(flow == Flow() for _, flow in euro.days)


def test_a_new_currency_has_an_opening_balance_of_zero(tmp_path: Path) -> None:
    rows = [opened("a", "EUR", NOON - timedelta(days=1)), opened("b", "USD"), moved("b", 2, "7.00", "7.00", "USD")]
    figures = figures_of(lake(tmp_path, rows), DAY)
    assert [(each.currency, each.opening, each.closing) for each in figures.currencies] == [
        ("EUR", Decimal(0), Decimal(0)),
        ("USD", Decimal(0), Decimal("7.00")),
    ]
    assert figures.earlier == (1,)


def test_earlier_days_without_events_count_since_the_first_event(tmp_path: Path) -> None:
    """Otherwise the mean of the earlier days would be too high."""
    rows = [opened(f"{back}", at=NOON - timedelta(days=back)) for back in (20, 3, 0)]
    assert figures_of(lake(tmp_path / "young", rows), DAY).earlier == (1, *[0] * 16, 1, 0, 0)
    older = [opened("old", at=NOON - timedelta(days=30)), *rows]
    assert figures_of(lake(tmp_path / "old", older), DAY).earlier == (*[0] * 9, 1, *[0] * 16, 1, 0, 0)


def test_amounts_of_sixteen_digits_are_exact(tmp_path: Path) -> None:
    most = "9999999999999999.99"
    rows = [opened("a"), moved("a", 2, most, most), opened("b"), moved("b", 2, most, most)]
    [euro] = figures_of(lake(tmp_path, rows), DAY).currencies
    assert euro.closing == 2 * Decimal(most)
    assert euro.balances is not None
    assert (euro.balances.median, euro.balances.accounts) == (Decimal(most), 2)


def test_an_overdrawn_account_is_not_hidden(tmp_path: Path) -> None:
    rows = [moved("a", 2, "-0.50", "-0.50"), moved("b", 2, "5.00", "5.00"), opened("c")]
    [euro] = figures_of(lake(tmp_path, rows), DAY).currencies
    found = euro.balances
    assert found is not None
    assert (found.overdrawn, found.empty, found.least, found.median) == (1, 1, Decimal("-0.50"), Decimal(0))


def test_backfilled_events_have_no_time_of_publication(tmp_path: Path) -> None:
    rows = [opened("a") | {"published_at": None}]
    found = figures_of(lake(tmp_path, rows), DAY)
    assert (found.newest_occurred_at, found.newest_published_at) == (NOON, None)


def test_outdated_totals_are_counted(tmp_path: Path) -> None:
    rows = [opened("a"), moved("a", 2, "10.00", "10.00"), moved("a", 3, "-4.00", "6.00")]
    write(tmp_path, rows)
    write_totals(tmp_path, rows[:1])
    figures = figures_of(DuckDBEngine(str(tmp_path)), DAY)
    assert figures.missing == 2
    assert figures.currencies[0].closing == Decimal("6.00")  # the day's own flow comes from its events


def test_missing_and_surplus_events_do_not_cancel_out(tmp_path: Path) -> None:
    rows = [opened("a"), moved("a", 2, "10.00", "10.00"), opened("b", "USD")]
    write(tmp_path, rows)
    write_totals(tmp_path, [rows[0], rows[2], moved("b", 2, "10.00", "10.00", "USD")])
    figures = figures_of(DuckDBEngine(str(tmp_path)), DAY)
    assert {each.currency: each.missing for each in figures.currencies} == {"EUR": 1, "USD": -1}
    assert figures.missing == 2


class _Watched:
    """DuckDB, with the bytes and files that it has read for all queries together."""

    def __init__(self, engine: DuckDBEngine) -> None:
        self.engine = engine
        self.read_bytes = 0
        self.files: Counter[str] = Counter()

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        answer = self.engine.query(sql, parameters)
        assert answer.read_bytes is not None
        self.read_bytes += answer.read_bytes
        plan = self.engine.connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {in_duckdb(sql)}", list(parameters))
        self.files.update(set(re.findall(r'"Scanning Files": "(\d+/300)"', plan.fetchall()[0][1])))
        return answer


def test_the_report_of_one_day_of_100_reads_at_most_a_fiftieth(tmp_path: Path) -> None:
    """With all of its queries. The ids are random, as in production, so they do not compress."""
    generator = random.Random(1)  # noqa: S311 -- test data
    rows = made_up(5, 600, 1, 4_000)
    for row in rows:
        row |= {name: str(UUID(int=generator.getrandbits(128))) for name in ("correlation_id", "request_id")}
    write(tmp_path, rows)
    [first] = (tmp_path / "events").iterdir()
    days = [FIRST_DAY + timedelta(days=number) for number in range(100)]
    for day in days[1:]:
        shutil.copytree(first, first.with_name(f"dt={day:%Y-%m-%d}"))
    write_totals(tmp_path, [row | {"dt": f"{day:%Y-%m-%d}"} for day in days for row in rows])
    engine = _Watched(DuckDBEngine(str(tmp_path)))
    assert figures_of(engine, days[-1].date()).events == len(rows)
    whole = sum(path.stat().st_size for path in (tmp_path / "events").rglob("*.parquet"))
    assert engine.files == {"3/300": 2, "2/300": 1}  # a query of movements reads two of the day's three types
    assert 0 < engine.read_bytes <= whole / 50
