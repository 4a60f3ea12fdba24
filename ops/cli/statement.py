"""The command `statement`: an account's opening balance, events and closing balance, from the API."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from account_core.api.queries import LIMIT_MAX
from account_core.api.requests import ACCOUNT_ID
from local_stack.errors import CommandError
from local_stack.output_file import open_atomically
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Stack
from ops.deployment.api_client import TOKEN_VARIABLE, api_client
from ops.deployment.stack import Deployment
from ops.report.statement import Balance, Statement, statement_of, write_csv
from ops.terminal import counted, err, out

app = typer.Typer()
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # `fromisoformat` also accepts 20261127 and 2026-W48-5
_REFUSALS = (401, 403)


@app.command(
    epilog="Example: account-events statement 0b9c2f6e --from 2026-11-01 --until 2026-11-30 --html november.html"
)
def statement(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id.", show_default=False)],
    first: Annotated[
        str | None,
        typer.Option(
            "--from", help="First day, YYYY-MM-DD, UTC. The default is the first day of the last day's month."
        ),
    ] = None,
    *,
    last: Annotated[
        str | None, typer.Option("--until", help="Last day, YYYY-MM-DD, UTC. It is included. The default is today.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained HTML file instead of a table.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write a CSV file, with exact amounts, instead of a table.")
    ] = None,
    stack: Stack = None,
) -> None:
    """Show an account's statement: opening balance, events with their changes, and closing balance.

    It is read from the stack's API, page by page, and checked: the changes lead from the opening to the closing
    balance. For a stack whose API uses JWT, set ACCOUNT_EVENTS_TOKEN to a bearer token; otherwise requests are signed
    with your AWS credentials. An existing file is replaced once the new one is complete.
    """
    if not re.fullmatch(ACCOUNT_ID, account):
        raise typer.BadParameter("ACCOUNT must be an account id: 1 to 64 letters, digits, '-' or '_'")
    if html is not None and csv is not None:
        raise typer.BadParameter("give either --html or --csv, not both")
    now = datetime.now(UTC).replace(tzinfo=None)
    until = now.date() if last is None else _day(last, "--until")
    begin = until.replace(day=1) if first is None else _day(first, "--from")
    if begin > until:
        raise typer.BadParameter(f"--from {begin} is later than --until {until}")
    with on_interruption("no file was written or changed; run the command again"):
        with api_client(Deployment.connect(stack)) as api:
            found = statement_of(list(_pages(api, account, begin, until)))
        source = "the local stack" if stack is None else f"the stack {stack}"
        _write(found, html, csv, source, now)


def _day(text: str, option: str) -> date:
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise typer.BadParameter(f"{option} must be a day as YYYY-MM-DD, like 2026-01-31, not {text!r}")


def _pages(api: httpx.Client, account: str, first: date, last: date) -> Iterator[dict[str, Any]]:
    path: str | None = f"/accounts/{account}/statement?from={first}&until={last}&limit={LIMIT_MAX}"
    events = 0
    while path:
        answer = api.get(path)
        if answer.status_code != httpx.codes.OK:
            raise CommandError(_problem(answer, account))
        page: dict[str, Any] = answer.json()
        yield page
        path, events = page["next"], events + len(page["lines"])
        if path:
            err.print(f"[dim]read: {counted(events, 'event')} so far[/]", highlight=False)


def _problem(answer: httpx.Response, account: str) -> str:
    """What the API refused, in one line: its problem document, or the gateway's message."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    found = body if isinstance(body, dict) else {}
    reason = found.get("detail") or found.get("message") or answer.reason_phrase
    code = f" {found['code']}" if "code" in found else ""
    text = f"The API answers {answer.status_code}{code} for account {account}: {reason.rstrip('.')}."
    if answer.status_code in _REFUSALS:
        text += f" Check your AWS credentials or, if the API uses JWT, the token in {TOKEN_VARIABLE}."
    elif answer.is_server_error:
        text += " Run the command again."
    return text


def _write(found: Statement, html: Path | None, csv: Path | None, source: str, now: datetime) -> None:
    path = html or csv
    if path is None:
        _show(found)
        return
    with open_atomically(path) as file:
        if html is not None:
            from ops.report.statement_page import statement_page  # noqa: PLC0415 -- jinja2 is slow to import

            file.write(statement_page(found, source, now))
        else:
            write_csv(found, file)
    out.print(str(path), soft_wrap=True, highlight=False, markup=False)


def _show(found: Statement) -> None:
    table = Table(
        title=f"Account {escape(found.account_id)}, {found.first} to {found.last} (UTC)",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("time", "event", "type", "change", "balance", "", "counterparty"):
        table.add_column(
            heading, justify="right" if heading in ("event", "change", "balance") else "left", no_wrap=True
        )
    table.add_row("", "", "opening", "", *_bound(found.opening))
    for line in found.lines:
        change = "" if line.change is None else f"{line.change:+.2f}"
        table.add_row(
            f"{line.occurred_at[:10]} {line.occurred_at[11:19]}",
            *(str(line.sequence), line.event_type, change, _amount(line.balance), line.currency),
            escape(line.counterparty or ""),
        )
    table.add_row("", "", "closing", "", *_bound(found.closing))
    out.print(table)


def _bound(found: Balance | None) -> tuple[str, str]:
    return (_amount(found.balance), found.currency) if found else ("no event", "")


def _amount(amount: Decimal) -> str:
    return f"{amount:.2f}"
