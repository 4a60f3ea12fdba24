"""Who may not write the totals asks with those there are; any other trouble is told as such."""

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
from tests.unit.lake.asking import lake


class Refused:
    """A lake whose bucket does not take totals."""

    def __init__(self, code: str) -> None:
        self._code = code

    def totals(self) -> "Refused":
        return self

    def refresh(self, _tell: object) -> int:
        raise ClientError({"Error": {"Code": self._code}}, "PutObject")


def test_an_analyst_is_told_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    lake: Any = Refused("AccessDenied")
    assert refresh_totals(lake) is False
    assert "credentials do not allow you to update the daily totals" in " ".join(capsys.readouterr().err.split())


def test_another_trouble_is_no_reason_to_go_on() -> None:
    lake: Any = Refused("NoSuchBucket")
    with pytest.raises(ClientError):
        refresh_totals(lake)


def test_the_tables_are_shown_without_reading_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS: the view is made first. Nothing is compared with `dt`, a date there, and no day is read."""
    told: list[str] = []

    class Athena:
        def execute(self, statement: str) -> None:
            told.append(statement)

        def query(self, sql: str) -> Answer:
            told.append(sql)
            return Answer(("dt",), [])

    class OnAws:
        is_local = False

        @classmethod
        def of(cls, _deployment: Deployment) -> "OnAws":
            return cls()

        def athena(self) -> Athena:
            return Athena()

        engine = athena

    monkeypatch.setattr("ops.cli.lake.Lake", OnAws)
    monkeypatch.setattr(Deployment, "connect", lambda _stack: Deployment(Outputs({})))
    assert CliRunner().invoke(app, ["tables", "--stack", "s"]).exit_code == 0
    assert told == [EVENTS_VIEW, *(f"SELECT * FROM {name} WHERE 1 = 0" for name in TABLES)]  # noqa: S608 -- our own
    assert not any(";" in sql for sql in told)


def test_both_engines_read_nothing_for_it(tmp_path: Path) -> None:
    duckdb, datafusion = lake(tmp_path, made_up(1, 5, 2, 40))
    for name in TABLES:
        sql = f"SELECT * FROM {name} WHERE 1 = 0"  # noqa: S608 -- our own
        ours, theirs = duckdb.query(sql), datafusion.query(sql)
        assert set(theirs.columns) >= set(ours.columns) > {"dt"}
        assert (ours.rows, theirs.rows) == ([], [])
