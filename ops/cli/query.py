"""The command `query`: runs a shipped query, locally or in Athena."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.catalog import InvalidArguments, Query, queries
from ops.lake.query.engine import Answer
from ops.lake.query.history import is_about_history
from ops.lake.refresh_totals import refresh_totals
from ops.terminal import counted, err, out, print_error

app = typer.Typer()
USAGE_ERROR = 2
WIDTH_MAX = 100_000


@app.command(epilog="Example: account-events query daily_report -p day=2026-11-25")
def query(
    name: Annotated[str | None, typer.Argument(help="Query to run. Omit it to list all queries.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the query. May be repeated."),
    ] = None,
    stack: Stack = None,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="Output format. json prints one object per line, with money as text."),
    ] = "table",
    *,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the query's SQL, in Athena's dialect, and do not run it.")
    ] = False,
    refresh: Annotated[bool, typer.Option(help="First update the daily totals, if the query reads them.")] = True,
) -> None:
    """Run a shipped query on the lake: in Athena, or locally with DuckDB."""
    known = queries()
    if name is None:
        _list(known.values())
        return
    try:
        if name not in known:
            raise InvalidArguments(f"There is no query {name}. The queries are {', '.join(known)}.")  # noqa: TRY301 -- as those below
        arguments = [] if sql else known[name].arguments(_given(parameters or []))
    except InvalidArguments as error:
        print_error(str(error))
        raise typer.Exit(USAGE_ERROR) from None
    if sql:
        sys.stdout.write(known[name].sql)
        return
    lake = Lake.of(Deployment.connect(stack))
    if refresh and "daily_totals" in known[name].sql:
        refresh_totals(lake)
    text = known[name].sql
    if is_about_history(text):
        # Not the view in Athena, which may be older than the newest files.
        text = lake.history_store().history().in_query(text)
    answer = lake.engine().query(text, arguments)
    _SHOWN[form](answer)
    read = "" if answer.read_bytes is None else f", {answer.read_bytes:,} bytes read"
    err.print(f"[dim]{counted(len(answer.rows), 'row')}{read}[/]", highlight=False)


def _given(pairs: Sequence[str]) -> dict[str, str]:
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidArguments(f"-p takes NAME=VALUE, not {pair!r}.")
        if name in given:
            raise InvalidArguments(f"{name} is given twice.")
        given[name] = value
    return given


def _list(known: Iterable[Query]) -> None:
    for each in known:
        out.print(f"[bold]{each.name}[/]  {escape(each.description)}", highlight=False, soft_wrap=True)
        for parameter in each.parameters:
            default = "" if parameter.default is None else f" (default {parameter.default})"
            out.print(
                f"    [dim]-p {parameter.name}=...[/]  {escape(parameter.help)}{default}",
                highlight=False,
                soft_wrap=True,
            )


def _table(answer: Answer) -> None:
    """Print a table. If it is too wide for the terminal, print each row as a list, so that no value is wrapped."""
    table = Table(box=SIMPLE_HEAD)
    for number, column in enumerate(answer.columns):
        is_number = any(type(row[number]) in {Decimal, int} for row in answer.rows)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=True)
    for row in answer.rows:
        table.add_row(*["" if value is None else escape(_text(value)) for value in row])
    if Measurement.get(out, out.options.update(width=WIDTH_MAX), table).maximum <= out.width:
        out.print(table)
        return
    for record in answer.records():
        lines = Table.grid(padding=(0, 2))
        for name, value in record.items():
            lines.add_row(f"[bold]{name}[/]", "" if value is None else escape(_text(value)))
        out.print(lines, "", sep="\n")


def _csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([["" if value is None else _text(value) for value in row] for row in answer.rows])


def _json(answer: Answer) -> None:
    """Print a line for each row. Money is text, so that readers do not parse it as a binary fraction."""
    for record in answer.records():
        plain = {name: value if isinstance(value, int | str | None) else _text(value) for name, value in record.items()}
        sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")


def _text(value: object) -> str:
    if isinstance(value, datetime):  # Athena returns milliseconds, DuckDB microseconds
        return value.isoformat(" ", "microseconds" if value.microsecond % 1_000 else "milliseconds")
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


_SHOWN = {"table": _table, "csv": _csv, "json": _json}
