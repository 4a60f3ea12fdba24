"""Refreshing daily totals without permission to write them, and `account-events lake tables`."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops.cli.lake import TABLES, app
from ops.deployment.stack import Deployment, Outputs
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.query.engine import Answer
from ops.lake.refresh_totals import refresh_totals
from tests.support.lake import made_up
from tests.unit.lake.both_engines import lake_on_both_engines


class Refused:
    """A lake whose bucket refuses to store totals."""

    def __init__(self, code: str) -> None:
        self._code = code

    def totals(self) -> "Refused":
        return self

    def refresh(self, _progress: object) -> int:
        raise ClientError({"Error": {"Code": self._code}}, "PutObject")


def test_without_write_access_the_totals_stay_and_a_warning_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    lake: Any = Refused("AccessDenied")
    assert refresh_totals(lake) is False
    assert "credentials do not allow you to update the daily totals" in " ".join(capsys.readouterr().err.split())


def test_any_other_error_of_a_refresh_is_raised() -> None:
    lake: Any = Refused("NoSuchBucket")
    with pytest.raises(ClientError):
        refresh_totals(lake)


def test_the_tables_are_shown_without_reading_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS, the views are created first. The statements read no day, and do not use `dt`, which is a date there."""
    statements: list[str] = []

    class Athena:
        def execute(self, statement: str) -> None:
            statements.append(statement)

        def query(self, sql: str) -> Answer:
            statements.append(sql)
            return Answer(("dt",), [])

    class OnAws:
        is_local = False

        @classmethod
        def of(cls, _deployment: Deployment) -> "OnAws":
            return cls()

        def athena(self) -> Athena:
            return Athena()

        engine = athena

        def publish_history(self) -> None:
            statements.append("account_history")

    monkeypatch.setattr("ops.cli.lake.Lake", OnAws)
    monkeypatch.setattr(Deployment, "connect", lambda _stack: Deployment(Outputs({})))
    assert CliRunner().invoke(app, ["tables", "--stack", "s"]).exit_code == 0
    assert statements == [EVENTS_VIEW, "account_history", *(f"SELECT * FROM {name} WHERE 1 = 0" for name in TABLES)]  # noqa: S608 -- our own
    assert not any(";" in sql for sql in statements)


def test_both_engines_return_columns_but_no_rows(tmp_path: Path) -> None:
    duckdb, datafusion = lake_on_both_engines(tmp_path, made_up(1, 5, 2, 40))
    for name in TABLES:
        sql = f"SELECT * FROM {name} WHERE 1 = 0"  # noqa: S608 -- our own
        ours, theirs = duckdb.query(sql), datafusion.query(sql)
        assert set(theirs.columns) >= set(ours.columns) > {"dt"}
        assert (ours.rows, theirs.rows) == ([], [])
