"""The daily report as a file: asks the lake, draws the page, and writes the file whole or not at all."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path

from rich.markup import escape

from local_stack.errors import CommandError
from local_stack.output_file import open_atomically
from ops.lake.deployed_lake import Lake
from ops.lake.query.engine import Engine
from ops.lake.query.files import LakeFiles
from ops.lake.reconcile.result import LATEST_KEY, ReconciliationResult, UnknownResult, from_json
from ops.report.badge import UNREADABLE, Badge, badge
from ops.report.figures import figures_of, newest_day
from ops.report.imprint import Imprint
from ops.terminal import err


def write_report(lake: Lake, wanted: date | None, output: Path | None, imprint: Imprint) -> Path:
    """The report's file.

    Args:
        lake: it tells of.
        wanted: day; the newest that has events if None.
        output: where to; if None, in this folder.
        imprint: its own.

    Raises:
        CommandError: no day has events.
        QueryFailed: the lake does not answer.
        OSError: there can be no such file.
    """
    engine = lake.engine()
    day = wanted or newest_day(engine)
    if day is None:
        raise CommandError("No day of this lake has events yet. `account-events report --day` makes a report anyway.")
    text = report_of(engine, day, imprint, lambda newest: _badge(lake, newest, day, imprint.written_at))
    path = output or Path(f"report-{day}.html")
    with open_atomically(path) as file:
        file.write(text)
    return path


def report_of(engine: Engine, day: date, imprint: Imprint, badge_for: Callable[[datetime | None], Badge]) -> str:
    """The report's text; `badge_for` is given when the day's newest event occurred."""
    figures = figures_of(engine, day)
    if figures.missing:
        err.print("[bold yellow]![/] the daily totals are old: balances in the report may be, too", highlight=False)
    from ops.report.page import page  # noqa: PLC0415 -- no other command is to wait for its charts

    return page(figures, badge_for(figures.newest_occurred_at), imprint)


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
    except UnknownResult as error:
        err.print(f"[bold yellow]![/] the last reconciliation: {escape(str(error))}", soft_wrap=True, highlight=False)
        return UNREADABLE


def _until(day: date, digests: Mapping[str, str]) -> dict[str, str]:
    """Of all days that a closing balance is made of."""
    return {each: digest for each, digest in digests.items() if each <= f"{day}"}


def _latest(lake: Lake) -> ReconciliationResult | None:
    """None if nobody ever reconciled."""
    try:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=LATEST_KEY)["Body"].read()
    except lake.s3.exceptions.NoSuchKey:
        return None
    return from_json(body)
