"""A stack's lake: what runs SQL over it."""

from unittest.mock import create_autospec

import pytest

from ops.lake.desk import Lake
from ops.lake.duckdb_engine import DuckDBEngine, S3Access
from ops.stack import Outputs


@pytest.mark.parametrize("is_at_home", [True, False])
def test_a_lake_on_aws_may_be_older_than_the_release(monkeypatch: pytest.MonkeyPatch, *, is_at_home: bool) -> None:
    """A house's is as old as the house, and its queries read what they ask for only."""
    engine = create_autospec(DuckDBEngine)
    monkeypatch.setattr("ops.lake.desk.DuckDBEngine", engine)
    access = S3Access("id", "secret", "eu-central-1")
    Lake(object(), "lake", Outputs({"LakeFirstDay": "2026-08-01"}), access, is_at_home).duckdb()  # type: ignore[arg-type]
    engine.assert_called_once_with("s3://lake", access, first_day="2026-08-01", has_older_files=not is_at_home)
