"""The command `lake compact`: writes closed days to the table `account_months`, sorted by account."""

import re
from typing import Annotated

import typer

from ops.cli.exit_handling import on_interruption
from ops.cli.options import Engine, Stack
from ops.deployment.stack import Deployment
from ops.lake.compact.run import compaction_of
from ops.lake.compact.writers import with_duckdb, with_glue, with_spark
from ops.lake.deployed_lake import Lake
from ops.terminal import counted, err, out

app = typer.Typer()
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_WRITERS = {Engine.local: with_duckdb, Engine.spark: with_spark, Engine.aws: with_glue}


@app.command(epilog="Example: account-events lake compact --stack account-events")
def compact(
    stack: Stack = None,
    month: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM", help="Only this month, also if nothing has changed. Omit it for all that have changed."
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Where to write the files. local: on this machine, with DuckDB. spark: on this machine, with Spark. "
            "aws: in the stack's Glue job, for a month that does not fit on this machine."
        ),
    ] = Engine.local,
) -> None:
    """Write closed days to the table `account_months`, sorted by account: queries about one account then read little.

    A day is closed a day after the longest delivery of its last event. Months that have new closed days, or whose files
    have changed, are written again, and so is the month that you name with --month. Queries may run meanwhile: they
    return each event once. You can interrupt the command and run it again at any time; with the engine aws, this stops
    the run of the job.
    """
    if month is not None and not _MONTH.fullmatch(month):
        raise typer.BadParameter(f"must be a month such as 2026-11, not {month!r}", param_hint="--month")
    with on_interruption("the view account_history is right; run the command again"):
        lake = Lake.of(Deployment.connect(stack))
        work = compaction_of(lake, _WRITERS[engine](lake, _progress))
        if month is not None and f"{month}-01" > work.closed_through():
            raise typer.BadParameter(f"no day of {month} is closed yet", param_hint="--month")
        if month is not None and not work.has(month):
            raise typer.BadParameter(f"{month} has no events", param_hint="--month")
        months = work.outdated() if month is None else [month]
        for done, events in work.run(months):
            out.print(f"{done}: {counted(events, 'event')} compacted", highlight=False)
    if not months:
        out.print("All closed days are compacted.", highlight=False)


def _progress(step: str) -> None:
    err.print(step, style="dim", highlight=False, soft_wrap=True, markup=False)
