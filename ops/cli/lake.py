"""The commands for the lake's views, totals and Glue job: `lake tables`, `lake totals` and `lake job`."""

import typer

from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.refresh_totals import report_day
from ops.lake.spark.job_code import code, upload
from ops.terminal import counted, out

app = typer.Typer(no_args_is_help=True, help="Manage the lake: its tables, its totals, its Glue job and its repair.")

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


@app.command(epilog="Example: account-events lake job --stack account-events")
def job(stack: Stack = None) -> None:
    """Upload the code of the Glue job, which compares the lake with exports of the ledger every night.

    Run it after each deployment, with the command of the same release. It changes nothing if the code is there already,
    and refuses to replace code that a run may still read.
    """
    lake = Lake.of(Deployment.connect(stack))
    uploaded = upload(lake)
    for each in code():
        state = f"uploaded, {len(each.content):,} bytes" if each.key in uploaded else "is there already"
        out.print(f"s3://{lake.bucket}/{each.key}: {state}", highlight=False, soft_wrap=True)
