"""The commands for the lake's tables: `lake tables` creates the views, `lake totals` updates the daily totals."""

import typer

from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.refresh_totals import report_day
from ops.terminal import counted, out

app = typer.Typer(no_args_is_help=True, help="Manage the lake: its tables, its daily totals and its repair.")

TABLES = ("account_events", "events", "account_months", "account_history", "daily_totals")


@app.command(epilog="Example: account-events lake tables --stack account-events")
def tables(stack: Stack = None) -> None:
    """Create or replace the views `events` and `account_history` in Athena, and list the columns of the tables.

    The stack creates the tables, but CloudFormation cannot create a view in Athena. Locally there is nothing to create:
    DuckDB defines the views for every query.
    """
    lake = Lake.of(Deployment.connect(stack))
    if not lake.is_local:
        lake.athena().execute(EVENTS_VIEW)
        lake.publish_history()
    engine = lake.engine()
    for name in TABLES:
        columns = engine.query(f"SELECT * FROM {name} WHERE 1 = 0").columns  # noqa: S608 -- our own names; reads nothing
        out.print(f"[bold]{name}[/]: {', '.join(columns)}", highlight=False, soft_wrap=True)


@app.command(epilog="Example: account-events lake totals --stack account-events")
def totals(stack: Stack = None) -> None:
    """Update the daily totals of the days whose files have changed. Balances are computed from these totals.

    You can interrupt the command and run it again at any time.
    """
    made = Lake.of(Deployment.connect(stack)).totals().refresh(report_day)
    out.print(
        f"Daily totals updated for {counted(made, 'day')}." if made else "All daily totals are up to date.",
        highlight=False,
    )
