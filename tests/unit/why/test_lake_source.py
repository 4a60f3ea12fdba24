"""Events in the lake, located by their ids."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlglot

from ops.lake.query.athena_engine import AthenaEngine
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Answer
from ops.why.facts import EventKey
from ops.why.sources import lake
from tests.support.lake import LakeRow, write
from tests.support.ledger_and_lake import history, lake_rows

ROWS = lake_rows([*history("a-1", "5.00", "-1.00"), *history("a-2", "1.00")])
DAY = "2026-08-01"
WITHDRAWN = "events/dt=2026-08-01/event_type=BalanceWithdrawn/part-0.parquet"


def engine(root: Path, *rows: LakeRow) -> DuckDBEngine:
    write(root, rows or ROWS)
    return DuckDBEngine(str(root), first_day="2026-01-01", has_views=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c-a-1-3", {("a-1", 3)}),
        ("r-a-1-3", {("a-1", 3)}),
        ("k-3", {("a-1", 3)}),
        ("k-2", {("a-1", 2), ("a-2", 2)}),
        ("a-1:3", {("a-1", 3)}),
        ("a-1", set()),
        ("k-_", set()),
        ("nothing", set()),
    ],
)
def test_events_are_found_by_each_of_their_ids(tmp_path: Path, text: str, expected: set[EventKey]) -> None:
    found = lake.by_id(engine(tmp_path), text, DAY)
    assert {row.key for row in found} == expected


def test_an_event_has_its_file_its_times_and_its_ids(tmp_path: Path) -> None:
    [row] = lake.by_id(engine(tmp_path), "k-3", DAY)
    assert row.found.file == str(tmp_path / WITHDRAWN)
    assert row.occurred_at == datetime(2026, 8, 1, 11, 30, tzinfo=UTC)
    assert row.found.published_at == datetime(2026, 8, 1, 11, 30, 1, tzinfo=UTC)
    ids = {"correlation_id": "c-a-1-3", "causation_id": "k-3", "request_id": "r-a-1-3"}
    assert row.ids == {"event_id": "a-1:3", "account_id": "a-1", "transfer_id": None, **ids}


def test_both_events_of_a_transfer_are_found_by_its_id(tmp_path: Path) -> None:
    paid, received = ROWS[2] | {"transfer_id": "t-1"}, ROWS[4] | {"transfer_id": "t-1", "correlation_id": "t-1"}
    found = lake.by_id(engine(tmp_path, ROWS[0], paid, received), "t-1", DAY)
    assert {row.key: row.ids["transfer_id"] for row in found} == {("a-1", 3): "t-1", ("a-2", 2): "t-1"}


def test_an_operators_key_is_found_without_the_subject(tmp_path: Path) -> None:
    theirs = [row | {"causation_id": f"operator,{row['causation_id']}"} for row in ROWS if row["causation_id"]]
    assert {row.key for row in lake.by_id(engine(tmp_path, *theirs), "k-3", DAY)} == {("a-1", 3)}


@pytest.mark.parametrize("text", ["%", "_-3", "k-_", "!", "k!3"])
def test_wildcards_in_an_operators_key_are_ordinary_characters(tmp_path: Path, text: str) -> None:
    keys = {number: f"operator,{key}" for number, key in enumerate(["k-3", "k!3", "_-3", "%", "!", "k-_"])}
    theirs = [ROWS[1] | {"event_id": f"a-1:{number}", "causation_id": key} for number, key in keys.items()]
    found = lake.by_id(engine(tmp_path, *theirs), text, DAY)
    assert [row.ids["causation_id"] for row in found] == [f"operator,{text}"]


def test_an_event_is_found_although_another_has_many_copies(tmp_path: Path) -> None:
    copies = [
        ROWS[2] | {"published_at": f"2026-08-01 12:{n // 60:02}:{n % 60:02}.000000"} for n in range(lake.ROWS_MAX)
    ]
    write(tmp_path, copies, file_name="part-1")
    found = lake.by_event(engine(tmp_path), {EventKey("a-1", 3): DAY, EventKey("a-1", 1): DAY})
    assert set(found) == {EventKey("a-1", 3), EventKey("a-1", 1)}
    assert found[EventKey("a-1", 3)].file == str(tmp_path / WITHDRAWN)


def test_days_before_the_first_are_not_searched(tmp_path: Path) -> None:
    assert lake.by_id(engine(tmp_path), "k-3", f"{date(2026, 8, 2)}") == []


def test_the_copy_that_was_published_first_is_named(tmp_path: Path) -> None:
    of_backfill = ROWS[2] | {"published_at": None}
    again = ROWS[2] | {"published_at": "2026-08-01 12:00:00.000000"}
    write(tmp_path, [of_backfill], file_name="part-1")
    write(tmp_path, [again], file_name="part-2")
    found = lake.by_event(engine(tmp_path), {EventKey("a-1", 3): DAY, EventKey("a-1", 4): DAY})
    assert {key: each.file for key, each in found.items()} == {EventKey("a-1", 3): str(tmp_path / WITHDRAWN)}


def test_an_empty_lake_has_no_event(tmp_path: Path) -> None:
    empty = DuckDBEngine(str(tmp_path), first_day="2026-01-01", has_views=False)
    assert lake.by_id(empty, "k-3", DAY) == []
    assert lake.by_event(empty, {EventKey("a-1", 3): DAY}) == {}


class Athena(AthenaEngine):
    """Athena, which finds one event. The SQL and the parameters of each query are recorded."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, list[str]]] = []

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        self.queries.append((sql, list(parameters)))
        at = datetime(2026, 8, 1)  # noqa: DTZ001 -- as the engines return times
        row = ("a-1:3", "a-1", "c", None, None, None, 3, at, at, f"s3://bucket/{WITHDRAWN}")
        return Answer(tuple(lake.COLUMNS.split(", ")), [row])


def test_athena_has_the_file_of_a_row_as_its_path() -> None:
    athena = Athena()
    [row] = lake.by_id(athena, "k-3", DAY)
    found = lake.by_event(athena, {EventKey("a-1", 3): DAY, EventKey("a-2", 1): "2026-08-02"})
    assert (row.found.file, found[EventKey("a-1", 3)].file) == (WITHDRAWN, WITHDRAWN)
    for sql, parameters in athena.queries:
        parsed = sqlglot.parse_one(sql, read="athena")
        assert '"$path" AS file' in sql
        assert len(list(parsed.find_all(sqlglot.exp.Placeholder))) == len(parameters)
