"""The commands for the lake's tables: `lake tables` makes the view, `lake totals` the daily totals."""

from typing import Annotated

import typer
from botocore.exceptions import ClientError

from ops.lake.desk import Lake
from ops.lake.duckdb_engine import EVENTS_VIEW
from ops.terminal import err, out

app = typer.Typer(no_args_is_help=True, help="The lake: its tables, its daily totals, its repair.")

Stack = Annotated[
    str | None, typer.Option(help="A stack on AWS, with your AWS settings; the running house's if left out.")
]
TABLES = ("account_events", "events", "daily_totals")


@app.command(epilog="Example: account-events lake tables --stack account-events")
def tables(stack: Stack = None) -> None:
    """Make the view `events` in Athena, again if it is there, and show what can be asked.

    The tables come with the stack; CloudFormation has no views for Athena. At home DuckDB makes the view with every
    query.
    """
    lake = Lake.of(stack)
    if not lake.is_at_home:
        lake.athena().execute(EVENTS_VIEW)
    engine = lake.engine()
    for name in TABLES:
        columns = engine.query(f"SELECT * FROM {name} WHERE 1 = 0").columns  # noqa: S608 -- our own names; reads nothing
        out.print(f"[bold]{name}[/]: {', '.join(columns)}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: account-events lake totals --stack account-events")
def totals(stack: Stack = None) -> None:
    """Sum up the days whose files have changed, for closing balances. Can be stopped and repeated at any time."""
    made = Lake.of(stack).totals().refresh(_tell)
    out.print(f"{made} days summed up" if made else "All days are up to date.", highlight=False)


def sum_up(lake: Lake) -> bool:
    """Bring the totals up to date for who is about to ask; who may not write them is told, and asks as they are.

    Returns:
        Whether they are up to date.
    """
    try:
        lake.totals().refresh(_tell)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "403"}:
            raise
        err.print(
            "[yellow]![/] The daily totals are not up to date, and you may not write them: balances are as of the last "
            "day summed up. Somebody who may runs `account-events lake totals`.",
            highlight=False,
            soft_wrap=True,
        )
        return False
    return True


def _tell(day: str) -> None:
    err.print(f"[dim]summing up {day}[/]", highlight=False)
