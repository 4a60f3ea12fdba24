"""The command `query`: the shipped queries, at home or in Athena."""

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
from ops.lake.query.catalog import Query, WrongCall, queries
from ops.lake.query.engine import Answer
from ops.lake.refresh_totals import refresh_totals
from ops.terminal import complain, err, out

app = typer.Typer()
WRONG_CALL = 2
WIDTH_MAX = 100_000


@app.command(epilog="Example: account-events query daily_report -p day=2026-11-25")
def query(
    name: Annotated[str | None, typer.Argument(help="Which; without it, all of them are listed.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="What it asks for; repeatable.")
    ] = None,
    stack: Stack = None,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", help="Of the answer. json has a line for each row, and money as text."),
    ] = "table",
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL, in Athena's dialect, and do nothing.")] = False,
    refresh: Annotated[
        bool, typer.Option(help="Sum up the days that have changed first, for the queries that need it.")
    ] = True,
) -> None:
    """Ask the lake one of the shipped queries: in Athena, or at home by DuckDB."""
    known = queries()
    if name is None:
        _list(known.values())
        return
    try:
        if name not in known:
            raise WrongCall(f"There is no query {name}; there are {', '.join(known)}.")  # noqa: TRY301 -- as those below
        arguments = [] if sql else known[name].arguments(_given(parameters or []))
    except WrongCall as error:
        complain(str(error))
        raise typer.Exit(WRONG_CALL) from None
    if sql:
        sys.stdout.write(known[name].sql)
        return
    lake = Lake.of(Deployment.connect(stack))
    if refresh and "daily_totals" in known[name].sql:
        refresh_totals(lake)
    answer = lake.engine().query(known[name].sql, arguments)
    _SHOWN[form](answer)
    read = "" if answer.read_bytes is None else f", {answer.read_bytes:,} bytes read"
    err.print(f"[dim]{len(answer.rows)} rows{read}[/]", highlight=False)


def _given(pairs: Sequence[str]) -> dict[str, str]:
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise WrongCall(f"-p takes NAME=VALUE, not {pair!r}.")
        if name in given:
            raise WrongCall(f"{name} is given twice.")
        given[name] = value
    return given


def _list(known: Iterable[Query]) -> None:
    for each in known:
        out.print(f"[bold]{each.name}[/]  {escape(each.promise)}", highlight=False, soft_wrap=True)
        for parameter in each.parameters:
            default = "" if parameter.default is None else f" (default {parameter.default})"
            out.print(
                f"    [dim]-p {parameter.name}=...[/]  {escape(parameter.help)}{default}",
                highlight=False,
                soft_wrap=True,
            )


def _table(answer: Answer) -> None:
    """Where it is too wide for the terminal, row by row: no value is broken."""
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
    """A line for each row; money is text, so that no reader makes a binary fraction of it."""
    for record in answer.records():
        plain = {name: value if isinstance(value, int | str | None) else _text(value) for name, value in record.items()}
        sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")


def _text(value: object) -> str:
    if isinstance(value, datetime):  # Athena has milliseconds, other engines all that there is
        return value.isoformat(" ", "microseconds" if value.microsecond % 1_000 else "milliseconds")
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


_SHOWN = {"table": _table, "csv": _csv, "json": _json}
