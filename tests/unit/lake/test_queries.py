"""The shipped queries are Trino's SQL, and two engines and plain Python give the same answers."""

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

from consumers.lake import table
from ops.lake.query.catalog import COMMENTS, FOLDER, Query
from ops.lake.query.duckdb_engine import TABLES
from tests.support.lake import FIRST_DAY, LakeRow, event, made_up, made_up_transfers
from tests.unit.lake.both_engines import ARGUMENTS, QUERIES, lake_on_both_engines, run_query
from tests.unit.lake.oracle import ORACLES

FILES = [*sorted(FOLDER.glob("*.sql")), *sorted(TABLES.glob("*.sql"))]
# Functions that mean the same in Trino, DuckDB and PostgreSQL's dialect. Deliberately absent: date_diff (Trino counts
# elapsed units, DuckDB counts boundaries), avg and division (7 / 2 is 3 or 3.5, and decimals become doubles),
# approximations, DECIMAL '0.00' (some engines read it as text), and functions that only one engine has.
FUNCTIONS = {
    *("AggFunc", "And", "Or", "Case", "Cast", "Coalesce", "Count", "Extract", "If", "Max", "Min", "RowNumber", "Sum"),
    *("Abs", "Floor", "Length", "Substring"),  # used for decimals and digits only
    *("LowerHex", "MD5Digest", "Encode"),  # the bucket of an account; another test compares the engines' values
    "TimeToUnix",  # seconds with a fraction in all engines; used only in differences, so time zones do not matter
}
TYPES = {"BIGINT", "DATE", "DECIMAL", "TIMESTAMP", "VARCHAR", "DOUBLE"}
BANNED = (expressions.Div, expressions.IntDiv, expressions.Mod, expressions.DateDiff, expressions.Avg)


def tree(path: Path) -> Any:  # noqa: ANN401 -- sqlglot's
    [statement] = sqlglot.parse(path.read_text(), read="athena")
    return statement


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_statement_is_valid_trino_sql(path: Path) -> None:
    assert trino_sql_validator.validate(path.read_text()).valid
    assert tree(path) is not None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_queries_avoid_sql_that_engines_read_differently(path: Path) -> None:
    for node in tree(path).walk():
        assert not isinstance(node, BANNED), node.sql()
        if isinstance(node, expressions.Func):
            assert type(node).__name__ in FUNCTIONS, f"{node.sql()}: if all engines agree on it, allow it"
            assert not isinstance(node, expressions.Anonymous), node.sql()
        if isinstance(node, expressions.Window):
            # Over all rows, DuckDB 1.5.5 fails once in a thousand times with several threads (duckdb/duckdb#22352).
            assert node.args.get("partition_by") or node.args.get("order"), f"{node.sql()}: use a scalar subquery"
        if isinstance(node, expressions.DataType):
            assert node.this.name in TYPES, node.sql()
        if isinstance(node, expressions.Literal) and not node.is_string:
            assert re.fullmatch(r"\d+", node.this), f"{node.sql()}: some engines read a number with a point as a double"


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_only_data_quality_reads_the_table_behind_the_view(query: Query) -> None:
    tables = {found.name for found in tree(FOLDER / f"{query.name}.sql").find_all(expressions.Table)}
    assert ("account_events" in tables) is (query.name == "data_quality")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parameters_are_only_where_athena_accepts_them(path: Path) -> None:
    """Athena's user guide allows question marks in the WHERE clause only. A quoted one would look like a parameter."""
    for found in tree(path).find_all(expressions.Placeholder):
        assert found.find_ancestor(expressions.Where), f"{path.name}: a `?` outside of WHERE"
    for literal in tree(path).find_all(expressions.Literal):
        assert "?" not in literal.this
    for comment in COMMENTS.findall(path.read_text()):
        assert "?" not in comment, f"{path.name}: {comment}: a client may take the `?` for a parameter"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_days_are_compared_with_the_parameter_itself(path: Path) -> None:
    """Then the engine knows the partitions before it reads anything."""
    for found in tree(path).find_all(expressions.EQ, expressions.LT, expressions.LTE, expressions.GT, expressions.GTE):
        if isinstance(found.this, expressions.Column) and found.this.name == "dt":
            assert isinstance(found.expression, expressions.Placeholder), found.sql()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_query_has_a_semicolon_even_in_a_comment(path: Path) -> None:
    """Athena accepts one statement; to a semicolon it answers "Only one sql statement is allowed"."""
    assert ";" not in path.read_text()


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_days_are_compared_with_days(query: Query) -> None:
    """In Athena, `dt` is a projected date. How it compares with text in another form is not documented."""
    sql = COMMENTS.sub("", query.sql)
    of_dt = {found.end() for found in re.finditer(r"\bdt (?:=|<|>|<=|>=) \?", sql)}
    arguments = query.arguments(
        {each.name: (ARGUMENTS | {"first": "2026-08-01"})[each.name] for each in query.parameters}
    )
    marks = zip(re.finditer(r"\?", sql), arguments, strict=True)
    days = [value for mark, value in marks if mark.end() in of_dt]
    assert len(days) == len(re.findall(r"\bdt (?:=|<|>|<=|>=|IN|BETWEEN)", sql))
    assert all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day) for day in days), days


@pytest.mark.parametrize(
    ("moment", "sequence"),
    [
        ("2026-08-01T23:59:59.999999", 1),
        ("2026-08-02T00:00:00", 2),
        ("2026-08-02", 2),
        ("2026-08-02T01:59:59.999999+02:00", 1),
        ("2026-08-02T23:59:59.999999", 3),
    ],
)
def test_a_balance_at_midnight_is_the_same_on_both_engines(tmp_path: Path, moment: str, sequence: int) -> None:
    midnight = FIRST_DAY + timedelta(days=1)
    last = midnight + timedelta(days=1, microseconds=-1)
    rows = [
        event("a", 1, "AccountCreated", midnight - timedelta(microseconds=1), "EUR", None, Decimal(0), owner="o"),
        event("a", 2, "BalanceCredited", midnight, "EUR", Decimal(5), Decimal(5)),
        event("a", 3, "BalanceCredited", last, "EUR", Decimal(5), Decimal(10)),
    ]
    for engine in lake_on_both_engines(tmp_path, rows):
        [found] = run_query(engine, "balance_at", {"account": "a", "moment": moment}).records()
        assert found["sequence"] == sequence


def test_every_query_has_an_oracle() -> None:
    assert QUERIES.keys() - {name for name in QUERIES if name.startswith("report_")} == ORACLES.keys()


def assert_all_agree(
    root: Path, rows: Sequence[LakeRow], arguments: dict[str, str], repeated: Sequence[LakeRow] = ()
) -> None:
    duckdb, datafusion = lake_on_both_engines(root, rows, repeated)
    for name, oracle in ORACLES.items():
        ours, theirs = run_query(duckdb, name, arguments), run_query(datafusion, name, arguments)
        assert ours.columns == theirs.columns
        assert ours.rows == theirs.rows, name
        assert [tuple(map(type, row)) for row in ours.rows] == [tuple(map(type, row)) for row in theirs.rows], name
        expected = oracle([*rows, *repeated] if name == "data_quality" else rows, arguments)
        assert ours.rows == expected, name


@pytest.mark.parametrize("seed", range(6))
def test_two_engines_and_plain_python_give_the_same_answers(tmp_path: Path, seed: int) -> None:
    rows = [*made_up(seed, 25, 6, 400), *made_up_transfers(seed, 8, 6, 60)]
    days = sorted({row["dt"] for row in rows})
    arguments = ARGUMENTS | {"day": days[seed % 6], "moment": f"{days[3]} 12:00:00", "count": str(seed)}
    arguments["account"] = "t-00003" if seed % 2 else "a-00003"
    assert_all_agree(
        tmp_path,
        rows,
        arguments,
        repeated=[row for row in rows[::7] if arguments["from"] <= row["dt"] <= arguments["until"]],
    )


def test_engines_agree_on_empty_and_early_days(tmp_path: Path) -> None:
    rows = [shifted(row) if row["dt"] >= "2026-08-03" else row for row in made_up(9, 10, 6, 100)]
    for number, day in enumerate(("2026-07-31", "2026-08-01", "2026-08-03", "2026-09-01")):
        assert_all_agree(
            tmp_path / str(number), rows, ARGUMENTS | {"day": day, "since": day, "moment": f"{day} 00:00:00"}
        )


def shifted(row: LakeRow) -> LakeRow:
    """The same row, one day later."""
    times = {name: datetime.fromisoformat(row[name]) + timedelta(days=1) for name in ("occurred_at", "published_at")}
    return {
        **row,
        **{name: table.timestamp(at) for name, at in times.items()},
        "dt": f"{times['occurred_at']:%Y-%m-%d}",
    }


def test_engines_agree_on_an_empty_lake(tmp_path: Path) -> None:
    assert_all_agree(tmp_path, [], ARGUMENTS)


def test_engines_agree_on_the_largest_amounts_and_any_text(tmp_path: Path) -> None:
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
    arguments = ARGUMENTS | {
        "account": f"{account_id}7",
        "moment": at.isoformat(),
        "since": "2026-08-04",
        "from": "2026-08-03",
    }
    assert_all_agree(tmp_path, rows, arguments)


def test_equal_amounts_are_ordered_by_account_and_sequence(tmp_path: Path) -> None:
    """The query cuts off the last of them, and the files have them in another order."""
    at, ten, balance = FIRST_DAY + timedelta(days=2), Decimal(10), Decimal(100)
    rows = [
        event(account_id, sequence, event_type, at, "EUR", ten, balance)
        for account_id, sequence, event_type in (
            ("b", 9, "BalanceCredited"),
            ("b", 3, "BalanceCredited"),
            ("a", 10, "BalanceCredited"),
            ("a", 9, "BalanceCredited"),
            ("b", 2, "BalanceWithdrawn"),
            ("a", 8, "BalanceWithdrawn"),
        )
    ]
    engines = lake_on_both_engines(tmp_path, rows)
    for count in range(1, 7):
        arguments = ARGUMENTS | {"count": str(count)}
        expected = [("a", 8), ("a", 9), ("a", 10), ("b", 2), ("b", 3), ("b", 9)][:count]
        for engine in engines:
            answer = run_query(engine, "largest_movements", arguments)
            assert [(row["account_id"], row["sequence"]) for row in answer.records()] == expected
            assert answer.rows == ORACLES["largest_movements"](rows, arguments)


def test_times_rounded_to_midnight_count_in_the_last_hour(tmp_path: Path) -> None:
    """Athena rounds 23:59:59.999500 and later to midnight. The other engines do not, so the row is written rounded."""
    day, midnight = ARGUMENTS["day"], FIRST_DAY + timedelta(days=3)
    rounded = event("a", 2, "BalanceCredited", midnight, "EUR", Decimal(5), Decimal(5)) | {"dt": day}
    first = event("a", 1, "AccountCreated", midnight - timedelta(days=1), "EUR", None, Decimal(0))
    assert_all_agree(tmp_path, [first, rounded], ARGUMENTS)
    for engine in lake_on_both_engines(tmp_path, []):
        moved = [
            row for row in run_query(engine, "hourly_volume", ARGUMENTS).records() if row["credits"] or row["opened"]
        ]
        assert [(row["hour"], row["opened"], row["credited"]) for row in moved] == [(0, 1, 0), (23, 0, 5)]
        records = run_query(engine, "report_day", ARGUMENTS).records()
        assert [(row["hour"], row["event_type"]) for row in records] == [(0, "AccountCreated"), (23, "BalanceCredited")]


def test_a_datetime_of_the_lake_is_utc_without_a_zone(tmp_path: Path) -> None:
    duckdb, _ = lake_on_both_engines(tmp_path, [event("a", 1, "AccountCreated", FIRST_DAY, "EUR", None, Decimal(0))])
    [[found]] = duckdb.query("SELECT min(occurred_at) FROM events").rows
    assert found == datetime(2026, 8, 1)  # noqa: DTZ001 -- the engine returns it without a zone
