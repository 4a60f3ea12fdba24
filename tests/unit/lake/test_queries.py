"""The shipped queries: Trino's grammar, no word that engines read differently, one answer of two engines and plain Python."""

import json
import random
import re
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlglot
import trino_sql_validator
from sqlglot import expressions

from consumers.lake import table
from ops.lake.catalog import COMMENTS, FOLDER, Query, WrongCall, parsed, queries
from ops.lake.duckdb_engine import TABLES, DuckDBEngine, in_duckdb
from ops.lake.engine import Answer
from tests.lake import FIRST_DAY, LakeRow, event, made_up, write
from tests.second_engine import DataFusionEngine
from tests.unit.lake.oracle import KINDS, ORACLES
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
    "late_seconds": "300",
}

# What means the same in Trino, DuckDB and PostgreSQL's dialect. Not among them, on purpose: date_diff (Trino counts what
# has passed, DuckDB the boundaries), avg and division of decimals and integers (7 / 2 is 3 or 3.5, decimals become
# doubles), approximations, DECIMAL '0.00' (a text to some), functions of one engine.
FUNCTIONS = {
    *("AggFunc", "And", "Or", "Case", "Cast", "Coalesce", "Count", "Extract", "If", "Max", "Min", "RowNumber", "Sum"),
    "TimeToUnix",  # seconds with their fraction, in all of them; of differences of them only, which no zone changes
}
TYPES = {"BIGINT", "DECIMAL", "TIMESTAMP", "VARCHAR", "DOUBLE"}
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
    tables = {found.name for found in tree(FOLDER / f"{query.name}.sql").find_all(expressions.Table)}
    assert ("account_events" in tables) is (query.name == "data_quality")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parameters_are_where_athena_takes_them(path: Path) -> None:
    """Its user guide: question marks can be placed in the WHERE clause only; and none is one that is quoted."""
    for found in tree(path).find_all(expressions.Placeholder):
        assert found.find_ancestor(expressions.Where), f"{path.name}: a `?` outside of WHERE"
    for literal in tree(path).find_all(expressions.Literal):
        assert "?" not in literal.this
    for comment in COMMENTS.findall(path.read_text()):
        assert not {"?", ";"} & set(comment), f"{path.name}: {comment}: a client may take that for SQL"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_days_are_compared_with_the_parameter_itself(path: Path) -> None:
    """So that the partitions are known before anything is read."""
    for found in tree(path).find_all(expressions.EQ, expressions.LT, expressions.LTE, expressions.GT, expressions.GTE):
        if isinstance(found.this, expressions.Column) and found.this.name == "dt":
            assert isinstance(found.expression, expressions.Placeholder), found.sql()


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
        due = oracle([*rows, *repeated] if name == "data_quality" else rows, given)
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
    return {
        **row,
        **{name: table.timestamp(at) for name, at in times.items()},
        "dt": f"{times['occurred_at']:%Y-%m-%d}",
    }


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
    event("a-1", 2, "BalanceCredited", FIRST_DAY + timedelta(days=1), "EUR", Decimal("5.00"), Decimal("5.00")),
    event("a-1", 3, "BalanceWithdrawn", FIRST_DAY + timedelta(days=2), "EUR", Decimal("2.00"), Decimal("3.00")),
]
SECOND = HEALTHY[1]
DAYS = {"from": "2026-08-02", "until": "2026-08-03", "late_seconds": "300"}


@pytest.mark.parametrize(
    ("kind", "count", "example", "second"),
    [
        ("late", 1, "a-1 2", [{**SECOND, "published_at": "2026-08-02 00:05:00.001000"}]),
        ("duplicate", 2, "a-1 2", [SECOND, {**SECOND, "published_at": None}, {**SECOND, "schema_fingerprint": "00"}]),
        *[
            ("contradiction", 1, "a-1 2", [SECOND, {**SECOND, **difference}])
            for difference in (
                {"amount": "5.01"},
                {"amount": None},
                {"balance": "5.01"},
                {"occurred_at": "2026-08-02 01:00:00.000000"},
                {"currency": "USD"},
                {"owner": "somebody"},
                {"correlation_id": "another"},
                {"causation_id": "another"},
                {"request_id": None},
                {"event_id": "a-1:2x"},
                {"event_type": "BalanceWithdrawn"},
                {"dt": "2026-08-03"},
            )
        ],
        ("gap", 1, "a-1 3", []),
        ("negative_balance", 1, "a-1 2", [{**SECOND, "balance": "-0.01"}]),
        ("broken_balance", 2, "a-1 2", [{**SECOND, "balance": "5.01"}]),
        ("broken_balance", 1, "a-1 2", [{**SECOND, "amount": "5.01"}]),
    ],
)
def test_what_is_wrong_is_found_and_named(
    tmp_path: Path, kind: str, count: int, example: str, second: list[LakeRow]
) -> None:
    """In the middle of an account, its neighbours on other days."""
    duckdb, datafusion = lake(tmp_path, [HEALTHY[0], *second[:1], HEALTHY[2]], second[1:])
    answer = asked(duckdb, "data_quality", DAYS)
    assert answer.rows == asked(datafusion, "data_quality", DAYS).rows
    assert (kind, count, example) in answer.rows


@pytest.mark.parametrize("wrong", ["0.01", "-0.01"])
def test_an_account_opens_with_nothing(tmp_path: Path, wrong: str) -> None:
    duckdb, _ = lake(tmp_path, [{**HEALTHY[0], "balance": wrong}])
    answer = asked(duckdb, "data_quality", DAYS | {"from": "2026-08-01"})
    assert ("broken_balance", 1, "a-1 1") in answer.rows


def test_where_all_is_well_nothing_is_found(tmp_path: Path) -> None:
    duckdb, _ = lake(tmp_path, HEALTHY)
    for first in ("2026-08-01", "2026-08-02"):
        found = asked(duckdb, "data_quality", DAYS | {"from": first}).rows
        assert found == [(kind, 0, None) for kind in KINDS]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_wrong_both_engines_and_plain_python_find_the_same(tmp_path: Path, seed: int) -> None:
    roll = random.Random(seed)
    rows = made_up(seed, 12, 6, 250)
    copies = [dict(row) for row in roll.sample(rows, 40)]
    for row in copies[:20]:
        row.update(published_at=roll.choice([None, table.timestamp(FIRST_DAY + timedelta(days=9))]))
    for row in (*copies[20:30], *roll.sample(rows, 12)):
        row.update(balance=f"{Decimal(roll.randrange(-999, 9999)) / 100:.2f}")
    rows = [row for row in rows if roll.random() > 0.05]
    duckdb, datafusion = lake(tmp_path, rows, copies)
    for first, last in (("2026-08-01", "2026-08-06"), ("2026-08-03", "2026-08-04"), ("2026-08-05", "2026-08-05")):
        given = DAYS | {"from": first, "until": last}
        found = asked(duckdb, "data_quality", given).rows
        assert found == asked(datafusion, "data_quality", given).rows
        assert found == ORACLES["data_quality"]([*rows, *copies], given)
    assert any(count for _, count, _ in found)


@pytest.fixture(scope="module")
def hundred_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of a hundred days, from FIRST_DAY on, each with the same events; ids are random, as they really are, and do not pack."""
    root = tmp_path_factory.mktemp("lake")
    roll = random.Random(1)
    rows = made_up(3, 300, 1, 1_500)
    for row in rows:
        row.update(correlation_id=str(UUID(int=roll.getrandbits(128))), request_id=str(UUID(int=roll.getrandbits(128))))
    write(root, rows)
    [day] = (root / table.EVENTS_PREFIX).iterdir()
    for number in range(1, 100):
        shutil.copytree(day, day.with_name(f"dt={FIRST_DAY + timedelta(days=number):%Y-%m-%d}"))
    totals(Folder(root)).refresh()
    return root


def sizes(root: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in root.glob(pattern))


def test_the_report_of_one_day_in_a_hundred_reads_less_than_a_fiftieth(hundred_days: Path) -> None:
    """By DuckDB's log of what it reads, and by the sizes of the files that it says it has opened."""
    day = f"{FIRST_DAY + timedelta(days=99):%Y-%m-%d}"
    whole = sizes(hundred_days, "events/*/*/*")
    duckdb = DuckDBEngine(str(hundred_days))
    answer = asked(duckdb, "daily_report", {"day": day})
    assert answer.read_bytes is not None
    assert 0 < answer.read_bytes <= whole / 50
    assert scanned(duckdb, "daily_report", {"day": day}) == (3, 300)
    assert sizes(hundred_days, f"events/dt={day}/*/*") + sizes(hundred_days, "daily_totals/*/*") <= whole / 50


def test_what_is_read_is_counted_whole(hundred_days: Path) -> None:
    """DuckDB's profile tells a tenth of it."""
    columns = "event_id, correlation_id, request_id, account_id, amount, balance"
    answer = DuckDBEngine(str(hundred_days)).query(f"SELECT DISTINCT {columns} FROM account_events")
    assert answer.read_bytes is not None
    assert answer.read_bytes > sizes(hundred_days, "events/*/*/*") / 2


def test_a_balance_reads_no_later_day(hundred_days: Path) -> None:
    given = {"account": "a-00003", "moment": f"{FIRST_DAY + timedelta(days=9):%Y-%m-%d}T12:00:00"}
    assert scanned(DuckDBEngine(str(hundred_days)), "balance_at", given) == (30, 300)


def scanned(engine: DuckDBEngine, name: str, given: dict[str, str]) -> tuple[int, int]:
    """Of the events' files DuckDB says it has opened so many, of so many."""
    query = QUERIES[name]
    found = engine.connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {in_duckdb(query.sql)}", query.arguments(given))
    nodes = [json.loads(found.fetchall()[0][1])]
    for node in nodes:
        nodes += node["children"]
    [text] = {text for node in nodes if (text := node.get("extra_info", {}).get("Scanning Files"))}
    opened, there = text.split("/")
    return int(opened), int(there)


def test_parameters_are_checked_before_anything_is_asked() -> None:
    report = QUERIES["daily_report"]
    assert report.arguments({"day": "2026-11-25"}) == ["2026-11-25"] * 2
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
