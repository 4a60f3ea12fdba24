"""`account-events query` on a lake in a folder: how results are printed, and how invalid calls are refused."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from ops.cli import query
from ops.cli.app import app
from ops.deployment.stack import Deployment, Outputs
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.history_store import HistoryStore
from tests.support.folder_bucket import FolderBucket
from tests.support.lake import FIRST_DAY, event, write

AT = ["-p", "moment=2026-08-01T12:00:00.5"]
RunQuery = Callable[..., Result]


class FolderLake:
    """The part of a lake that a query without daily totals needs."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def engine(self) -> DuckDBEngine:
        return DuckDBEngine(str(self._root))

    def history_store(self) -> HistoryStore:
        s3: Any = FolderBucket(self._root)
        return HistoryStore(s3, "lake")


@pytest.fixture
def run_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunQuery:
    """Run the command on a lake with one account, whose id looks like Rich markup."""
    at = FIRST_DAY + timedelta(hours=1, microseconds=1)
    write(
        tmp_path,
        [
            event("[b]ü", 1, "AccountCreated", at, "EUR", None, Decimal(0), owner="o"),
            event(
                "[b]ü", 2, "BalanceCredited", at, "EUR", Decimal("9999999999999999.99"), Decimal("9999999999999999.99")
            ),
        ],
    )

    class Lakes:
        @staticmethod
        def of(_deployment: Deployment) -> FolderLake:
            return FolderLake(tmp_path)

    monkeypatch.setattr(query, "Lake", Lakes)
    monkeypatch.setattr(Deployment, "connect", lambda _stack: Deployment(Outputs({})))
    return lambda *arguments: CliRunner().invoke(app, ["query", *arguments])


def printed_to_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """What the command prints to a terminal of this width."""
    text = io.StringIO()
    monkeypatch.setattr(query, "out", Console(file=text, width=width))
    return text


def test_csv_has_exact_values_and_line_feeds(run_query: RunQuery) -> None:
    result = run_query("balance_at", "-p", "account=[b]ü", *AT, "--format", "csv")
    assert result.exit_code == 0, result.output
    [row] = csv.DictReader(io.StringIO(result.stdout))
    assert "\r" not in result.stdout
    assert (row["existed"], row["account_id"], row["balance"]) == ("true", "[b]ü", "9999999999999999.99")
    assert row["occurred_at"] == "2026-08-01 01:00:00.000001"
    assert row["causation_id"] == ""
    assert "1 row," in result.stderr
    assert "bytes read" in result.stderr


def test_json_has_money_as_text_and_nulls(run_query: RunQuery) -> None:
    result = run_query("balance_at", "-p", "account=nobody", *AT, "--format", "json")
    [row] = map(json.loads, result.stdout.splitlines())
    assert row["existed"] is False
    assert row["balance"] is None
    [known] = map(
        json.loads, run_query("balance_at", "-p", "account=[b]ü", *AT, "--format", "json").stdout.splitlines()
    )
    assert (known["balance"], known["sequence"]) == ("9999999999999999.99", 2)


@pytest.mark.parametrize("width", [40, 90, 400])
def test_no_value_is_broken_even_in_a_narrow_terminal(
    run_query: RunQuery, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    text = printed_to_terminal(monkeypatch, width)
    assert run_query("balance_at", "-p", "account=[b]ü", *AT).exit_code == 0
    for value in ("[b]ü", "9999999999999999.99", "BalanceCredited", "account_id"):
        assert value in text.getvalue()
    assert (len(text.getvalue().split("\n")) < 8) is (width == 400), "it prints a table only where one fits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["balance"], "There is no query balance"),
        (["balance_at", "-p", "account=a"], "needs moment"),
        (["balance_at", "-p", "account=a", "-p", "account=b", *AT], "account is given twice"),
        (["balance_at", "-p", "account=", *AT], "account must be text such as a-1"),
        (["hourly_volume", "-p", "day=2026-02-30"], "day must be a date such as 2026-11-25"),
        (["hourly_volume", "-p", "day"], "NAME=VALUE"),
        (["data_quality", "-p", "from=2026-01-02", "-p", "until=2026-01-01"], "must not be after until"),
        (["report_totals", "-p", "first=2026-12-01", "-p", "day=2026-11-01"], "must not be after day"),
        (["dormant_accounts", "-p", "since=2026-01-01", "-p", "count=1_0"], "count must be a whole number such as 10"),
    ],
)
def test_an_invalid_call_prints_one_line_and_exits_with_2(
    run_query: RunQuery, arguments: list[str], message: str
) -> None:
    result = run_query(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_value_may_contain_an_equals_sign(run_query: RunQuery) -> None:
    assert run_query("balance_at", "-p", "account=a=b", *AT).exit_code == 0
