"""How the report's charts are drawn: by Vega, in the page's colours, each for a wide place and for a narrow one."""

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
"""Room for the longest label of amounts, that of -350 bn, also in the page's own font."""
TICKS = 4
FONT = "Liberation Sans"
"""Vega measures labels by it, and has it with itself: one that a machine lacks it takes for much wider than it is. The
page's own font takes its place."""
WIDER = 1.25
"""So much wider than measured a text may be then."""
SEPARATION_PX = 6
"""Of labels side by side: what the longest of them, of six characters, may be wider."""
SHORT = (
    "abs(datum.value) < 1 && datum.value != 0 ? format(datum.value, '.2f') : "  # where ~s would say 500m
    "replace(replace(replace(format(datum.value, '~s'), 'G', ' bn'), 'T', ' tn'), 'P', ' qn')"
)
"""An axis label: 20k, 1.5M, 2 bn."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """Attributes: `width` and `height` are in pixels at natural size; `every` thins out an axis' labels."""

    name: str
    width: int
    height: int
    every: int


WIDE, NARROW = Rendition("wide", 704, 130, 1), Rendition("narrow", 320, 130, 2)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One chart; the page shows the rendition that fits."""

    wide: Markup
    narrow: Markup


def drawn(key: str, title: str, description: str, draw: Callable[[Rendition], alt.LayerChart]) -> Drawn:
    """A chart's renditions, as markup.

    Args:
        key: unlike that of every other chart of the page.
        title: what it shows, for who cannot see it.
        description: its figures, likewise.
        draw: the chart for a rendition.
    """
    return Drawn(
        *(
            Markup(_svg(draw(each), each, Name(f"{key}-{each.name}", title, description)))  # noqa: S704 -- `fit` checks it
            for each in (WIDE, NARROW)
        )
    )


def band_axis(labels: Mapping[int, str]) -> alt.Axis:
    """Of places from 0 on, with a label at some."""
    return alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        values=list(labels),
        labelExpr=_told(labels),
        labelAngle=0,
        labelOverlap=False,
        labelPadding=6,
    )


def edge_axis(labels: Mapping[float, str]) -> alt.Axis:
    """Of places between bars, each with its label where there is room."""
    return alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        grid=False,
        values=list(labels),
        labelExpr=_told(labels),
        labelOverlap="parity",
        labelSeparation=SEPARATION_PX,
        labelFlush=False,
        labelPadding=6,
    )


def amount_axis() -> alt.Axis:
    """Of amounts: few, faint lines."""
    return _value_axis()


def count_axis(highest: int) -> alt.Axis:
    """Of things that are not halved: Vega's tickMinStep does not keep it from 0.5."""
    return _value_axis(**({"values": list(range(highest + 1))} if highest < TICKS else {}))


def base_line() -> alt.Chart:
    """Where nothing is."""
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
        minExtent=AXIS_PX,  # so that the charts of a column have one left edge: no label is longer
        **more,
    )


def _told(labels: Mapping[int, str] | Mapping[float, str]) -> str:
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
