"""The engine `spark` gives the results of the engine `local`. Slow, and needs `.venv-spark` and Java: `make test-spark`.

Because of its name, pytest does not collect this file by default.
"""

from pathlib import Path

import pytest

from tests.spark.environment import SparkWorker
from tests.spark.given import by_local, by_spark
from tests.support.corruptions import CORRUPTIONS, Corruption, sides

pytestmark = pytest.mark.timeout(600)  # the first test starts Spark


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_spark_finds_what_local_finds(spark: SparkWorker, tmp_path: Path, corruption: Corruption) -> None:
    items, rows = corruption.make(*sides())
    lake = tmp_path / "lake"
    expected, expected_findings = by_local(lake, items, rows)
    result, findings = by_spark(spark, tmp_path, items, lake)
    assert findings == expected_findings
    assert result == expected
