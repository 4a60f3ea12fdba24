"""How much of a lake of a hundred days the queries read, by DuckDB's log and by the sizes of the files it opens."""

import json
import random
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from consumers.lake import table
from ops.lake.query.duckdb_engine import DuckDBEngine, in_duckdb
from tests.support.compacted_lake import CompactedLake, at
from tests.support.lake import FIRST_DAY, made_up, write
from tests.unit.lake.both_engines import QUERIES, run_query
from tests.unit.lake.test_totals import Folder, totals


@pytest.fixture(scope="module")
def hundred_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of a hundred days from FIRST_DAY on, each with the same events.

    As in production, ids are random and do not compress.
    """
    root = tmp_path_factory.mktemp("lake")
    jitter = random.Random(1)  # noqa: S311 -- test data
    rows = made_up(3, 300, 1, 1_500)
    for row in rows:
        row.update(
            correlation_id=str(UUID(int=jitter.getrandbits(128))), request_id=str(UUID(int=jitter.getrandbits(128)))
        )
    write(root, rows)
    [day] = (root / table.EVENTS_PREFIX).iterdir()
    for number in range(1, 100):
        shutil.copytree(day, day.with_name(f"dt={FIRST_DAY + timedelta(days=number):%Y-%m-%d}"))
    totals(Folder(root)).refresh()
    return root


def sizes(root: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in root.glob(pattern))


def test_the_report_of_one_day_in_a_hundred_reads_less_than_a_fiftieth(hundred_days: Path) -> None:
    """Measured in two ways: by DuckDB's log, and by the sizes of the files that it reports as opened."""
    day = f"{FIRST_DAY + timedelta(days=99):%Y-%m-%d}"
    all_bytes = sizes(hundred_days, "events/*/*/*")
    duckdb = DuckDBEngine(str(hundred_days))
    answer = run_query(duckdb, "daily_report", {"day": day})
    assert answer.read_bytes is not None
    assert 0 < answer.read_bytes <= all_bytes / 50
    assert scanned(duckdb, "daily_report", {"day": day}) == (3, 300)
    # Credits and withdrawals of one day. Creations have no transfer.
    assert scanned(duckdb, "transfers", {"from": day, "until": day}) == (2, 300)
    assert sizes(hundred_days, f"events/dt={day}/*/*") + sizes(hundred_days, "daily_totals/*/*") <= all_bytes / 50


def test_all_bytes_read_are_counted(hundred_days: Path) -> None:
    """DuckDB's own profile reports only a tenth of them."""
    answer = DuckDBEngine(str(hundred_days)).query(
        "SELECT DISTINCT event_id, correlation_id, request_id, account_id, amount, balance FROM account_events"
    )
    assert answer.read_bytes is not None
    assert answer.read_bytes > sizes(hundred_days, "events/*/*/*") / 2


def test_a_query_for_a_balance_reads_no_later_day(hundred_days: Path) -> None:
    arguments = {"account": "a-00003", "moment": f"{FIRST_DAY + timedelta(days=9):%Y-%m-%d}T12:00:00"}
    assert scanned(DuckDBEngine(str(hundred_days)), "balance_at", arguments) == (30, 300)


@pytest.mark.parametrize("name", ["balance_at", "account_statement"])
def test_a_query_about_one_account_reads_a_twentieth_at_most(hundred_days: Path, tmp_path: Path, name: str) -> None:
    """Days that are not compacted, two here, are read completely."""
    shutil.copytree(hundred_days, tmp_path, dirs_exist_ok=True)
    lake = CompactedLake(tmp_path, [], at(f"{FIRST_DAY + timedelta(days=99):%Y-%m-%d}"))
    lake.compact()
    last = f"{FIRST_DAY + timedelta(days=99):%Y-%m-%d}"
    given = {"account": "a-00003", "moment": f"{last}T23:00:00", "from": last, "until": last}
    query = QUERIES[name]
    arguments = query.arguments({each.name: given[each.name] for each in query.parameters})
    plain = DuckDBEngine(str(tmp_path)).query(query.sql, arguments)
    compacted = DuckDBEngine(str(tmp_path)).query(lake.store.history().in_query(query.sql), arguments)
    assert [row["balance"] for row in compacted.records()] == [row["balance"] for row in plain.records()]
    assert compacted.read_bytes is not None
    assert 0 < compacted.read_bytes <= sizes(tmp_path, "events/*/*/*") / 20


def scanned(engine: DuckDBEngine, name: str, arguments: dict[str, str]) -> tuple[int, int]:
    """Number of event files that DuckDB reports as opened, and their total number."""
    query = QUERIES[name]
    found = engine.connection.execute(
        f"EXPLAIN (ANALYZE, FORMAT json) {in_duckdb(query.sql)}", query.arguments(arguments)
    )
    nodes = [json.loads(found.fetchall()[0][1])]
    for node in nodes:
        nodes += node["children"]
    [text] = {text for node in nodes if (text := node.get("extra_info", {}).get("Scanning Files"))}
    opened, total = text.split("/")
    return int(opened), int(total)
