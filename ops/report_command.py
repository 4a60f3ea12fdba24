"""The command `report`: a day of the lake as one HTML file for people."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ops.emulator import HouseError
from ops.lake.desk import Lake
from ops.lake.engine import Engine, QueryFailed
from ops.lake.files import LakeFiles
from ops.lake.verdict import LATEST_KEY, UnknownVerdict, Verdict, from_json
from ops.lake_commands import sum_up
from ops.output_file import written
from ops.report.badge import UNREADABLE, Badge, badge
from ops.report.figures import figures_of, newest_day
from ops.report.imprint import Imprint
from ops.terminal import complain, err, out

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
    stack: Annotated[
        str | None, typer.Option(help="A stack on AWS, with your AWS settings; the running house's if left out.")
    ] = None,
    *,
    refresh: Annotated[bool, typer.Option(help="Sum up the days that have changed first, for the balances.")] = True,
) -> None:
    """Write the daily report: one HTML file that needs nothing else. Prints its path.

    An earlier file of that name is replaced when the report is whole. Exit code 2 for a day that is none.
    """
    wanted = None if day is None else _day(day)
    lake = Lake.of(stack)
    with _answered():
        is_fresh = refresh and sum_up(lake)
    imprint = Imprint(_owner(stack), _now(), totals_are_fresh=is_fresh)
    out.print(write_report(lake, wanted, output, imprint), soft_wrap=True, highlight=False, markup=False)


def write_report(lake: Lake, wanted: date | None, output: Path | None, imprint: Imprint) -> Path:
    """The report's file.

    Args:
        lake: it tells of.
        wanted: day; the newest that has events if None.
        output: where to; if None, in this folder.
        imprint: its own.

    Raises:
        HouseError: no day has events; or a query failed.
        OSError: there can be no such file.
    """
    with _answered():
        engine = lake.engine()
        day = wanted or newest_day(engine)
        if day is None:
            raise HouseError("No day of this lake has events yet. `account-events report --day` makes a report anyway.")
        text = report_of(engine, day, imprint, lambda newest: _badge(lake, newest, day, imprint.written_at))
    path = output or Path(f"report-{day}.html")
    with written(path) as file:
        file.write(text)
    return path


def report_of(engine: Engine, day: date, imprint: Imprint, badge_for: Callable[[datetime | None], Badge]) -> str:
    """The report's text; `badge_for` is given when the day's newest event occurred."""
    figures = figures_of(engine, day)
    if figures.missing:
        err.print("[bold yellow]![/] the daily totals are old: balances in the report may be, too", highlight=False)
    from ops.report.page import page  # noqa: PLC0415 -- no other command is to wait for its charts

    return page(figures, badge_for(figures.newest_occurred_at), imprint)


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except QueryFailed as error:
        raise HouseError(f"The lake does not answer: {error}") from None


def due(day: date, now: datetime) -> datetime:
    """When a verdict can be about a report of the day, written now: after the day, or on it if that is not over."""
    is_over = day < now.date()
    return datetime.combine(day + timedelta(days=1) if is_over else day, time.min)


def _badge(lake: Lake, newest_occurred_at: datetime | None, day: date, now: datetime) -> Badge:
    """Asked once the figures are there: a file that comes behind their back is seen, at worst without need."""
    try:
        verdict = _latest(lake)
        is_changed = verdict is not None and _until(day, verdict.files.days) != _until(
            day, LakeFiles.of(lake.s3, lake.bucket).digests
        )
        return badge(verdict, newest_occurred_at, due(day, now), is_changed=is_changed)
    except UnknownVerdict as error:
        err.print(f"[bold yellow]![/] the last reconciliation: {escape(str(error))}", soft_wrap=True, highlight=False)
        return UNREADABLE


def _until(day: date, digests: Mapping[str, str]) -> dict[str, str]:
    """Of all days that a closing balance is made of."""
    return {each: digest for each, digest in digests.items() if each <= f"{day}"}


def _latest(lake: Lake) -> Verdict | None:
    """None if nobody ever reconciled."""
    try:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=LATEST_KEY)["Body"].read()
    except lake.s3.exceptions.NoSuchKey:
        return None
    return from_json(body)


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
