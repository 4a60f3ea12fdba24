"""Renders the report as one self-contained HTML file. Its Content-Security-Policy forbids scripts and requests."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ops.report import amounts, charts, findings
from ops.report.badge import Badge
from ops.report.drawing import Drawn
from ops.report.figures import DAYS, MOVEMENTS_MAX, CurrencyDay, Figures
from ops.report.origin import ReportOrigin

HERE = Path(__file__)
CHARTED_MAX = 8
"""The most currencies that have charts. The tables show all currencies."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its headline and its unit line."""

    finding: str
    unit: str
    chart: Drawn


def page(figures: Figures, badge: Badge, origin: ReportOrigin) -> str:
    """The HTML file's text."""
    css = HERE.with_name("page.css").read_text()
    drawn = _most_moved(figures.currencies)
    return _template().render(
        css=Markup(css),  # noqa: S704 -- our own file
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        figures=figures,
        badge=badge,
        origin=origin,
        state=_state(figures, origin.written_at),
        outdated_totals=findings.outdated_totals(figures),
        flows=[
            Panel(findings.net_flow(each), findings.net_flow_unit(each), charts.net_flow(each, findings.net_flow(each)))
            for each in drawn
            if any(flow.net for _, flow in each.days)
        ],
        volume=_volume(figures),
        movements=[
            Panel(
                findings.movements(each),
                findings.movements_unit(each),
                charts.movements(each, findings.movements(each)),
            )
            for each in drawn
            if each.movements
        ],
        spreads=[_spread(each) for each in drawn if each.balances],
        left_out=len(figures.currencies) - len(drawn),
        without_flow=[each.currency for each in drawn if not any(flow.net for _, flow in each.days)],
        days=DAYS,
        charted_max=CHARTED_MAX,
        movements_max=MOVEMENTS_MAX,
        between=charts.between,
    )


def _most_moved(currencies: Sequence[CurrencyDay]) -> list[CurrencyDay]:
    """The currencies with the most events, in their original order."""
    most = sorted(currencies, key=lambda each: (-each.flow.events, each.currency))[:CHARTED_MAX]
    return [each for each in currencies if each in most]


def _state(figures: Figures, now: datetime) -> str:
    """A sentence if the day is not over or has just ended; otherwise empty."""
    if figures.day > now.date():
        return "This day has not begun yet."
    if figures.day == now.date():
        return f"This day is not over: the figures are as of {amounts.clock(now)}."
    return (
        ""
        if now - datetime.combine(figures.day, datetime.min.time()) > timedelta(days=1, minutes=15)
        else "This day has just ended: its last events may still be on their way."
    )


def _volume(figures: Figures) -> Panel | None:
    if not figures.events:
        return None
    title = findings.volume(figures)
    return Panel(title, "events by the hour in which they occurred", charts.volume(figures.hours, title))


def _spread(part: CurrencyDay) -> Panel:
    assert part.balances  # noqa: S101 -- checked by the caller
    title = findings.spread(part.currency, part.balances)
    return Panel(
        title, findings.spread_unit(part.currency, part.balances), charts.spread(part.currency, part.balances, title)
    )


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        name: getattr(amounts, name)
        for name in ("clock", "count", "foreign", "hours", "long_day", "mean", "moment", "money", "short_day", "signed")
    }
    return environment.from_string(HERE.with_name("page.html.j2").read_text())
