"""The command `report`: writes the report of one day of the lake as an HTML file."""

import re
import sys
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.refresh_totals import refresh_totals
from ops.report.origin import ReportOrigin
from ops.report.report_file import write_report
from ops.terminal import out, print_error

app = typer.Typer()
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST = date(2000, 1, 1)
USAGE_ERROR = 2


@app.command("report", epilog="Example: account-events report --day 2026-11-27 --output report.html")
def command(
    day: Annotated[
        str | None, typer.Option(help="Day of the report, YYYY-MM-DD, UTC. The default is the newest day with events.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write. The default is report-DAY.html in the working directory.")
    ] = None,
    stack: Stack = None,
    *,
    refresh: Annotated[
        bool, typer.Option(help="First update the daily totals, from which the balances are computed.")
    ] = True,
) -> None:
    """Write the daily report as one self-contained HTML file, and print its path.

    An existing file is replaced once the new report is complete. Exit code 2 if the day is not valid.
    """
    wanted = None if day is None else _day(day)
    lake = Lake.of(Deployment.connect(stack))
    origin = ReportOrigin(_owner(stack), _now(), totals_are_fresh=refresh and refresh_totals(lake))
    out.print(write_report(lake, wanted, output, origin), soft_wrap=True, highlight=False, markup=False)


def _day(text: str) -> date:
    if DAY.fullmatch(text):  # `fromisoformat` also accepts 20261127 and 2026-W48-5
        with suppress(ValueError):
            day = date.fromisoformat(text)
            if day >= EARLIEST:
                return day
    print_error(f"{text!r} is not a valid day: give a date from {EARLIEST} onwards, as YYYY-MM-DD.")
    sys.exit(USAGE_ERROR)


def _owner(stack: str | None) -> str:
    return "the local stack" if stack is None else f"the stack {stack}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
