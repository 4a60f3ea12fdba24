"""The stored results are JSON, also for readers in other languages."""

import json
import math
from pathlib import Path

import pytest

from benchmarks import timing_report


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


def test_the_stored_results_are_valid_json() -> None:
    assert json.loads(timing_report.RESULTS.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_result_that_json_lacks_is_refused_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    monkeypatch.setattr(timing_report, "RESULTS", tmp_path / "results.json")
    timing_report.store(one=1, two=None)
    with pytest.raises(ValueError, match="not JSON compliant"):
        timing_report.store(one={"figures": [number]})
    assert json.loads(timing_report.RESULTS.read_text()) == {"one": 1, "two": None}
