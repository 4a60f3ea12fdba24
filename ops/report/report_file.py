"""Writes the daily report: queries the lake, renders the page, and writes the file atomically."""

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
from ops.report.origin import ReportOrigin
from ops.terminal import err


def write_report(lake: Lake, wanted: date | None, output: Path | None, origin: ReportOrigin) -> Path:
    """Write the report, and return the file's path.

    Args:
        lake: the lake to report on.
        wanted: the day; None for the newest day with events.
        output: the file; None for `report-<day>.html` in the working directory.
        origin: what the report is written from, and when.

    Raises:
        CommandError: no day has events.
        QueryFailed: the engine refused or aborted a query.
        OSError: the file cannot be written.
    """
    engine = lake.engine()
    day = wanted or newest_day(engine)
    if day is None:
        raise CommandError("This lake has no events yet. To write a report nevertheless, give a day with --day.")
    text = report_of(engine, day, origin, lambda newest: _badge(lake, newest, day, origin.written_at))
    path = output or Path(f"report-{day}.html")
    with open_atomically(path) as file:
        file.write(text)
    return path


def report_of(engine: Engine, day: date, origin: ReportOrigin, badge_for: Callable[[datetime | None], Badge]) -> str:
    """The report's text. `badge_for` returns the badge, given the time at which the day's newest event occurred."""
    figures = figures_of(engine, day)
    if figures.missing:
        err.print(
            "[bold yellow]![/] the daily totals are out of date, so the balances in the report may be wrong",
            highlight=False,
        )
    from ops.report.page import page  # noqa: PLC0415 -- slow to import

    return page(figures, badge_for(figures.newest_occurred_at), origin)


def complete_from(day: date, now: datetime) -> datetime:
    """The time from which a reconciliation can cover the report: the day's end, or its start if it is not over."""
    is_over = day < now.date()
    return datetime.combine(day + timedelta(days=1) if is_over else day, time.min)


def _badge(lake: Lake, newest_occurred_at: datetime | None, day: date, now: datetime) -> Badge:
    """The badge. Call this after the queries, so that the badge reports every file that changed during them."""
    try:
        result = _latest(lake)
        is_changed = result is not None and _until(day, result.files.days) != _until(
            day, LakeFiles.of(lake.s3, lake.bucket).digests
        )
        return badge(result, newest_occurred_at, complete_from(day, now), is_changed=is_changed)
    except UnknownResult as error:
        err.print(f"[bold yellow]![/] last reconciliation: {escape(str(error))}", soft_wrap=True, highlight=False)
        return UNREADABLE


def _until(day: date, digests: Mapping[str, str]) -> dict[str, str]:
    """The digests of this day and all earlier ones, on which a closing balance depends."""
    return {each: digest for each, digest in digests.items() if each <= f"{day}"}


def _latest(lake: Lake) -> ReconciliationResult | None:
    """The latest result; None if the lake was never reconciled."""
    try:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=LATEST_KEY)["Body"].read()
    except lake.s3.exceptions.NoSuchKey:
        return None
    return from_json(body)
