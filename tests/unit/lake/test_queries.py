"""The shipped queries: Trino's grammar, nothing that engines read differently, one answer of two and plain Python."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import trino_sql_validator
from sqlglot import expressions

from ops.lake.catalog import FOLDER, Query, WrongCall, parsed, queries
from ops.lake.duckdb_engine import TABLES, DuckDBEngine
from ops.lake.engine import Answer
from tests.lake import FIRST_DAY, LakeRow, event, made_up, write
from tests.second_engine import DataFusionEngine
from tests.unit.lake.oracle import ORACLES
from tests.unit.lake.test_totals import Folder, totals

QUERIES = queries()
FILES = [*sorted(FOLDER.glob("*.sql")), *sorted(TABLES.glob("*.sql"))]
GIVEN = {
    "account": "a-00003",
    "day": "2026-08-03",
    "moment": "2026-08-04T10:00:00",
    "since": "2026-08-05",
    "from": "2026-08-02",
    "until": "2026-08-04",
    "count": "3",
}

# What means the same in Trino, DuckDB and PostgreSQL's dialect. Not among them, on purpose: date_diff (Trino counts
# what has passed, DuckDB the boundaries), avg and division of decimals and integers (7 / 2 is 3 or 3.5, decimals become
# doubles), approximations, floats, functions of one engine.
FUNCTIONS = {
    *("AggFunc", "And", "Or", "Anonymous"),
    *("Case", "Cast", "Coalesce", "Count", "Extract", "If", "Lag", "Max", "Min", "RowNumber", "Substring", "Sum"),
}
TYPES = {"BIGINT", "DECIMAL", "TIMESTAMP"}
BANNED = (expressions.Div, expressions.IntDiv, expressions.Mod, expressions.DateDiff, expressions.Avg)


def tree(path: Path) -> Any:  # noqa: ANN401 -- sqlglot's
    [statement] = sqlglot.parse(path.read_text(), read="athena")
    return statement


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_trinos_sql(path: Path) -> None:
    assert trino_sql_validator.validate(path.read_text()).valid
    assert tree(path) is not None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_nothing_that_engines_read_differently(path: Path) -> None:
    for node in tree(path).walk():
        assert not isinstance(node, BANNED), node.sql()
        if isinstance(node, expressions.Func):
            assert type(node).__name__ in FUNCTIONS, f"{node.sql()}: does it mean the same everywhere? Then allow it."
            assert not isinstance(node, expressions.Anonymous), node.sql()
        if isinstance(node, expressions.DataType):
            assert node.this.name in TYPES, node.sql()
        if isinstance(node, expressions.Literal) and not node.is_string:
            assert re.fullmatch(r"\d+", node.this), f"{node.sql()}: a number with a point is a double to some"


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_only_the_view_is_asked_but_for_what_is_there_twice(query: Query) -> None:
    raw = len(list(tree(FOLDER / f"{query.name}.sql").find_all(expressions.Table))) and "account_events" in query.sql
    assert raw is (query.name == "data_quality")


def test_every_query_has_an_oracle() -> None:
    assert QUERIES.keys() - {name for name in QUERIES if name.startswith("report_")} == ORACLES.keys()


def lake(
    root: Path, rows: Sequence[LakeRow], repeated: Sequence[LakeRow] = ()
) -> tuple[DuckDBEngine, DataFusionEngine]:
    write(root, rows)
    write(root, repeated, file_name="repeated")
    totals(Folder(root)).refresh()
    return DuckDBEngine(str(root)), DataFusionEngine(root)


def asked(engine: Any, name: str, given: dict[str, str]) -> Answer:  # noqa: ANN401 -- one of two engines
    query = QUERIES[name]
    answer: Answer = engine.query(
        query.sql, query.arguments({each.name: given[each.name] for each in query.parameters})
    )
    return answer


def assert_all_agree(
    root: Path, rows: Sequence[LakeRow], given: dict[str, str], repeated: Sequence[LakeRow] = ()
) -> None:
    duckdb, datafusion = lake(root, rows, repeated)
    for name, oracle in ORACLES.items():
        ours, theirs = asked(duckdb, name, given), asked(datafusion, name, given)
        assert ours.columns == theirs.columns
        assert ours.rows == theirs.rows, name
        assert [tuple(map(type, row)) for row in ours.rows] == [tuple(map(type, row)) for row in theirs.rows], name
        due = oracle(rows, given)
        if name == "data_quality" and repeated:
            due[1] = ("repeated", len(repeated), min(row["event_id"] for row in repeated))
        assert ours.rows == due, name


@pytest.mark.parametrize("seed", range(6))
def test_two_engines_and_plain_python_answer_alike(tmp_path: Path, seed: int) -> None:
    rows = made_up(seed, 25, 6, 400)
    days = sorted({row["dt"] for row in rows})
    given = GIVEN | {"day": days[seed % 6], "moment": f"{days[3]} 12:00:00", "count": str(seed)}
    assert_all_agree(
        tmp_path, rows, given, repeated=[row for row in rows[::7] if given["from"] <= row["dt"] <= given["until"]]
    )


def test_they_do_on_days_that_are_empty_first_and_before_any(tmp_path: Path) -> None:
    rows = [shifted(row) if row["dt"] >= "2026-08-03" else row for row in made_up(9, 10, 6, 100)]
    for number, day in enumerate(("2026-07-31", "2026-08-01", "2026-08-03", "2026-09-01")):
        assert_all_agree(tmp_path / str(number), rows, GIVEN | {"day": day, "since": day, "moment": f"{day} 00:00:00"})


def shifted(row: LakeRow) -> LakeRow:
    """A day later."""
    times = {name: datetime.fromisoformat(row[name]) + timedelta(days=1) for name in ("occurred_at", "published_at")}
    texts = {name: time.isoformat(" ", "microseconds") for name, time in times.items()}
    return {**row, **texts, "dt": f"{times['occurred_at']:%Y-%m-%d}"}


def test_they_do_on_an_empty_lake(tmp_path: Path) -> None:
    assert_all_agree(tmp_path, [], GIVEN)


def test_they_do_with_the_greatest_amounts_and_any_text(tmp_path: Path) -> None:
    greatest = Decimal("9999999999999999.99")
    at, account_id = (
        FIRST_DAY + timedelta(days=2, hours=23, minutes=59, seconds=59, microseconds=999_999),
        "ü'\"\n;--💶",
    )
    rows = []
    for number in range(30):  # their sum needs more than 18 digits
        name = f"{account_id}{number}"
        rows.append(event(name, 1, "AccountCreated", at, "EUR", None, Decimal(0), owner="o'; DROP TABLE events"))
        rows.append(event(name, 2, "BalanceCredited", at, "EUR", greatest, greatest, late=timedelta(minutes=5)))
        rows.append(event(name, 3, "BalanceWithdrawn", at, "EUR", Decimal("0.01"), greatest - Decimal("0.01")))
    rows[1]["published_at"] = (at + timedelta(minutes=5, microseconds=1)).isoformat(" ")
    given = GIVEN | {"account": f"{account_id}7", "moment": at.isoformat(), "since": "2026-08-04", "from": "2026-08-03"}
    assert_all_agree(tmp_path, rows, given)


HEALTHY = [
    event("a-1", 1, "AccountCreated", FIRST_DAY, "EUR", None, Decimal(0), owner="o"),
    event("a-1", 2, "BalanceCredited", FIRST_DAY, "EUR", Decimal("5.00"), Decimal("5.00")),
    event("a-1", 3, "BalanceWithdrawn", FIRST_DAY, "EUR", Decimal("2.00"), Decimal("3.00")),
]


@pytest.mark.parametrize(
    ("finding", "changed", "copies"),
    [
        ("late", [{**HEALTHY[1], "published_at": "2026-08-01 00:05:00.000001"}], []),
        ("repeated", HEALTHY[1:2], HEALTHY[1:2]),
        ("contradicting copies", HEALTHY[1:2], [{**HEALTHY[1], "amount": "5.01"}]),
        ("contradicting copies", HEALTHY[1:2], [{**HEALTHY[1], "balance": "5.01"}]),
        ("contradicting copies", HEALTHY[1:2], [{**HEALTHY[1], "occurred_at": "2026-08-01 01:00:00"}]),
        ("contradicting copies", HEALTHY[1:2], [{**HEALTHY[1], "account_id": "a-2"}]),
        ("contradicting copies", HEALTHY[1:2], [{**HEALTHY[1], "currency": "USD"}]),
        ("gap in sequence", [], []),
        ("sequence twice", HEALTHY[1:2], [{**HEALTHY[1], "event_id": "a-1:2x"}]),
        ("balance does not follow", [{**HEALTHY[1], "balance": "5.01"}], []),
        ("negative balance", [{**HEALTHY[1], "balance": "-0.01"}], []),
        ("currency changed", [{**HEALTHY[1], "currency": "USD"}], []),
    ],
)
def test_what_is_odd_is_found_and_named(
    tmp_path: Path, finding: str, changed: list[LakeRow], copies: list[LakeRow]
) -> None:
    duckdb, datafusion = lake(tmp_path, [HEALTHY[0], *changed, HEALTHY[2]], copies)
    given = {"from": "2026-08-01", "until": "2026-08-01"}
    answer = asked(duckdb, "data_quality", given)
    second = asked(datafusion, "data_quality", given).rows
    if finding == "contradicting copies":  # which of them the view shows is open, and so what follows from it
        assert answer.rows[:3] == second[:3]
    else:
        assert answer.rows == second
    found = {kind: (count, example) for kind, count, example in answer.rows if count}
    assert finding in found
    assert found[finding][0] >= 1
    assert found[finding][1] in {"a-1:2", "a-1:2x", "a-1:3"}
    assert asked(lake(tmp_path / "healthy", HEALTHY)[0], "data_quality", given).rows == [
        (kind, 0, None) for kind, _, _ in answer.rows
    ]


def test_the_report_of_one_day_in_a_hundred_reads_less_than_a_fiftieth(tmp_path: Path) -> None:
    """By DuckDB's count of bytes, and by the files that it says it has opened."""
    rows = made_up(3, 500, 100, 60_000)
    duckdb, _ = lake(tmp_path, rows)
    table_bytes = sum(path.stat().st_size for path in (tmp_path / "events").rglob("*.parquet"))
    day = "2026-10-15"
    answer = asked(duckdb, "daily_report", {"day": day})
    assert answer.read_bytes is not None
    assert 0 < answer.read_bytes <= table_bytes * 0.02
    plan = duckdb.connection.execute(
        "EXPLAIN (ANALYZE, FORMAT json) "
        + sqlglot.transpile(QUERIES["daily_report"].sql, read="athena", write="duckdb")[0],
        [day, day, day],
    ).fetchall()[0][1]
    assert scanned(json.loads(plan), "events/") == {day}


def scanned(plan: Any, prefix: str) -> set[str]:  # noqa: ANN401 -- DuckDB's JSON
    """The days whose files a plan says it has read."""
    return set(re.findall(rf"{prefix}dt=([\d-]+)/", json.dumps(plan)))


def test_parameters_are_checked_before_anything_is_asked() -> None:
    report = QUERIES["daily_report"]
    assert report.arguments({"day": "2026-11-25"}) == ["2026-11-25"] * 3
    assert QUERIES["largest_movements"].arguments({"from": "2026-01-01", "until": "2026-01-31"}) == [
        "2026-01-01",
        "2026-01-31",
        "10",
    ]
    with pytest.raises(WrongCall, match="asks for day, the day"):
        report.arguments({})
    with pytest.raises(WrongCall, match="no parameter date; it has day"):
        report.arguments({"date": "2026-11-25"})
    for wrong in ("25.11.2026", "2026-02-30", "", "x"):
        with pytest.raises(WrongCall, match=r"day has to be like 2026-11-25"):
            report.arguments({"day": wrong})
    for wrong in ("-1", "1.5", "ten", str(10**12)):
        with pytest.raises(WrongCall, match="count has to be like 10"):
            QUERIES["largest_movements"].arguments({"from": "2026-01-01", "until": "2026-01-31", "count": wrong})


def test_a_moment_with_an_offset_is_asked_for_in_utc() -> None:
    arguments = QUERIES["balance_at"].arguments({"account": "a", "moment": "2026-01-01T00:30:00+01:00"})
    assert arguments == ["a", "2025-12-31 23:30:00", "2025-12-31 23:30:00"]
    with pytest.raises(WrongCall, match="moment"):
        QUERIES["balance_at"].arguments({"account": "a", "moment": "noon"})


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("SELECT 1", "begin with"),
        ("-- other: x\nSELECT 1", "begin with"),
        ("-- q: x\nSELECT ?", "for each"),
        ("-- q: x\n-- parameter: day (date) d\nSELECT 1", "for each"),
        ("-- q: x\n-- parameter: day\nSELECT ?", "describe"),
        ("-- q: x\n-- parameter: day (moon) d\nSELECT ?", "describe"),
        ("-- q: x\n-- parameter: a (date) d\n-- parameter: a (date) d\nSELECT ?, ?", "describe"),
    ],
)
def test_a_header_that_does_not_describe_its_query_is_refused(source: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parsed(source, "q")


def test_a_datetime_of_the_lake_is_utc_without_a_zone(tmp_path: Path) -> None:
    duckdb, _ = lake(tmp_path, HEALTHY)
    [[found]] = duckdb.query("SELECT min(occurred_at) FROM events").rows
    assert found == datetime(2026, 8, 1)  # noqa: DTZ001 -- as the engine gives it
