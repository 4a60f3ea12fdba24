"""DuckDB on a lake in a folder: Ctrl-C, files that it ignores, errors, and missing files and columns."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
import pytest

from ops.lake.query import duckdb_engine
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.duckdb_errors import interruptible
from ops.lake.query.engine import QueryFailed
from tests.support.ctrl_c import ENDLESS, Pressed
from tests.support.lake import FIRST_DAY, made_up, write


def test_ctrl_c_ends_a_long_query_and_the_engine_stays_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = DuckDBEngine(str(tmp_path))
    pressed = Pressed()

    def translated(sql: str) -> str:
        pressed.begins()
        return sql

    monkeypatch.setattr(duckdb_engine, "in_duckdb", translated)
    with pytest.raises(KeyboardInterrupt), pressed:
        engine.query(ENDLESS)
    assert engine.query("SELECT 1 AS one").rows == [(1,)]


def test_ctrl_c_in_the_main_thread_raises_keyboard_interrupt(tmp_path: Path) -> None:
    """DuckDB would raise an error of its own, and its threads would go on."""
    engine = DuckDBEngine(str(tmp_path))
    with pytest.raises(KeyboardInterrupt), Pressed() as pressed, interruptible(engine.connection):
        pressed.execute(engine.connection)
    assert engine.query("SELECT 1 AS one").rows == [(1,)]
    with pytest.raises(RuntimeError, match="another"), interruptible(engine.connection):
        raise RuntimeError("another")


def test_ctrl_c_while_the_engine_starts_raises_keyboard_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = Pressed()
    monkeypatch.setattr(DuckDBEngine, "_configure_s3", lambda self, _: pressed.execute(self.connection))
    with pytest.raises(KeyboardInterrupt), pressed:
        DuckDBEngine(str(tmp_path), S3Access("id", "secret", "eu-central-1"))


def test_stray_files_are_ignored(tmp_path: Path) -> None:
    """Athena ignores them, too: its projection does not lead to them, and it skips hidden files."""
    rows = made_up(seed=1, accounts=5, days=1, events=10)
    write(tmp_path, rows)
    [file, *_] = sorted(tmp_path.glob("events/*/*/*.parquet"))
    for path in (
        "x.parquet",
        "compacting/x/y.parquet",
        "dt=2026-11-31/event_type=BalanceCredited/x.parquet",
        "dt=2026-08-01/event_type=BalanceFrozen/x.parquet",
        "dt=2026-08-01/event_type=BalanceCredited/_x.parquet",
        "dt=2026-08-01/event_type=BalanceCredited/.x.parquet",
    ):
        copy = tmp_path / "events" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    assert DuckDBEngine(str(tmp_path)).query("SELECT count(*) FROM account_events").rows == [(len(rows),)]


def test_an_error_of_duckdb_is_reported(tmp_path: Path) -> None:
    with pytest.raises(QueryFailed, match="nowhere"):
        DuckDBEngine(str(tmp_path)).query("SELECT * FROM nowhere")
    with pytest.raises(QueryFailed, match="Expected"):
        DuckDBEngine(str(tmp_path)).query("SELECT FROM WHERE (")


def test_a_lake_without_files_has_all_columns_and_no_rows(tmp_path: Path) -> None:
    engine = DuckDBEngine(str(tmp_path))
    for name in ("account_events", "events", "daily_totals"):
        answer = engine.query(f"SELECT * FROM {name}")  # noqa: S608 -- our own names
        assert "dt" in answer.columns
        assert answer.rows == []
        assert answer.read_bytes == 0


def test_days_before_the_first_day_are_ignored(tmp_path: Path) -> None:
    rows = made_up(seed=1, accounts=5, days=4, events=100)
    write(tmp_path, rows)
    first_day = f"{FIRST_DAY + timedelta(days=2):%Y-%m-%d}"
    expected = sum(row["dt"] >= first_day for row in rows)
    assert 0 < expected < len(rows)
    engine = DuckDBEngine(str(tmp_path), first_day=first_day)
    for name in ("account_events", "events"):
        assert engine.query(f"SELECT count(*), min(dt) FROM {name}").rows == [(expected, first_day)]  # noqa: S608 -- our own names


@pytest.mark.parametrize("older", [["2026-08-01"], ["2026-08-02"], ["2026-08-01", "2026-08-02"]])
def test_a_column_that_older_files_lack_is_null_there(tmp_path: Path, older: list[str]) -> None:
    """Wherever such files are listed, and even if no file has the column yet."""
    rows = made_up(seed=1, accounts=5, days=2, events=100)
    write(tmp_path, rows)
    for day in older:
        for path in tmp_path.glob(f"events/dt={day}/*/*.parquet"):
            pyarrow.parquet.write_table(pyarrow.parquet.ParquetFile(path).read().drop_columns("correlation_id"), path)
    expected = sum(row["dt"] not in older for row in rows)
    engine = DuckDBEngine(str(tmp_path), has_older_files=True)
    for name in ("account_events", "events", f"({engine.listed_events})"):
        answer = engine.query(f"SELECT count(*), count(correlation_id), typeof(any_value(balance)) FROM {name}")  # noqa: S608 -- our own names
        assert answer.rows == [(len(rows), expected, "DECIMAL(18,2)")]


def test_files_may_have_columns_of_a_later_release(tmp_path: Path) -> None:
    rows = made_up(seed=1, accounts=5, days=1, events=10)
    write(tmp_path, rows)
    for path in tmp_path.glob("events/*/*/*.parquet"):
        read = pyarrow.parquet.ParquetFile(path).read()
        pyarrow.parquet.write_table(read.append_column("mood", pyarrow.array(["good"] * len(read))), path)
    for has_older_files in (False, True):
        answer = DuckDBEngine(str(tmp_path), has_older_files=has_older_files).query("SELECT * FROM account_events")
        assert len(answer.rows) == len(rows)
        assert "mood" not in answer.columns


def test_a_test_lakes_file_appears_only_when_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on S3. Tests write while an engine reads, and a query fails on half a file."""
    rows = made_up(seed=1, accounts=1, days=1, events=1)
    seen: list[object] = []
    replace = Path.replace

    def read_first(unfinished: Path, target: Path) -> Path:
        seen.append(DuckDBEngine(str(tmp_path)).query("SELECT count(*) FROM events").rows)
        return replace(unfinished, target)

    monkeypatch.setattr(Path, "replace", read_first)
    write(tmp_path, rows)
    assert seen == [[(0,)]]
    assert DuckDBEngine(str(tmp_path)).query("SELECT count(*) FROM events").rows == [(1,)]
