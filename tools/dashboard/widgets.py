"""The parts of a dashboard, without positions. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Alarm:
    """An alarm of the template.

    Attributes:
        name: its logical id.
        threshold: its threshold; None for a composite alarm.
        notifies: whether it has actions. The inputs of a composite alarm have none.
    """

    name: str
    threshold: float | None
    notifies: bool


@dataclass(frozen=True)
class Series:
    """A line of a graph: one metric with one statistic.

    Attributes:
        namespace: of the metric.
        name: of the metric.
        dimensions: names and values, in turn.
        label: in the graph's legend.
        stat: the statistic.
        id: by which an expression names it. A series with an id is not drawn itself.
        on_right: whether the right axis applies.
    """

    namespace: str
    name: str
    dimensions: tuple[str, ...]
    label: str = ""
    stat: str = "Sum"
    id: str = ""
    on_right: bool = False


@dataclass(frozen=True)
class Math:
    """A line of a graph: an expression of metric math."""

    id: str
    label: str
    expression: str


@dataclass(frozen=True)
class Graph:
    """A graph over time.

    Attributes:
        title: of the widget.
        unit: the left axis' label.
        lines: the graph's lines and the metrics of its expressions.
        alarms: alarms whose thresholds are drawn.
        period_s: the length of a period; that of the alarms on these metrics, so that thresholds and values compare.
        right_unit: the right axis' label, if a line uses it. Then the thresholds apply to it, too.
        stacked: whether the lines add up.
        start: the start of the graph's own time range, relative to now; by default, the dashboard's range applies.
    """

    title: str
    unit: str
    lines: Sequence[Series | Math]
    alarms: tuple[str, ...] = ()
    period_s: int = 60
    right_unit: str = ""
    stacked: bool = False
    start: str = ""


@dataclass(frozen=True)
class LogTable:
    """A table of a query on a log group."""

    title: str
    query: str


@dataclass(frozen=True)
class Stage:
    """A stage of the path: a heading and rows of widgets, which share the width."""

    heading: str
    rows: tuple[tuple[Graph | LogTable, ...], ...]
