"""The view `account_history`: which table each day is read from, and that engines agree on it."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import trino_sql_validator

from consumers.lake import table
from ops.lake.query.history import HISTORY_VIEW, History, compaction_digests, history_of, is_about_history
from ops.lake.query.manifest import Manifest, Mark, Month
from tests.support.compacted_lake import CompactedLake, at
from tests.support.lake import FIRST_DAY, event, made_up
from tests.support.second_engine import DataFusionEngine
from tests.unit.lake.both_engines import ARGUMENTS, QUERIES, lake_on_both_engines
from tests.unit.lake.oracle import ORACLES

ABOUT_HISTORY = [query for query in QUERIES.values() if is_about_history(query.sql)]
COMPACTED = History(
    {
        "2025-12": ("2025-12-31", "2025-12-a"),
        "2026-01": ("2026-01-31", "2026-01-a"),
        "2026-03": ("2026-03-31", "2026-03-b"),
        "2026-04": ("2026-04-08", "2026-04-a"),
    },
    frozenset({"2026-01-05", "2026-03-07"}),
)


def month(days: dict[str, str], through: str = "2026-08-31") -> Month:
    return Month(through, "2026-08-1", "f1", days, 3)


def test_the_queries_about_one_account_read_the_history() -> None:
    assert [query.name for query in ABOUT_HISTORY] == ["account_statement", "balance_at"]


def test_every_engine_and_python_compute_the_same_bucket(tmp_path: Path) -> None:
    accounts = [f"a-{number}" for number in range(300)] + ["ü💶", "'\"; --", " "]
    rows = [event(each, 1, "AccountCreated", FIRST_DAY, "EUR", None, Decimal(0)) for each in accounts]
    for engine in lake_on_both_engines(tmp_path, rows):
        found = dict(engine.query("SELECT account_id, account_bucket FROM account_history").rows)
        assert found == {each: table.bucket_of(each) for each in accounts}
    assert {table.bucket_of(each) for each in accounts} <= set(table.BUCKETS)
    assert len({table.bucket_of(f"a-{number}") for number in range(3_000)}) == 64


def test_each_day_is_read_from_exactly_one_table() -> None:
    select = COMPACTED.select()
    assert (
        "WHERE dt < '2025-12-01' OR (dt > '2026-01-31' AND dt < '2026-03-01') OR dt > '2026-04-08' "
        "OR dt IN ('2026-01-05', '2026-03-07')\n"
    ) in select
    assert select.endswith(
        "WHERE dt_month IN ('2025-12', '2026-01', '2026-03', '2026-04')\n"
        "  AND compaction IN ('2025-12-a', '2026-01-a', '2026-03-b', '2026-04-a')\n"
        "  AND dt NOT IN ('2026-01-05', '2026-03-07')"
    )


@pytest.mark.parametrize("history", [History(), COMPACTED])
def test_the_view_and_the_queries_are_trino_sql(history: History) -> None:
    for sql in (history.view(), *(history.in_query(query.sql) for query in ABOUT_HISTORY)):
        assert trino_sql_validator.validate(sql).valid, sql
        assert ";" not in sql
    assert history.view().count("?") == 0


def test_a_lake_that_was_never_compacted_has_the_shipped_view() -> None:
    assert HISTORY_VIEW.endswith(History().view() + "\n")
    assert history_of(Manifest(), {"2026-08-01": "d"}, {}) == History()


@pytest.mark.parametrize(
    ("now", "reopened"),
    [
        ({"2026-08-01": "d1", "2026-08-02": "d2"}, set()),
        ({"2026-08-01": "d1", "2026-08-02": "other"}, {"2026-08-02"}),
        ({"2026-08-01": "d1"}, {"2026-08-02"}),
        ({"2026-08-01": "d1", "2026-08-02": "d2", "2026-08-03": "d3"}, {"2026-08-03"}),
        ({"2026-08-01": "d1", "2026-08-02": "d2", "2026-08-09": "d9", "2026-09-01": "d"}, set()),
    ],
)
def test_a_day_whose_files_have_changed_is_reopened(now: dict[str, str], reopened: set[str]) -> None:
    manifest = Manifest({"2026-08": month({"2026-08-01": "d1", "2026-08-02": "d2"}, "2026-08-08")})
    history = history_of(manifest, now, {"2026-08-1": "f1"})
    assert history == History({"2026-08": ("2026-08-08", "2026-08-1")}, frozenset(reopened))


def test_a_marked_day_is_reopened() -> None:
    manifest = Manifest(
        {"2026-08": month({"2026-08-01": "d1"})},
        reopened={"a": Mark(at("2026-10-01"), ("2026-08-01", "2026-08-02", "2026-09-01"))},
    )
    assert history_of(manifest, {"2026-08-01": "d1"}, {"2026-08-1": "f1"}).reopened == {"2026-08-01", "2026-08-02"}


@pytest.mark.parametrize("compactions", [{}, {"2026-08-1": "f2"}])
def test_an_incomplete_compaction_is_not_read(compactions: dict[str, str]) -> None:
    manifest = Manifest({"2026-08": month({"2026-08-01": "d1"})})
    assert history_of(manifest, {"2026-08-01": "d1"}, compactions) == History()


def test_only_files_of_the_table_belong_to_a_compaction() -> None:
    there = ("account_months/dt_month=2026-08/account_bucket=fc/c.parquet", "e")
    others = [
        "manifest.json",
        "dt_month=2026-08/account_bucket=01/c.parquet",
        "dt_month=2026-08/account_bucket=fc/_c.parquet",
    ]
    assert compaction_digests([there]) == compaction_digests(
        [there, *((f"account_months/{key}", "e") for key in others)]
    )
    assert compaction_digests([there]) != compaction_digests([(there[0], "f")])


def test_engines_agree_on_a_compacted_lake(tmp_path: Path) -> None:
    rows = made_up(11, 8, 40, 400)
    lake = CompactedLake(tmp_path, rows, at("2026-09-07"))
    lake.compact()
    lake.add(rows[:50])
    history = lake.store.history()
    assert {month: through for month, (through, _) in history.months.items()} == {
        "2026-08": "2026-08-31",
        "2026-09": "2026-09-05",
    }
    assert history.reopened
    duckdb, datafusion = lake_on_both_engines(tmp_path, [])
    assert isinstance(datafusion, DataFusionEngine)
    for moment, first, until in (
        ("2026-08-20T12:00:00", "2026-08-01", "2026-08-01"),
        ("2026-09-04", "2026-08-20", "2026-09-20"),
        ("2026-09-09T23:00:00", "2026-09-07", "2026-09-08"),
        ("2026-07-01", "2026-06-01", "2026-07-01"),
    ):
        arguments = ARGUMENTS | {"moment": moment, "from": first, "until": until}
        for query in ABOUT_HISTORY:
            given = query.arguments({each.name: arguments[each.name] for each in query.parameters})
            for engine in (duckdb, datafusion):
                answer = engine.query(history.in_query(query.sql), given)
                assert answer.rows == ORACLES[query.name](rows, arguments), (query.name, moment)


def test_a_moment_is_compared_in_microseconds_where_athena_rounds(tmp_path: Path) -> None:
    """Athena reads `occurred_at` in milliseconds: the rows are written rounded, as it reads them."""
    moment = FIRST_DAY + timedelta(hours=1, microseconds=500)
    rows = [
        event("a", 1, "AccountCreated", moment - timedelta(hours=1), "EUR", None, Decimal(0)),
        event("a", 2, "BalanceCredited", moment, "EUR", Decimal(1), Decimal(1)),
        event("a", 3, "BalanceCredited", moment + timedelta(microseconds=1), "EUR", Decimal(1), Decimal(2)),
    ]
    for row in rows:
        row["occurred_at"] = f"{row['occurred_at'][:-3]}000"
    for engine in lake_on_both_engines(tmp_path, rows):
        for microsecond, sequence in ((499, 1), (500, 2), (501, 3)):
            arguments = {"account": "a", "moment": moment.replace(microsecond=microsecond).isoformat()}
            answer = engine.query(QUERIES["balance_at"].sql, QUERIES["balance_at"].arguments(arguments))
            assert [row["sequence"] for row in answer.records()] == [sequence]


def test_files_of_older_releases_are_compared_by_their_time(tmp_path: Path) -> None:
    rows = [
        event("a", n, "BalanceCredited", FIRST_DAY + timedelta(hours=n), "EUR", Decimal(1), Decimal(n))
        | {"occurred_at_us": None}
        for n in (1, 2, 3)
    ]
    for engine in lake_on_both_engines(tmp_path, rows):
        arguments = QUERIES["balance_at"].arguments({"account": "a", "moment": "2026-08-01T02:00:00"})
        assert [row["sequence"] for row in engine.query(QUERIES["balance_at"].sql, arguments).records()] == [2]
