"""`account-events report`: the file that it writes, and what it prints."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from local_stack.errors import CommandError
from ops.cli.app import app
from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import QueryFailed
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.result import LATEST_KEY, Files, ReconciliationResult, Total, to_json
from ops.report import report_file
from tests.unit.report.given import lake, moved, opened

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TOTAL = Total("EUR", Decimal("5.00"), Decimal("5.00"))
AT = datetime(2026, 8, 21, 6, 0, tzinfo=UTC)
RESULT = ReconciliationResult(AT, AT - timedelta(minutes=1), 2, 1, totals=(TOTAL,))


class Workspace:
    """A working directory, a lake in another folder, and a bucket for the reconciliation result."""

    def __init__(self, folder: Path, s3: "S3Client") -> None:
        self.folder, self.s3 = folder, s3
        self.refreshed, self.refuses = 0, False
        self.engine = DuckDBEngine(str(folder / "none"))
        s3.create_bucket(Bucket="lake")

    def fill(self) -> None:
        self.engine = lake(self.folder / "lake", [opened("a"), moved("a", 2, "5.00", "5.00")])

    def refresh(self, progress: Callable[[str], object]) -> None:
        """Do as `DailyTotals.refresh` does."""
        progress("2026-08-20")
        self.refreshed += 1
        if self.refuses:
            raise QueryFailed("throttled")

    def put_result(self, body: bytes) -> None:
        self.s3.put_object(Bucket="lake", Key=LATEST_KEY, Body=body)

    def files(self) -> set[str]:
        return {path.name for path in (self.folder / "here").iterdir()}

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["report", *arguments])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        workspace = Workspace(tmp_path, boto3.client("s3"))

        def connect(stack: str | None) -> Deployment:
            assert stack in {None, "accounts"}
            return Deployment(Outputs({}))

        def of(_deployment: Deployment) -> SimpleNamespace:
            return SimpleNamespace(
                s3=workspace.s3, bucket="lake", engine=lambda: workspace.engine, totals=lambda: workspace
            )

        monkeypatch.setattr(Deployment, "connect", connect)
        monkeypatch.setattr(Lake, "of", of)
        yield workspace


def test_the_newest_days_report_is_written_and_its_path_printed(workspace: Workspace) -> None:
    workspace.fill()
    result = workspace.call()
    assert (result.exit_code, result.stdout) == (0, "report-2026-08-20.html\n")
    assert workspace.files() == {"report-2026-08-20.html"}
    text = Path("report-2026-08-20.html").read_text()
    assert "Thursday 20 August 2026" in text
    assert "Never reconciled" in text
    assert "the local stack" in text


def test_the_daily_totals_are_refreshed_first_by_default(workspace: Workspace) -> None:
    workspace.fill()
    assert "summing up 2026-08-20" in workspace.call("--output", "r.html").stderr
    assert workspace.refreshed == 1
    assert workspace.call("--output", "r.html", "--no-refresh").exit_code == 0
    assert workspace.refreshed == 1
    workspace.refuses = True
    assert str(workspace.call("--output", "r.html").exception) == "throttled"


def test_a_report_states_that_its_totals_were_not_refreshed(workspace: Workspace) -> None:
    workspace.fill()
    workspace.call("--output", "fresh.html")
    workspace.call("--no-refresh", "--output", "old.html")
    notice = "was not updated for this report"
    assert notice not in Path("fresh.html").read_text()
    assert notice in Path("old.html").read_text()


def test_the_report_names_its_stack(workspace: Workspace) -> None:
    workspace.fill()
    assert workspace.call("--stack", "accounts").exit_code == 0
    assert "the stack accounts" in Path("report-2026-08-20.html").read_text()


def test_day_and_path_are_options_and_an_older_report_is_replaced(workspace: Workspace) -> None:
    workspace.fill()
    Path("r.html").write_text("old")
    result = workspace.call("--day", "2026-08-19", "--output", "r.html")
    assert (result.exit_code, result.stdout) == (0, "r.html\n")
    assert "Wednesday 19 August 2026" in Path("r.html").read_text()
    assert workspace.files() == {"r.html"}


@pytest.mark.parametrize(
    "day",
    ["yesterday", "2026-02-30", "20260820", "2026-W34-4", "", " 2026-08-20", "2026-8-20", "٢٠٢٦-٠٨-٢٠", "1999-12-31"],
)
def test_an_invalid_day_prints_one_line_and_exits_with_2(workspace: Workspace, day: str) -> None:
    result = workspace.call("--day", day)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "as YYYY-MM-DD" in result.stderr
    assert workspace.files() == set()


def test_the_first_and_last_allowed_days_are_accepted(workspace: Workspace) -> None:
    workspace.fill()
    for day in ("2000-01-01", "9999-12-31"):
        assert workspace.call("--day", day).exit_code == 0


def test_an_empty_lake_has_no_newest_day(workspace: Workspace) -> None:
    result = workspace.call()
    assert isinstance(result.exception, CommandError)
    assert "This lake has no events yet" in str(result.exception)
    assert workspace.files() == set()
    assert workspace.call("--day", "2026-08-20").exit_code == 0


def test_a_failure_keeps_the_older_report(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.fill()
    Path("r.html").write_text("old")

    def broken(*_: object) -> None:
        raise QueryFailed("no such table")

    with monkeypatch.context() as patch:
        patch.setattr(report_file, "figures_of", broken)
        result = workspace.call("--output", "r.html")
    assert isinstance(result.exception, CommandError)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _interrupted)
        assert workspace.call("--output", "r.html").exit_code == 130
    assert (workspace.files(), Path("r.html").read_text()) == ({"r.html"}, "old")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_missing_folder_is_an_os_error(workspace: Workspace) -> None:
    workspace.fill()
    assert isinstance(workspace.call("--output", "nowhere/r.html").exception, OSError)


def test_the_file_has_the_usual_permissions(workspace: Workspace) -> None:
    workspace.fill()
    Path("other").write_text("")
    workspace.call("--output", "r.html")
    assert stat.S_IMODE(Path("r.html").stat().st_mode) == stat.S_IMODE(Path("other").stat().st_mode)


def test_the_badge_shows_the_last_reconciliation_result(workspace: Workspace) -> None:
    workspace.fill()
    workspace.put_result(to_json(RESULT))
    workspace.call("--output", "r.html")
    assert "Reconciled to the cent" in Path("r.html").read_text()
    assert "through 21 Aug 2026, 05:59:00" in Path("r.html").read_text()
    workspace.put_result(to_json(replace(RESULT, totals=(replace(TOTAL, lake=Decimal("4.99")),))))
    workspace.call("--output", "r.html")
    assert "EUR 0.01 too little" in Path("r.html").read_text()


@pytest.mark.parametrize("day", ["2026-08-21", "2026-08-22"])
def test_a_result_from_before_the_days_end_gives_no_green_badge(workspace: Workspace, day: str) -> None:
    """The same holds for a result from before the day began. Both days are over by now, without events in the lake."""
    workspace.fill()
    workspace.put_result(to_json(RESULT))
    workspace.call("--day", day, "--output", "r.html")
    assert "Reconciled too early for this day" in Path("r.html").read_text()


@pytest.mark.parametrize(
    ("now", "complete_from"),
    [
        (datetime(2026, 8, 21), datetime(2026, 8, 21)),  # noqa: DTZ001 -- UTC, as all times in the lake
        (datetime(2026, 8, 21, 23, 59), datetime(2026, 8, 21)),  # noqa: DTZ001
        (datetime(2026, 8, 22), datetime(2026, 8, 22)),  # noqa: DTZ001
        (datetime(2026, 8, 20), datetime(2026, 8, 21)),  # noqa: DTZ001
    ],
)
def test_a_result_must_be_from_after_the_day_or_from_the_day_itself(now: datetime, complete_from: datetime) -> None:
    assert report_file.complete_from(date(2026, 8, 21), now) == complete_from


def test_an_unreadable_result_gives_no_green_badge(workspace: Workspace) -> None:
    workspace.fill()
    workspace.put_result(b"{}")
    result = workspace.call("--output", "r.html")
    assert result.exit_code == 0
    assert "Reconciliation unreadable" in Path("r.html").read_text()
    assert "Run `account-events reconcile` again" in result.stderr


@pytest.mark.parametrize(("dt", "tone"), [("2026-08-19", "caution"), ("2026-08-20", "caution"), ("2026-08-21", "good")])
def test_the_badge_warns_if_the_lake_has_changed_up_to_that_day(workspace: Workspace, dt: str, tone: str) -> None:
    """A changed file of a day after the report's does not matter, because the report's balances do not include it."""
    workspace.fill()

    def put(day: str) -> None:
        key = f"events/dt={day}/event_type=BalanceCredited/f.parquet"
        workspace.s3.put_object(Bucket="lake", Key=key, Body=day.encode())

    put("2026-08-18")
    files = Files(LakeFiles.of(workspace.s3, "lake").digests)
    workspace.put_result(to_json(replace(RESULT, files=files)))
    arguments = ("--output", "r.html", "--day", "2026-08-20")
    workspace.call(*arguments)
    assert "Reconciled to the cent" in Path("r.html").read_text()
    put(dt)
    workspace.call(*arguments)
    assert ("The lake has changed since" in Path("r.html").read_text()) == (tone == "caution")
    assert ("Reconciled to the cent" in Path("r.html").read_text()) == (tone == "good")
