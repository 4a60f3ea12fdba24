"""The charts of a day, as the daily report has them, each with its figures as a table."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from consumers.lake.table import EVENTS_PREFIX
from ops.lake.deployed_lake import Lake
from ops.lake.query.engine import Engine
from ops.report import findings
from ops.report.amounts import clock, short_day, signed
from ops.report.figures import CurrencyDay, Figures, figures_of

FOLDER = re.compile(rf"{EVENTS_PREFIX}dt=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/")
DAYS_MAX = 30
CURRENCIES_MAX = 4
KEPT_LOCALLY_S, KEPT_S = 5.0, 600.0
"""How long charts are shown again without new queries. On AWS, each of Athena's queries costs money."""
EMPTY = "The lake has no events yet. The delivery writes them a few seconds after they arrive, on AWS after minutes."
OUTDATED = "Earlier days come from the daily totals, which are out of date. To update them, run"
UPDATE = "account-events lake totals"

Charts = dict[str, Any]
Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The columns and the rows."""


class ChartSource:
    """Draws the charts, one request at a time, and keeps them for a short time.

    Args:
        lake: returns the stack's lake.
        option: the option with which a command works on the stack.
        clock: returns seconds since the epoch.
    """

    def __init__(self, lake: Callable[[], Lake], option: str, clock: Callable[[], float]) -> None:
        self._lake, self._option, self._clock = lake, option, clock
        self._lock = threading.Lock()
        self._kept: dict[date | None, tuple[float, Charts]] = {}

    def charts(self, day: date | None) -> Charts:
        """The charts of a day, or of the newest day with events.

        Raises:
            QueryFailed: the engine refused or aborted a query.
        """
        with self._lock:
            lake, now_s = self._lake(), self._clock()
            until_s = now_s - (KEPT_LOCALLY_S if lake.is_local else KEPT_S)
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > until_s}
            if day in self._kept:
                return self._kept[day][1]
            found = self._drawn(lake, day)
            if found["charts"]:  # a lake without events may have some soon
                self._kept[day] = (now_s, found)
            return found

    def _drawn(self, lake: Lake, day: date | None) -> Charts:
        days = sorted(_days(lake), reverse=True)[:DAYS_MAX]
        if not days:
            return {"day": None, "days": [], "charts": [], "note": EMPTY}
        return drawn(lake.engine(), day or date.fromisoformat(days[0]), days, self._option)


def _days(lake: Lake) -> Iterator[str]:
    """The days that have files, from the names of the folders: there may be hundreds of thousands of files."""
    pages = lake.s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=lake.bucket, Prefix=EVENTS_PREFIX, Delimiter="/"):
        for each in page.get("CommonPrefixes", ()):
            if found := FOLDER.fullmatch(each["Prefix"]):
                yield found[1]


def drawn(engine: Engine, day: date, days: Sequence[str], option: str) -> Charts:
    """The charts of a day."""
    figures = figures_of(engine, day)
    if not figures.events:
        return {"day": f"{day}", "days": list(days), "charts": [], "note": f"No events occurred on {day}."}
    has_earlier = any(each < f"{day}" for each in days)
    note = f"{OUTDATED} `{UPDATE}{option}`." if figures.missing and has_earlier else ""
    return {"day": f"{day}", "days": list(days), "charts": list(_charts(figures)), "note": note}


def _charts(figures: Figures) -> Iterator[dict[str, Any]]:
    from ops.report import charts  # noqa: PLC0415 -- slow to import

    title = findings.volume(figures)
    table = (
        ("hour, UTC", "credits", "withdrawals", "accounts opened"),
        [
            (f"{each.hour:02}", str(each.credits), str(each.withdrawals), str(each.opened))
            for each in figures.hours
            if each.events
        ],
    )
    yield _chart(title, "events by the hour in which they occurred", charts.volume(figures.hours, title), table)
    for part in sorted(figures.currencies, key=lambda each: -each.flow.events)[:CURRENCIES_MAX]:
        yield from _of_currency(part)


def _of_currency(part: CurrencyDay) -> Iterator[dict[str, Any]]:
    from ops.report import charts  # noqa: PLC0415 -- slow to import

    if any(flow.net for _, flow in part.days):
        title = findings.net_flow(part)
        yield _chart(title, findings.net_flow_unit(part), charts.net_flow(part, title), _flows(part))
    if part.movements:
        title = findings.movements(part)
        yield _chart(title, findings.movements_unit(part), charts.movements(part, title), _movements(part))
    if part.balances:
        title = findings.spread(part.currency, part.balances)
        unit = findings.spread_unit(part.currency, part.balances)
        bins = [(charts.between(each), str(each.accounts)) for each in part.balances.bins]
        apart = [("below zero", part.balances.overdrawn), ("zero", part.balances.empty)]
        table = (
            (f"closing balance, {part.currency}", "accounts"),
            [*((name, str(number)) for name, number in apart if number), *bins],
        )
        yield _chart(title, unit, charts.spread(part.currency, part.balances, title), table)


def _flows(part: CurrencyDay) -> Table:
    rows = [(short_day(day), signed(flow.net)) for day, flow in part.days if flow.net]
    return ("day", f"net flow, {part.currency}"), rows


def _movements(part: CurrencyDay) -> Table:
    rows = [
        (clock(each.occurred_at), each.account_id, signed(each.amount if each.is_credit else -each.amount))
        for each in part.movements
    ]
    return ("time, UTC", "account", f"amount, {part.currency}"), rows


def _chart(title: str, unit: str, chart: Any, table: Table) -> dict[str, Any]:  # noqa: ANN401 -- Drawn, whose module is slow to import
    columns, rows = table
    found = {"title": title, "unit": unit, "svg": str(chart.wide), "svg_narrow": str(chart.narrow)}
    return found | {"table": {"columns": list(columns), "rows": [list(row) for row in rows]}}
