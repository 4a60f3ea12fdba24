"""Draws the report's charts with Vega in the page's colours, each in a wide and a narrow rendition."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from ops.report.svg import Name, fit

VEGA_LITE = "6.4"
INK, FAINT, LINE, PAPER = "var(--ink)", "var(--faint)", "var(--line)", "var(--paper)"
IN, OUT, OPENED = "var(--in)", "var(--out)", "var(--opened)"
IN_SOFT, OUT_SOFT, PLAIN, BAD = "var(--in-soft)", "var(--out-soft)", "var(--plain)", "var(--bad)"
LABEL_PX = 11
AXIS_PX = 54
"""Wide enough for the longest label of an amount, -350 bn, even in the page's font."""
TICKS = 4
FONT = "Liberation Sans"
"""The font with which Vega measures labels. Vega contains it, whereas other fonts may be missing on the machine, and
their labels would be measured too wide. The page replaces it with the page's own font."""
WIDER = 1.25
"""The factor by which text in the page's font may be wider than measured."""
SEPARATION_PX = 6
"""The least distance between labels: the longest label, of six characters, may be so much wider than measured."""
SHORT = (
    "abs(datum.value) < 1 && datum.value != 0 ? format(datum.value, '.2f') : "  # where ~s would say 500m
    "replace(replace(replace(format(datum.value, '~s'), 'G', ' bn'), 'T', ' tn'), 'P', ' qn')"
)
"""An axis label: 20k, 1.5M, 2 bn."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of a chart. `width` and `height` are in pixels. An axis has a label at every `every`-th place."""

    name: str
    width: int
    height: int
    every: int


WIDE, NARROW = Rendition("wide", 704, 130, 1), Rendition("narrow", 320, 130, 2)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart in both renditions, of which the page shows the one that fits."""

    wide: Markup
    narrow: Markup


def drawn(key: str, title: str, description: str, draw: Callable[[Rendition], alt.LayerChart]) -> Drawn:
    """A chart's renditions, as markup.

    Args:
        key: unique among the charts of the page.
        title: what the chart shows, for screen readers.
        description: the chart's figures, for screen readers.
        draw: makes the chart for a rendition.
    """
    return Drawn(
        *(
            Markup(_svg(draw(each), each, Name(f"{key}-{each.name}", title, description)))  # noqa: S704 -- `fit` checks it
            for each in (WIDE, NARROW)
        )
    )


def band_axis(labels: Mapping[int, str]) -> alt.Axis:
    """An axis of bands numbered from 0, with labels at some of them."""
    return alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        values=list(labels),
        labelExpr=_label_expression(labels),
        labelAngle=0,
        labelOverlap=False,
        labelPadding=6,
    )


def edge_axis(labels: Mapping[float, str]) -> alt.Axis:
    """An axis with labels at the edges of bars. Labels that do not fit are left out."""
    return alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        grid=False,
        values=list(labels),
        labelExpr=_label_expression(labels),
        labelOverlap="parity",
        labelSeparation=SEPARATION_PX,
        labelFlush=False,
        labelPadding=6,
    )


def amount_axis() -> alt.Axis:
    """An axis of amounts."""
    return _value_axis()


def count_axis(highest: int) -> alt.Axis:
    """An axis of whole numbers; Vega's tickMinStep does not prevent ticks at 0.5."""
    return _value_axis(**({"values": list(range(highest + 1))} if highest < TICKS else {}))


def base_line() -> alt.Chart:
    """The line at zero."""
    line: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=INK, strokeWidth=1).encode(y=alt.datum(0))
    return line


def _value_axis(**more: Any) -> alt.Axis:  # noqa: ANN401 -- Altair's own words
    return alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        tickCount=TICKS,
        labelExpr=SHORT,
        labelPadding=6,
        minExtent=AXIS_PX,  # gives the charts of a column one left edge
        **more,
    )


def _label_expression(labels: Mapping[int, str] | Mapping[float, str]) -> str:
    return f"({json.dumps({str(place): label for place, label in labels.items()})})[datum.value]"


def _svg(chart: alt.LayerChart, rendition: Rendition, name: Name) -> str:
    styled = (
        chart.properties(
            width=rendition.width,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            padding={"left": 0, "right": 0, "top": 4, "bottom": 2},
            **({"height": rendition.height} if chart.height is alt.Undefined else {}),
        )
        .configure(aria=False, font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(labelColor=FAINT, labelFontSize=LABEL_PX, gridColor=LINE)
    )
    specification: dict[str, Any] = styled.to_dict()
    return fit(vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[]), name)
