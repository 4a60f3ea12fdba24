"""The report's charts.

Shapes are drawn with floating-point numbers. The figures written in a chart are text, formatted from exact values.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from ops.report.amounts import clock, count, foreign, short_day, signed
from ops.report.balances import Bin, Distribution
from ops.report.drawing import (
    BAD,
    FAINT,
    IN,
    IN_SOFT,
    INK,
    LABEL_PX,
    OPENED,
    OUT,
    OUT_SOFT,
    PAPER,
    PLAIN,
    WIDER,
    Drawn,
    Rendition,
    amount_axis,
    band_axis,
    base_line,
    count_axis,
    drawn,
    edge_axis,
)
from ops.report.figures import CurrencyDay, Flow, Hour

ROW_PX = 30
TIME_PX = 62
AMOUNT_GLYPH_PX = 7.5
WEEK = 7
THREE_HOURS = 3
BARS_MIN = 6
"""The axis is at least this many bars wide, so that a single bar does not fill the chart."""
APART_PITCH = 1.6
"""The distance between the separate bars at the left, in bar widths."""


def net_flow(part: CurrencyDay, title: str) -> Drawn:
    """A bar for each of the last days, upwards for a net inflow. The report's own day has the stronger colour."""
    newest = len(part.days) - 1
    values: list[dict[str, Any]] = [
        {
            "place": place,
            "label": short_day(day),
            "net": float(flow.net),
            "colour": _strong(flow) if place == newest else _soft(flow),
        }
        for place, (day, flow) in enumerate(part.days)
    ]
    text = "; ".join(f"{short_day(day)} {signed(flow.net)}" for day, flow in part.days if flow.net)

    def draw(rendition: Rendition) -> alt.LayerChart:
        labels = {place: values[place]["label"] for place in range(newest, -1, -WEEK * rendition.every)}
        data = alt.InlineData(values=values)
        x = alt.X("place:O", axis=band_axis(labels), scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1))
        bars = (
            alt.Chart(data)
            .mark_bar()
            .encode(
                x=x,
                y=alt.Y("net:Q", axis=amount_axis()),
                color=alt.Color("colour:N", scale=None),
            )
        )
        return alt.LayerChart(layer=[bars, base_line()])

    return drawn(f"flow-{part.currency}", title, f"Net flow by day, {part.currency}: {text or 'no movements'}.", draw)


def volume(hours: Sequence[Hour], title: str) -> Drawn:
    """A stacked bar for each hour of the day."""
    kinds = (("credits", IN, 0), ("withdrawals", OUT, 1), ("opened", OPENED, 2))
    values: list[dict[str, Any]] = [
        {"hour": each.hour, "events": getattr(each, kind), "colour": colour, "order": order}
        for each in hours
        for kind, colour, order in kinds
    ]
    text = "; ".join(f"{each.hour:02} h {count(each.events)}" for each in hours if each.events)
    highest = max(1, *(each.events for each in hours))

    def draw(rendition: Rendition) -> alt.LayerChart:
        labels = {hour: f"{hour:02}" for hour in range(0, len(hours), THREE_HOURS * rendition.every)}
        bars = (
            alt.Chart(alt.InlineData(values=values))
            .mark_bar()
            .encode(
                x=alt.X("hour:O", axis=band_axis(labels), scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1)),
                y=alt.Y(
                    "events:Q", stack="zero", axis=count_axis(highest), scale=alt.Scale(domainMin=0, domainMax=highest)
                ),
                color=alt.Color("colour:N", scale=None),
                order=alt.Order("order:Q"),
            )
        )
        return alt.LayerChart(layer=[bars, base_line()])

    return drawn("volume", title, f"Events by hour, UTC: {text or 'none'}.", draw)


def spread(currency: str, found: Distribution, title: str) -> Drawn:
    """A bar for each bin, between its edges, and separate bars at the left for accounts at zero and below."""
    apart = list(_apart(found))
    start = -APART_PITCH * len(apart)
    bars: list[dict[str, Any]] = [
        {"from": start + APART_PITCH * at, "to": start + APART_PITCH * at + 1, "accounts": number, "colour": colour}
        for at, (_, number, colour) in enumerate(apart)
    ]
    labels = {bar["from"] + 0.5: label for bar, (label, _, _) in zip(bars, apart, strict=True)}
    bars += [
        {"from": place, "to": place + 1, "accounts": each.accounts, "colour": PLAIN}
        for place, each in enumerate(found.bins)
    ]
    labels |= {place: edge(each.low) for place, each in enumerate(found.bins)}
    labels |= {place + 1: edge(each.high) for place, each in enumerate(found.bins)}
    counted = [(label, number) for label, number, _ in apart] + [(between(each), each.accounts) for each in found.bins]
    text = "; ".join(f"{what}: {count(number)}" for what, number in counted)
    highest = max(number for _, number in counted)

    def draw(_: Rendition) -> alt.LayerChart:
        x = alt.X(
            "from:Q",
            scale=alt.Scale(domain=[start, max(len(found.bins), BARS_MIN)], nice=False, zero=False, padding=6),
            axis=edge_axis(labels),
        )
        marks = (
            alt.Chart(alt.InlineData(values=bars))
            .mark_rect(stroke=PAPER, strokeWidth=1.5)
            .encode(
                x=x,
                x2="to:Q",
                y=alt.Y("accounts:Q", axis=count_axis(highest), scale=alt.Scale(domainMin=0)),
                y2=alt.datum(0),
                color=alt.Color("colour:N", scale=None),
            )
        )
        return alt.LayerChart(layer=[marks, base_line()])

    return drawn(f"spread-{currency}", title, f"Accounts by closing balance, {currency}: {text}.", draw)


def movements(part: CurrencyDay, title: str) -> Drawn:
    """A line of text for each of the largest movements, with a thin bar below it."""
    values: list[dict[str, Any]] = [
        {
            "place": place,
            "amount": float(each.amount),
            "account": foreign(each.account_id),
            "at": clock(each.occurred_at),
            "signed": signed(each.amount if each.is_credit else -each.amount),
            "colour": IN if each.is_credit else OUT,
        }
        for place, each in enumerate(part.movements)
    ]
    description = "; ".join(f"{value['at']} {value['account']} {value['signed']}" for value in values)

    def draw(rendition: Rendition) -> alt.LayerChart:
        chart = alt.Chart(alt.InlineData(values=values), height=alt.Step(ROW_PX))
        y = alt.Y("place:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
        text: dict[str, Any] = {"baseline": "middle", "dy": -5, "fontSize": LABEL_PX, "color": INK}
        bars = chart.mark_bar(height=5, yOffset=8).encode(
            x=alt.X("amount:Q", axis=None, scale=alt.Scale(zero=True, nice=False)),
            y=y,
            color=alt.Color("colour:N", scale=None),
        )
        limit = (rendition.width - TIME_PX - AMOUNT_GLYPH_PX * max(len(value["signed"]) for value in values)) / WIDER
        times = chart.mark_text(**(text | {"color": FAINT}), align="left").encode(x=alt.value(0), y=y, text="at:N")
        names = chart.mark_text(**text, align="left", limit=limit).encode(x=alt.value(TIME_PX), y=y, text="account:N")
        amounts = chart.mark_text(**text, align="right").encode(x=alt.value("width"), y=y, text="signed:N")
        return alt.LayerChart(layer=[bars, times, names, amounts])

    return drawn(f"movements-{part.currency}", title, f"Largest movements, {part.currency}: {description}.", draw)


def edge(value: int) -> str:
    """A bin's edge: 500, 2k, 1M, 5 bn."""
    for exponent, unit in ((15, " qn"), (12, " tn"), (9, " bn"), (6, "M"), (3, "k")):
        if value >= 10**exponent:
            return f"{value // 10**exponent}{unit}"
    return f"{value}"


def between(found: Bin) -> str:
    """A bin in words: 500 to 1k."""
    return f"{edge(found.low)} to {edge(found.high)}"


def _strong(flow: Flow) -> str:
    return IN if flow.net >= 0 else OUT


def _soft(flow: Flow) -> str:
    return IN_SOFT if flow.net >= 0 else OUT_SOFT


def _apart(found: Distribution) -> Iterator[tuple[str, int, str]]:
    """The label, number and colour of the bars for accounts below zero and at zero."""
    if found.overdrawn:
        yield "<0", found.overdrawn, BAD
    if found.empty:
        yield "0", found.empty, PLAIN
