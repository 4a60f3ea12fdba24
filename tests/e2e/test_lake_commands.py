"""The lake's commands against a running house: its tables, its totals, its queries."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from local_stack.address import ADDRESS_FILE
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.engine import QueryFailed
from tests.e2e.test_lake import opened, settled

Run = Callable[..., subprocess.CompletedProcess[str]]
MOVED = "CASE event_type WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount ELSE 0 END"


@pytest.fixture
def run(deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line, in a terminal that finds this house."""
    file = tmp_path / "address.json"
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", file)
    assert file != ADDRESS_FILE
    with deployment.address.published():

        def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 -- this project's own command
                [sys.executable, "-c", "from ops.cli.__main__ import main; main()", *arguments],
                env=os.environ | {"ACCOUNT_EVENTS_LOCAL_STACK": str(file)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        yield ran


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def test_what_can_be_asked_is_shown(run: Run) -> None:
    shown = run("lake", "tables")
    assert shown.returncode == 0, shown.stderr
    assert [line.split(":")[0] for line in shown.stdout.splitlines()] == ["account_events", "events", "daily_totals"]
    assert "occurred_at" in shown.stdout


def test_the_totals_are_made_once(deployment: LocalDeployment, run: Run) -> None:
    opened(deployment, "1.00")
    settled(deployment)
    assert "1 days summed up" in run("lake", "totals").stdout
    assert "All days are up to date." in run("lake", "totals").stdout


def test_a_report_is_asked_for_on_a_day_that_has_just_moved(deployment: LocalDeployment, run: Run) -> None:
    account_id = opened(deployment, "12.34", "0.66")
    settled(deployment)
    answer = run("query", "daily_report", "-p", f"day={today()}", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    rows = {row["currency"]: row for row in map(json.loads, answer.stdout.splitlines())}
    assert float(rows["EUR"]["credited"]) >= 13
    assert "bytes read" in answer.stderr
    balance = run(
        "query", "balance_at", "-p", f"account={account_id}", "-p", f"moment={today()}T23:59:59", "--format", "csv"
    )
    [found] = csv.DictReader(io.StringIO(balance.stdout))
    assert (found["account_id"], found["balance"], found["sequence"]) == (account_id, "13.00", "3")
    assert (
        account_id
        in run("query", "balance_at", "-p", f"account={account_id}", "-p", f"moment={today()}T23:59:59").stdout
    )


def test_the_balances_of_a_report_are_of_totals_that_were_brought_up_to_date_first(
    deployment: LocalDeployment, run: Run
) -> None:
    opened(deployment, "12.34", "0.66")
    settled(deployment)
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # nothing moves on it: all of its balances are of the totals
    ask = ("query", "daily_report", "-p", f"day={tomorrow:%Y-%m-%d}", "--format", "json")
    old, new = (opening_balance(run(*ask, option)) for option in ("--no-refresh", "--refresh"))
    engine = Lake.of(Deployment.local(deployment.address)).engine()
    [[due]] = engine.query(f"SELECT sum({MOVED}) FROM events WHERE currency = 'EUR'").rows  # noqa: S608 -- our own words
    assert new == due
    assert old <= new - 13


def opening_balance(answer: subprocess.CompletedProcess[str]) -> Decimal:
    """Of euro accounts; nothing where no totals have any."""
    assert answer.returncode == 0, answer.stderr
    rows = {row["currency"]: row for row in map(json.loads, answer.stdout.splitlines())}
    return Decimal(rows["EUR"]["opening_balance"]) if "EUR" in rows else Decimal(0)


def test_without_a_name_the_queries_are_listed(run: Run) -> None:
    listed = run("query")
    assert listed.returncode == 0
    assert "daily_report" in listed.stdout
    assert "-p day=..." in listed.stdout


def test_the_sql_is_shown_as_it_is_in_its_file(run: Run) -> None:
    shown = run("query", "daily_report", "--sql")
    assert shown.stdout == (Path(__file__).parents[2] / "consumers/lake/queries/daily_report.sql").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "There is no query nonsense"),
        (["daily_report"], "needs day"),
        (["daily_report", "-p", "day=tomorrow"], "must be like 2026-11-25"),
        (["daily_report", "-p", "day"], "NAME=VALUE"),
        (["daily_report", "-p", "dya=2026-11-25"], "no parameter dya"),
    ],
)
def test_a_wrong_call_is_told_in_a_line(run: Run, arguments: list[str], told: str) -> None:
    answer = run("query", *arguments)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


@pytest.mark.parametrize("body", [b"", b"this is no Parquet file"], ids=["no bytes", "text"])
def test_a_damaged_file_ends_each_command_with_a_line_about_it(
    deployment: LocalDeployment, run: Run, body: bytes
) -> None:
    """Its name is the first, so that every command meets it at once."""
    opened(deployment, "1.00")
    settled(deployment)
    lake = Lake.of(Deployment.local(deployment.address))
    key = f"events/dt={today()}/event_type=AccountCreated/0.parquet"
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    try:
        for arguments in (
            ("query", "report_day", "-p", f"day={today()}"),
            ("report", "--output", "/dev/null"),
            ("reconcile",),
            ("lake", "tables"),
            ("lake", "totals"),
            ("lake", "backfill", "--all"),
        ):
            ended = run(*arguments)
            assert ended.returncode == 1, arguments
            [line] = [line for line in ended.stderr.splitlines() if line.startswith("✗")]
            assert f"s3://{lake.bucket}/{key} is not a valid file of the lake's table" in line, arguments
            assert "lake backfill --all" in line
            assert "Traceback" not in ended.stderr
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)


def test_what_duckdb_is_denied_is_named(deployment: LocalDeployment) -> None:
    """It asks S3 by itself: without botocore, and without its errors."""
    access = S3Access("nobody", "wrong", REGION, endpoint_url=deployment.address.endpoint_url)
    with pytest.raises(QueryFailed, match="HTTP 403") as failed:
        DuckDBEngine(f"s3://{deployment.address.outputs['LakeBucketName']}", access)
    assert "Use credentials that may read the lake" in str(failed.value)
    known = S3Access(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, REGION, endpoint_url=deployment.address.endpoint_url)
    with pytest.raises(QueryFailed, match="HTTP 404") as failed:
        DuckDBEngine("s3://no-such-bucket-here", known)
    assert "check the name of the stack" in str(failed.value)
