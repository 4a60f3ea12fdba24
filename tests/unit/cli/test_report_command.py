"""`account-events report`: what it writes, what it does not, and what it says."""

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
VERDICT = ReconciliationResult(AT, AT - timedelta(minutes=1), 2, 1, totals=(TOTAL,))


class Place:
    """A folder to work in, with a lake beside it, and a bucket for the verdict."""

    def __init__(self, folder: Path, s3: "S3Client") -> None:
        self.folder, self.s3 = folder, s3
        self.refreshed, self.refuses = 0, False
        self.engine = DuckDBEngine(str(folder / "none"))
        s3.create_bucket(Bucket="lake")

    def fill(self) -> None:
        self.engine = lake(self.folder / "lake", [opened("a"), moved("a", 2, "5.00", "5.00")])

    def refresh(self, tell: Callable[[str], object]) -> None:
        """As the daily totals do."""
        tell("2026-08-20")
        self.refreshed += 1
        if self.refuses:
            raise QueryFailed("throttled")

    def verdict(self, body: bytes) -> None:
        self.s3.put_object(Bucket="lake", Key=LATEST_KEY, Body=body)

    def files(self) -> set[str]:
        return {path.name for path in (self.folder / "here").iterdir()}

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["report", *arguments])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        place = Place(tmp_path, boto3.client("s3"))

        def connect(stack: str | None) -> Deployment:
            assert stack in {None, "accounts"}
            return Deployment(Outputs({}))

        def of(_deployment: Deployment) -> SimpleNamespace:
            return SimpleNamespace(s3=place.s3, bucket="lake", engine=lambda: place.engine, totals=lambda: place)

        monkeypatch.setattr(Deployment, "connect", connect)
        monkeypatch.setattr(Lake, "of", of)
        yield place


def test_the_newest_day_is_written_here_and_its_path_is_all_of_stdout(place: Place) -> None:
    place.fill()
    result = place.call()
    assert (result.exit_code, result.stdout) == (0, "report-2026-08-20.html\n")
    assert place.files() == {"report-2026-08-20.html"}
    text = Path("report-2026-08-20.html").read_text()
    assert "Thursday 20 August 2026" in text
    assert "Never reconciled" in text
    assert "the local stack" in text


def test_the_daily_totals_are_refreshed_first_if_wanted(place: Place) -> None:
    place.fill()
    assert "updating the totals of 2026-08-20" in place.call("--output", "r.html").stderr
    assert place.refreshed == 1
    assert place.call("--output", "r.html", "--no-refresh").exit_code == 0
    assert place.refreshed == 1
    place.refuses = True
    assert str(place.call("--output", "r.html").exception) == "throttled"


def test_a_report_of_totals_that_were_not_refreshed_says_so(place: Place) -> None:
    place.fill()
    place.call("--output", "fresh.html")
    place.call("--no-refresh", "--output", "old.html")
    told = "was not updated for this report"
    assert told not in Path("fresh.html").read_text()
    assert told in Path("old.html").read_text()


def test_a_stack_is_named(place: Place) -> None:
    place.fill()
    assert place.call("--stack", "accounts").exit_code == 0
    assert "the stack accounts" in Path("report-2026-08-20.html").read_text()


def test_any_day_and_any_place_and_an_older_report_is_replaced(place: Place) -> None:
    place.fill()
    Path("r.html").write_text("old")
    result = place.call("--day", "2026-08-19", "--output", "r.html")
    assert (result.exit_code, result.stdout) == (0, "r.html\n")
    assert "Wednesday 19 August 2026" in Path("r.html").read_text()
    assert place.files() == {"r.html"}


@pytest.mark.parametrize(
    "day",
    ["yesterday", "2026-02-30", "20260820", "2026-W34-4", "", " 2026-08-20", "2026-8-20", "٢٠٢٦-٠٨-٢٠", "1999-12-31"],
)
def test_a_wrong_day_is_one_line(place: Place, day: str) -> None:
    result = place.call("--day", day)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "as YYYY-MM-DD" in result.stderr
    assert place.files() == set()


def test_the_ends_of_the_calendar_are_days(place: Place) -> None:
    place.fill()
    for day in ("2000-01-01", "9999-12-31"):
        assert place.call("--day", day).exit_code == 0


def test_an_empty_lake_has_no_newest_day(place: Place) -> None:
    result = place.call()
    assert isinstance(result.exception, CommandError)
    assert "This lake has no events yet" in str(result.exception)
    assert place.files() == set()
    assert place.call("--day", "2026-08-20").exit_code == 0


def test_what_fails_leaves_the_older_report(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.fill()
    Path("r.html").write_text("old")

    def broken(*_: object) -> None:
        raise QueryFailed("no such table")

    with monkeypatch.context() as patch:
        patch.setattr(report_file, "figures_of", broken)
        result = place.call("--output", "r.html")
    assert isinstance(result.exception, CommandError)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _interrupted)
        assert place.call("--output", "r.html").exit_code == 130
    assert (place.files(), Path("r.html").read_text()) == ({"r.html"}, "old")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_folder_that_is_not_there_is_an_error_of_the_file_system(place: Place) -> None:
    place.fill()
    assert isinstance(place.call("--output", "nowhere/r.html").exception, OSError)


def test_the_file_is_as_readable_as_any_other(place: Place) -> None:
    place.fill()
    Path("other").write_text("")
    place.call("--output", "r.html")
    assert stat.S_IMODE(Path("r.html").stat().st_mode) == stat.S_IMODE(Path("other").stat().st_mode)


def test_the_last_verdict_is_the_badge(place: Place) -> None:
    place.fill()
    place.verdict(to_json(VERDICT))
    place.call("--output", "r.html")
    assert "Reconciled to the cent" in Path("r.html").read_text()
    assert "through 21 Aug 2026, 05:59:00" in Path("r.html").read_text()
    place.verdict(to_json(replace(VERDICT, totals=(replace(TOTAL, lake=Decimal("4.99")),))))
    place.call("--output", "r.html")
    assert "EUR 0.01 too little" in Path("r.html").read_text()


@pytest.mark.parametrize("day", ["2026-08-21", "2026-08-22"])
def test_a_verdict_from_before_the_day_was_over_is_no_green_badge(place: Place, day: str) -> None:
    """Nor from before it began; both days are over now, and nothing of them has to be in the lake."""
    place.fill()
    place.verdict(to_json(VERDICT))
    place.call("--day", day, "--output", "r.html")
    assert "Reconciled too early for this day" in Path("r.html").read_text()


@pytest.mark.parametrize(
    ("now", "complete_from"),
    [
        (datetime(2026, 8, 21), datetime(2026, 8, 21)),  # noqa: DTZ001 -- UTC, as everything in the lake
        (datetime(2026, 8, 21, 23, 59), datetime(2026, 8, 21)),  # noqa: DTZ001
        (datetime(2026, 8, 22), datetime(2026, 8, 22)),  # noqa: DTZ001
        (datetime(2026, 8, 20), datetime(2026, 8, 21)),  # noqa: DTZ001
    ],
)
def test_a_day_is_to_be_compared_once_it_is_over_or_while_it_lasts(now: datetime, complete_from: datetime) -> None:
    assert report_file.complete_from(date(2026, 8, 21), now) == complete_from


def test_a_verdict_that_cannot_be_read_is_no_green_badge(place: Place) -> None:
    place.fill()
    place.verdict(b"{}")
    result = place.call("--output", "r.html")
    assert result.exit_code == 0
    assert "Reconciliation unreadable" in Path("r.html").read_text()
    assert "Run `account-events reconcile` again" in result.stderr


@pytest.mark.parametrize(("dt", "tone"), [("2026-08-19", "caution"), ("2026-08-20", "caution"), ("2026-08-21", "good")])
def test_the_badge_is_about_the_files_that_were_compared(place: Place, dt: str, tone: str) -> None:
    """And about no day after the report's, of which its balances are not made."""
    place.fill()

    def put(day: str) -> None:
        key = f"events/dt={day}/event_type=BalanceCredited/f.parquet"
        place.s3.put_object(Bucket="lake", Key=key, Body=day.encode())

    put("2026-08-18")
    files = Files(LakeFiles.of(place.s3, "lake").digests)
    place.verdict(to_json(replace(VERDICT, files=files)))
    arguments = ("--output", "r.html", "--day", "2026-08-20")
    place.call(*arguments)
    assert "Reconciled to the cent" in Path("r.html").read_text()
    put(dt)
    place.call(*arguments)
    assert ("The lake has changed since" in Path("r.html").read_text()) == (tone == "caution")
    assert ("Reconciled to the cent" in Path("r.html").read_text()) == (tone == "good")
