"""`make lake-scale` with a small lake."""

import io
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from benchmarks.lake import __main__ as scale
from benchmarks.lake.generator import Size, generate
from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import DuckDBEngine

SMALL = Size(events=2_000, days=2, flush_minutes=720)
EVENTS_AND_COPIES = 2_000 + 2


def test_every_query_with_parameters_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "BUILD", tmp_path)
    monkeypatch.setattr("sys.argv", ["lake", "--events", "500", "--days", "3", "--flush-minutes", "720"])
    assert scale.main() == 0
    shown = capsys.readouterr().out
    for query in queries().values():
        assert (f" {query.name} " in shown) is bool(query.parameters)


@pytest.mark.parametrize("option", ["--events", "--days", "--flush-minutes"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1_0", "x", "", "9" * 5_000])
def test_an_invalid_size_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.parse_size([f"{option}={value}"])
    assert ended.value.code == 2
    assert f"argument {option}: must be a whole number from 1 to " in capsys.readouterr().err


def test_a_day_without_events_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.parse_size(["--events=2", "--days=3"])
    assert ended.value.code == 2
    assert "2 events are too few for 3 days" in capsys.readouterr().err
    assert scale.parse_size(["--events=3", "--days=3"]) == Size(3, 3, scale.DEFAULT.flush_minutes)


def events_in(root: Path) -> int:
    [[count]] = DuckDBEngine(str(root)).query("SELECT count(*) FROM account_events").rows
    return int(count)


def generated_lake(size: Size) -> Path:
    return scale.generated_lake(size, Console(file=io.StringIO()))


def test_the_files_of_a_killed_run_are_not_in_the_next_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the files in their final place nor those that DuckDB was still writing."""
    monkeypatch.setattr(scale, "BUILD", tmp_path)
    root = generated_lake(SMALL)
    [*_, finished] = root.rglob("*.parquet")
    abandoned = root.with_suffix(".unfinished")
    root.rename(abandoned)
    stray = abandoned / "unfinished" / "dt=2026-01-01" / "event_type=AccountCreated" / "flush=x" / "data_0.parquet"
    stray.parent.mkdir(parents=True)
    earlier = abandoned / finished.relative_to(root)
    stray.write_bytes(earlier.read_bytes())
    earlier.rename(earlier.with_name("earlier.parquet"))
    assert events_in(generated_lake(SMALL)) == EVENTS_AND_COPIES
    assert not abandoned.exists()


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "BUILD", tmp_path)

    def interrupted(root: Path, size: Size, connection: duckdb.DuckDBPyConnection) -> None:
        generate(root, size, connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scale, "generate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generated_lake(SMALL)
    assert list(tmp_path.iterdir()) == []
    assert events_in(generated_lake(SMALL)) == EVENTS_AND_COPIES
