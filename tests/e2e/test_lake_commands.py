"""The lake's commands on a running local stack: tables, totals and queries."""

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

from consumers.lake import table
from local_stack.address import ADDRESS_FILE
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from local_stack.local_deployment import LocalDeployment
from ops.cli.lake import TABLES
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.engine import QueryFailed
from tests.e2e.test_lake import open_account, wait_until_idle
from tests.support.lake import LakeRow, event, write

Run = Callable[..., subprocess.CompletedProcess[str]]
ONE = Decimal("1.00")
SIGNED_AMOUNT = "CASE event_type WHEN 'BalanceCredited' THEN amount WHEN 'BalanceWithdrawn' THEN -amount ELSE 0 END"


@pytest.fixture
def run(deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands in a process that finds this local stack."""
    file = tmp_path / "address.json"
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", file)
    assert file != ADDRESS_FILE
    with deployment.address.published():

        def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(  # noqa: S603 -- this project's own command
                [sys.executable, "-c", "from ops.cli.__main__ import main; main()", *arguments],
                env=os.environ | {"ACCOUNT_EVENTS_LOCAL_STACK": str(file)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        yield run_command


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def test_lake_tables_lists_tables_and_columns(run: Run) -> None:
    shown = run("lake", "tables")
    assert shown.returncode == 0, shown.stderr
    assert [line.split(":")[0] for line in shown.stdout.splitlines()] == list(TABLES)
    assert "occurred_at" in shown.stdout


def test_daily_totals_are_written_once(deployment: LocalDeployment, run: Run) -> None:
    open_account(deployment, "1.00")
    wait_until_idle(deployment)
    assert "Daily totals updated for 1 day." in run("lake", "totals").stdout
    assert "All daily totals are up to date." in run("lake", "totals").stdout


def test_a_report_covers_a_day_with_new_events(deployment: LocalDeployment, run: Run) -> None:
    account_id = open_account(deployment, "12.34", "0.66")
    wait_until_idle(deployment)
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


def test_a_report_refreshes_the_totals_before_it_reads_balances(deployment: LocalDeployment, run: Run) -> None:
    open_account(deployment, "12.34", "0.66")
    wait_until_idle(deployment)
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # it has no events, so all of its balances come from the totals
    command = ("query", "daily_report", "-p", f"day={tomorrow:%Y-%m-%d}", "--format", "json")
    old, new = (opening_balance(run(*command, option)) for option in ("--no-refresh", "--refresh"))
    engine = Lake.of(Deployment.local(deployment.address)).engine()
    [[expected]] = engine.query(f"SELECT sum({SIGNED_AMOUNT}) FROM events WHERE currency = 'EUR'").rows  # noqa: S608 -- a constant
    assert new == expected
    assert old <= new - 13


def opening_balance(answer: subprocess.CompletedProcess[str]) -> Decimal:
    """Return the opening balance of euro accounts; 0 if there are no totals."""
    assert answer.returncode == 0, answer.stderr
    rows = {row["currency"]: row for row in map(json.loads, answer.stdout.splitlines())}
    return Decimal(rows["EUR"]["opening_balance"]) if "EUR" in rows else Decimal(0)


def test_without_a_name_the_queries_are_listed(run: Run) -> None:
    listed = run("query")
    assert listed.returncode == 0
    assert "daily_report" in listed.stdout
    assert "-p day=..." in listed.stdout


def test_sql_option_prints_the_query_file_unchanged(run: Run) -> None:
    shown = run("query", "daily_report", "--sql")
    assert shown.stdout == (Path(__file__).parents[2] / "consumers/lake/queries/daily_report.sql").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "There is no query nonsense"),
        (["daily_report"], "needs day"),
        (["daily_report", "-p", "day=tomorrow"], "must be a date such as 2026-11-25"),
        (["daily_report", "-p", "day"], "NAME=VALUE"),
        (["daily_report", "-p", "dya=2026-11-25"], "no parameter dya"),
    ],
)
def test_a_wrong_call_is_reported_in_one_line(run: Run, arguments: list[str], message: str) -> None:
    answer = run("query", *arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


@pytest.mark.parametrize("body", [b"", b"this is no Parquet file"], ids=["no bytes", "text"])
def test_each_command_reports_a_damaged_file_in_one_line(deployment: LocalDeployment, run: Run, body: bytes) -> None:
    """The file's name sorts first, so that every command reads it at once."""
    open_account(deployment, "1.00")
    wait_until_idle(deployment)
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


def test_errors_of_duckdb_on_s3_are_explained(deployment: LocalDeployment) -> None:
    """DuckDB requests S3 without botocore, so its errors are not botocore's."""
    access = S3Access("nobody", "wrong", REGION, endpoint_url=deployment.address.endpoint_url)
    with pytest.raises(QueryFailed, match="HTTP 403") as failed:
        DuckDBEngine(f"s3://{deployment.address.outputs['LakeBucketName']}", access)
    assert "Use credentials that may read the lake" in str(failed.value)
    known = S3Access(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, REGION, endpoint_url=deployment.address.endpoint_url)
    with pytest.raises(QueryFailed, match="HTTP 404") as failed:
        DuckDBEngine("s3://no-such-bucket-here", known)
    assert "check the name of the stack" in str(failed.value)


@pytest.fixture
def old_months(deployment: LocalDeployment, tmp_path: Path) -> Iterator[list[LakeRow]]:
    """Two months of events that are closed. They are deleted at the end, with what was made of them."""
    s3, bucket = deployment.address.client("s3"), deployment.address.outputs["LakeBucketName"]
    rows = [
        event("a-old", n, "BalanceCredited", datetime(2025, 3, n) + timedelta(days=31 * (n % 2)), "EUR", ONE, n * ONE)  # noqa: DTZ001 -- UTC
        for n in range(1, 9)
    ]
    write(tmp_path, rows)
    for file in tmp_path.rglob("*.parquet"):
        s3.upload_file(str(file), bucket, str(file.relative_to(tmp_path)))
    yield rows
    for prefix in ("events/dt=2025-0", table.MONTHS_PREFIX):
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=found["Key"])


def test_closed_months_are_compacted_and_queried(
    deployment: LocalDeployment, run: Run, old_months: list[LakeRow], tmp_path: Path
) -> None:
    """With the conditional writes of the emulator's S3, which the manifest needs."""
    compacted = run("lake", "compact")
    assert compacted.returncode == 0, compacted.stderr
    assert compacted.stdout.splitlines() == ["2025-03: 4 events compacted", "2025-04: 4 events compacted"]
    assert "All closed days are compacted." in run("lake", "compact").stdout
    late = [row | {"sequence": 9, "event_id": "a-old:9", "balance": "9.00"} for row in old_months[-1:]]
    write(tmp_path / "late", late, file_name="late")
    [file] = (tmp_path / "late").rglob("*.parquet")
    s3, bucket = deployment.address.client("s3"), deployment.address.outputs["LakeBucketName"]
    lake = Lake.of(Deployment.local(deployment.address))
    with lake.reopening() as reopen:
        reopen({late[0]["dt"]})
        s3.upload_file(str(file), bucket, str(file.relative_to(tmp_path / "late")))
    answer = run("query", "balance_at", "-p", "account=a-old", "-p", "moment=2025-05-01", "--format", "json")
    assert json.loads(answer.stdout)["balance"] == "9.00"
    again = run("lake", "compact", "--month", "2025-03")
    assert again.stdout.splitlines() == ["2025-03: 5 events compacted"], again.stderr
    assert run("lake", "compact", "--month", "2025-03").stdout == again.stdout, "a named month is always written"
    statement = run(
        *("query", "account_statement", "-p", "account=a-old", "-p", "from=2025-03-01", "-p", "until=2025-03-31"),
        *("--format", "json"),
    )
    assert [json.loads(line)["sequence"] for line in statement.stdout.splitlines()] == [None, 2, 4, 6, 8, 9, 9]


def test_the_local_stack_has_no_job_that_compacts(run: Run) -> None:
    refused = run("lake", "compact", "--engine", "aws")
    assert refused.returncode == 1
    assert "The local stack has no Glue job: use --engine local or spark" in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("month", "reason"),
    [("2025-13", "must be a month such as"), ("2999-01", "is closed yet"), ("2001-01", "has no events")],
)
def test_a_month_that_cannot_be_compacted_is_a_usage_error(run: Run, month: str, reason: str) -> None:
    refused = run("lake", "compact", "--month", month)
    assert refused.returncode == 2
    assert reason in " ".join(refused.stderr.split())
