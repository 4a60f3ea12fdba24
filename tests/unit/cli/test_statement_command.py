"""The command `statement`: its table, its files, and its errors, with the API in memory."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from typer.testing import CliRunner, Result

from account_core.domain.events import Created, Credited, Event, Transfer, Withdrawn
from account_core.service.head import Head, Origin, advance, rows_for, timestamp
from account_core.service.usage import Usage
from local_stack.errors import CommandError
from ops.cli import statement as command
from ops.cli.app import app
from ops.report.statement import COLUMNS
from tests.support.api import Api

ACCOUNT = "-a"
FORMULA = '=HYPERLINK("http://example.com")'
DAYS = ("--from", "2026-03-01", "--until", "2026-03-31")
CREATED = (datetime(2026, 2, 27, 12, 0, tzinfo=UTC), Created("owner-1", "EUR"), "c-1")


def given(api: Api, *events: tuple[datetime, Event, str]) -> None:
    head = Head()
    for at, event, correlation_id in [CREATED, *events]:
        rows = rows_for(ACCOUNT, head, event, Origin(timestamp(at), correlation_id, "r-1"))
        api.store.append(rows, Usage())
        head = advance(head, rows[0])


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API with an account that has three events in March."""
    monkeypatch.chdir(tmp_path)
    api = Api()
    given(
        api,
        (datetime(2026, 3, 1, tzinfo=UTC), Credited(Decimal("1000000.00")), FORMULA),
        (datetime(2026, 3, 2, tzinfo=UTC), Withdrawn(Decimal("5.50"), Transfer("t-1", "-b")), "c-3"),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), Credited(Decimal("0.01")), "c-4"),
        (datetime(2026, 4, 1, tzinfo=UTC), Credited(Decimal("9.99")), "c-5"),
    )

    def answer(request: httpx.Request) -> httpx.Response:
        status, body, headers = api(request.method, request.url.raw_path.decode())
        return httpx.Response(status, json=body, headers={"X-Request-Id": headers["X-Request-Id"]})

    with patch.object(command, "Deployment"), patch.object(command, "api_client") as client:
        client.side_effect = lambda _: httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer))
        yield api


def run(*arguments: str, account: str = ACCOUNT) -> Result:
    return CliRunner().invoke(app, ["statement", *arguments, "--", account])


@pytest.mark.usefixtures("api")
def test_the_table_has_balances_and_changes() -> None:
    done = run(*DAYS)
    assert done.exit_code == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines() if "EUR" in line]
    assert lines == [
        ["opening", "0.00", "EUR"],
        ["2026-03-01 00:00:00", "2", "BalanceCredited", "+1000000.00", "1000000.00", "EUR"],
        ["2026-03-02 00:00:00", "3", "BalanceWithdrawn", "-5.50", "999994.50", "EUR", "-b"],
        ["2026-03-31 23:59:59", "4", "BalanceCredited", "+0.01", "999994.51", "EUR"],
        ["closing", "999994.51", "EUR"],
    ]
    assert "read:" not in done.stderr


@pytest.mark.usefixtures("api")
def test_the_csv_file_has_exact_amounts_and_no_formulas() -> None:
    done = run(*DAYS, "--csv", "s.csv")
    assert (done.exit_code, done.stdout) == (0, "s.csv\n")
    text = Path("s.csv").read_bytes().decode()
    assert text.count("\r\n") == text.count("\n") == 6
    opening, credit, transfer, _, closing = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(opening) == COLUMNS
    assert (opening["entry"], opening["dt"], opening["balance"]) == ("opening", "2026-02-27", "0.00")
    assert (credit["change"], credit["correlation_id"]) == ("1000000.00", f"'{FORMULA}")
    assert (transfer["change"], transfer["transfer_id"], transfer["counterparty_account_id"]) == ("-5.50", "t-1", "'-b")
    assert transfer["occurred_at"] == "2026-03-02T00:00:00.000000Z"
    assert (closing["entry"], closing["sequence"], closing["balance"]) == ("closing", "4", "999994.51")


@pytest.mark.usefixtures("api")
def test_the_html_file_is_complete_and_loads_nothing() -> None:
    done = run(*DAYS, "--html", "s.html")
    assert (done.exit_code, done.stdout) == (0, "s.html\n")
    text = Path("s.html").read_text()
    assert '<data value="999994.51">' in text
    assert '<data value="-5.50">' in text
    assert "Transfer to <code>-b</code>" in text
    assert "1 March 2026" in text
    assert "=HYPERLINK(&#34;http" in text
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "The last day is not over" not in text or datetime.now(UTC).date().isoformat() <= "2026-03-31"


@pytest.mark.usefixtures("api")
def test_without_days_it_is_the_current_month() -> None:
    today = datetime.now(UTC).date()
    done = run()
    assert done.exit_code == 0
    assert f"{today.replace(day=1)} to {today} (UTC)" in done.stdout


@pytest.mark.usefixtures("api")
def test_only_a_last_day_gives_its_month_up_to_that_day() -> None:
    assert "2026-03-01 to 2026-03-15 (UTC)" in run("--until", "2026-03-15").stdout


@pytest.mark.usefixtures("api")
def test_an_account_without_events_by_then_has_no_balances() -> None:
    done = run("--from", "2026-01-01", "--until", "2026-01-31", "--html", "s.html")
    assert done.exit_code == 0
    assert "no event yet" in Path("s.html").read_text()
    assert run("--from", "2026-01-01", "--until", "2026-01-31").stdout.count("no event") == 2


def test_all_pages_are_read_with_progress_on_stderr() -> None:
    api = Api()
    day = datetime(2026, 3, 1, tzinfo=UTC)
    given(api, *[(day, Credited(Decimal("1.00")), "c") for _ in range(250)])

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=api("GET", request.url.raw_path.decode())[1])

    with patch.object(command, "Deployment"), patch.object(command, "api_client") as client:
        client.return_value = httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer))
        done = run(*DAYS)
    assert done.exit_code == 0
    assert done.stderr == "read: 100 events so far\nread: 200 events so far\n"
    assert "250.00" in done.stdout


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-03-31", "--until", "2026-03-01"),
        ("--from", "20260301"),
        ("--until", "2026-02-30"),
        ("--until", "tomorrow"),
        ("--html", "a.html", "--csv", "a.csv"),
    ],
)
def test_wrong_options_are_usage_errors(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("api")
def test_a_malformed_account_id_is_a_usage_error() -> None:
    assert run(*DAYS, account="a b").exit_code == 2


@pytest.mark.usefixtures("api")
def test_an_unknown_account_is_reported_and_nothing_written() -> None:
    done = run(*DAYS, "--csv", "s.csv", account="nobody")
    assert isinstance(done.exception, CommandError)
    assert "404 account_not_found for account nobody" in str(done.exception)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            httpx.Response(403, json={"message": "Forbidden"}),
            "403 for account -a: Forbidden. Check your AWS credentials",
        ),
        (httpx.Response(503, json={"message": "Service Unavailable"}), "Service Unavailable. Run the command again."),
        (httpx.Response(502, text="<html>"), "502 for account -a: Bad Gateway"),
    ],
)
def test_a_refusal_names_what_to_do(answer: httpx.Response, expected: str) -> None:
    with patch.object(command, "Deployment"), patch.object(command, "api_client") as client:
        client.return_value = httpx.Client(base_url="http://api", transport=httpx.MockTransport(lambda _: answer))
        done = run(*DAYS)
    assert isinstance(done.exception, CommandError)
    assert expected in str(done.exception)


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_an_interruption_keeps_the_older_file(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("s").write_text("old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        done = run(*DAYS, option, "s")
    assert done.exit_code == 130
    assert "interrupted: no file was written or changed" in done.stderr
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [("s", "old")]


def test_pages_that_do_not_add_up_are_refused(api: Api) -> None:
    page: dict[str, Any] = api("GET", f"/accounts/{ACCOUNT}/statement?from=2026-03-01&until=2026-03-31")[1]
    page["lines"].pop()
    wrong = httpx.MockTransport(lambda _: httpx.Response(200, json=page))
    with patch.object(command, "Deployment"), patch.object(command, "api_client") as client:
        client.return_value = httpx.Client(base_url="http://api", transport=wrong)
        done = run(*DAYS)
    assert "do not lead from its opening to its closing balance" in str(done.exception)
