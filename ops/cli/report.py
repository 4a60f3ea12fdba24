"""The command `report`: a day of the lake as one HTML file for people."""

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
from ops.report.imprint import Imprint
from ops.report.report_file import write_report
from ops.terminal import complain, out

app = typer.Typer()
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST = date(2000, 1, 1)
WRONG_CALL = 2


@app.command("report", epilog="Example: account-events report --day 2026-11-27 --output report.html")
def command(
    day: Annotated[
        str | None, typer.Option(help="YYYY-MM-DD, UTC; the newest day that has events if left out.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The file; report-DAY.html in this folder if left out.")] = None,
    stack: Stack = None,
    *,
    refresh: Annotated[bool, typer.Option(help="Sum up the days that have changed first, for the balances.")] = True,
) -> None:
    """Write the daily report: one HTML file that needs nothing else. Prints its path.

    An earlier file of that name is replaced when the report is whole. Exit code 2 for a day that is none.
    """
    wanted = None if day is None else _day(day)
    lake = Lake.of(Deployment.connect(stack))
    imprint = Imprint(_owner(stack), _now(), totals_are_fresh=refresh and refresh_totals(lake))
    out.print(write_report(lake, wanted, output, imprint), soft_wrap=True, highlight=False, markup=False)


def _day(text: str) -> date:
    if DAY.fullmatch(text):  # ISO 8601 has more forms: 20261127, 2026-W48-5
        with suppress(ValueError):
            day = date.fromisoformat(text)
            if day >= EARLIEST:
                return day
    complain(f"{text!r} is no day since {EARLIEST}: write it as YYYY-MM-DD.")
    sys.exit(WRONG_CALL)


def _owner(stack: str | None) -> str:
    return "the house on this machine" if stack is None else f"the stack {stack}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
