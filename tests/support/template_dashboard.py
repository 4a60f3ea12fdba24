"""The dashboard of template.yaml: its widgets and the metrics that they read."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.template_metrics import MetricRead
from tests.support.template_stack import of_type

Widget = dict[str, Any]

[DASHBOARD] = of_type("AWS::CloudWatch::Dashboard").values()
BODY: dict[str, Any] = json.loads(DASHBOARD["Properties"]["DashboardBody"]["Fn::Sub"])
"""The body before the substitution. Variables occur only in strings, so it is already JSON."""


def widgets(kind: str) -> list[Widget]:
    """The widgets of a type."""
    return [widget for widget in BODY["widgets"] if widget["type"] == kind]


GRAPHS = {widget["properties"]["title"]: widget["properties"] for widget in widgets("metric")}
"""The properties of the graphs, by title."""


def metrics_of_graph(title: str) -> list[MetricRead]:
    """The metrics that a graph reads, with template functions in place of the variables of `!Sub`."""
    graph = GRAPHS[title]
    return [_read(title, each, graph["period"]) for each in graph["metrics"] if isinstance(each[0], str)]


def expressions_of_graph(title: str) -> list[dict[str, Any]]:
    """The expressions of a graph, with their options."""
    return [each[0] for each in GRAPHS[title]["metrics"] if isinstance(each[0], dict)]


def options_of_graph(title: str) -> list[dict[str, Any]]:
    """The options of each metric and expression of a graph: its id, label and so on."""
    return [each[-1] for each in GRAPHS[title]["metrics"]]


def widget_metrics() -> Iterator[MetricRead]:
    """The metrics of all graphs."""
    for title in GRAPHS:
        yield from metrics_of_graph(title)


def _read(title: str, metric: list[Any], period_s: int) -> MetricRead:
    namespace, name, *dimensions, options = metric
    values = dict(zip(dimensions[::2], map(_value, dimensions[1::2]), strict=True))
    return MetricRead(title, _value(namespace), name, values, options["stat"], period_s)


def _value(text: str) -> Any:  # noqa: ANN401 -- a value of the template
    whole = re.fullmatch(r"\$\{([\w:]+)\}", text)
    if whole:
        return {"Ref": whole[1]}
    if attribute := re.fullmatch(r"\$\{(\w+)\.(\w+)\}", text):
        return {"Fn::GetAtt": [attribute[1], attribute[2]]}
    return {"Fn::Sub": text} if "${" in text else text
