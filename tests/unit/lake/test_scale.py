"""`make lake-scale`, with a lake that is small."""

from pathlib import Path

import pytest

from benchmarks.lake import __main__ as scale
from ops.lake.catalog import queries


def test_every_query_that_asks_for_something_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "BUILD", tmp_path)
    monkeypatch.setattr("sys.argv", ["lake", "--events", "500", "--days", "3", "--flush-minutes", "720"])
    assert scale.main() == 0
    shown = capsys.readouterr().out
    for query in queries().values():
        assert (f" {query.name} " in shown) is bool(query.parameters)
