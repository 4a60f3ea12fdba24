"""`reconcile` refuses options that the chosen engine would ignore, and tables that are too large for `local`."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from typer.testing import CliRunner

from ops.cli.reconcile import app
from ops.lake.reconcile import run
from ops.lake.reconcile.run import LOCAL_ROWS_MAX, TooLarge, run_reconciliation
from ops.lake.spark import local_job
from ops.lake.spark.local_job import SparkMissing, refuse_without_spark
from ops.replay.estimate import TableSize


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--engine", "spark"], "reads an export"),
        (["--export", "latest"], "only the engine spark reads an export"),
        (["--engine", "aws", "--export", "latest"], "only the engine spark reads an export"),
        (["--engine", "spark", "--export", "latest", "--read-units-max", "5"], "for the engine local"),
        (["--engine", "aws", "--read-units-max", "5"], "for the engine local"),
        (["--engine", "aws", "--grace-s", "5"], "for the engines local and spark"),
        (["--engine", "aws", "--output", "x"], "for the engines local and spark"),
        (["--engine", "athena"], "'athena' is not one of"),
    ],
)
def test_options_that_the_engine_would_ignore_are_refused(options: list[str], problem: str) -> None:
    answer = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, options)
    assert answer.exit_code == 2
    assert problem in answer.output


@pytest.mark.parametrize(("rows", "is_refused"), [(LOCAL_ROWS_MAX, False), (LOCAL_ROWS_MAX + 1, True)])
def test_local_refuses_a_table_that_is_too_large(
    monkeypatch: pytest.MonkeyPatch, rows: int, *, is_refused: bool
) -> None:
    source = Mock(**{"size.return_value": TableSize("id", rows, 1)})
    monkeypatch.setattr(run, "DynamoDBSource", lambda *_args, **_options: source)
    monkeypatch.setattr(run, "skip_scan_parsing", lambda _client: None)
    monkeypatch.setattr(run, "Reconciler", Mock(side_effect=EOFError("not refused")))
    lake: Any = MagicMock(is_local=True)
    lake.s3.get_paginator.return_value.paginate.return_value = []
    with pytest.raises(TooLarge if is_refused else EOFError) as error:
        run_reconciliation(lake, grace_s=0)
    assert not is_refused or ("--engine aws" in str(error.value) and "--engine spark" in str(error.value))


def test_the_missing_environment_names_the_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_job, "PYTHON", tmp_path / "python")
    with pytest.raises(SparkMissing, match="run `make spark`"):
        refuse_without_spark()


def test_missing_java_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python").touch()
    monkeypatch.setattr(local_job, "PYTHON", tmp_path / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkMissing, match="Java 17"):
        refuse_without_spark()
