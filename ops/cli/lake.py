"""The commands for the lake's tables: `lake tables` makes the view, `lake totals` the daily totals."""

import typer

from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.refresh_totals import report_day
from ops.terminal import out

app = typer.Typer(no_args_is_help=True, help="The lake: its tables, its daily totals, its repair.")

TABLES = ("account_events", "events", "daily_totals")


@app.command(epilog="Example: account-events lake tables --stack account-events")
def tables(stack: Stack = None) -> None:
    """Make the view `events` in Athena, again if it is there, and show what can be asked.

    The tables come with the stack; CloudFormation has no views for Athena. At home DuckDB makes the view with every
    query.
    """
    lake = Lake.of(Deployment.connect(stack))
    if not lake.is_local:
        lake.athena().execute(EVENTS_VIEW)
    engine = lake.engine()
    for name in TABLES:
        columns = engine.query(f"SELECT * FROM {name} WHERE 1 = 0").columns  # noqa: S608 -- our own names; reads nothing
        out.print(f"[bold]{name}[/]: {', '.join(columns)}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: account-events lake totals --stack account-events")
def totals(stack: Stack = None) -> None:
    """Sum up the days whose files have changed, for closing balances. Can be stopped and repeated at any time."""
    made = Lake.of(Deployment.connect(stack)).totals().refresh(report_day)
    out.print(f"{made} days summed up" if made else "All days are up to date.", highlight=False)
