"""The dashboard's resource for template.yaml, with positions, alarms and thresholds. Pure.

Positions follow from the order of the widgets. The alarms and their thresholds are those of the template, so neither is
written twice.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from textwrap import indent
from typing import Any

from tools.dashboard.stages import INTRODUCTION, STAGES
from tools.dashboard.widgets import Alarm, Graph, LogTable, Math, Series, Stage

COLUMNS = 24
"""Of the dashboard's grid (CloudWatch API reference, Dashboard Body Structure and Syntax)."""
INTRODUCTION_HEIGHT, ALARMS_HEIGHT, HEADING_HEIGHT, WIDGET_HEIGHT = 2, 7, 1, 6

Widget = dict[str, Any]


def resource(template: str) -> str:
    """The AWS::CloudWatch::Dashboard for the alarms of this template. Its name is unique across Regions."""
    return (
        "  Dashboard:\n"
        "    Type: AWS::CloudWatch::Dashboard\n"
        "    Condition: OnAws\n"
        "    Properties:\n"
        "      # Dashboards are global: without the Region, two stacks of one name would share a dashboard.\n"
        "      DashboardName: !Sub ${AWS::StackName}-${AWS::Region}\n"
        f"      DashboardBody: !Sub |\n{indent(body(alarms_of(template)), ' ' * 8)}\n"
    )


def alarms_of(template: str) -> list[Alarm]:
    """The alarms of a template, from its text: tags make it more than YAML."""
    found = re.finditer(
        r"^  (\w+):\n    Type: AWS::CloudWatch::(?:Composite)?Alarm\n((?: {4}.*\n| *\n)*)", template, re.MULTILINE
    )
    return [_alarm(each[1], each[2]) for each in found]


def _alarm(name: str, text: str) -> Alarm:
    threshold = re.search(r"^      Threshold: (\S+)", text, re.MULTILINE)
    return Alarm(name, json.loads(threshold[1]) if threshold else None, "AlarmActions:" in text)


def body(alarms: Sequence[Alarm]) -> str:
    """The dashboard's body: JSON with variables of `!Sub`."""
    thresholds = {alarm.name: alarm.threshold for alarm in alarms if alarm.threshold is not None}
    rows = [
        [_text(INTRODUCTION, INTRODUCTION_HEIGHT)],
        _alarm_widgets(alarms),
        *chain.from_iterable(_stage(stage, thresholds) for stage in STAGES),
    ]
    widgets = ",\n".join(_rendered(widget) for widget in _placed(rows))
    # Without "inherit", CloudWatch would choose the periods, and values would not compare with thresholds.
    return f'{{"start": "-PT3H", "periodOverride": "inherit", "widgets": [\n{widgets}\n]}}'


def _placed(rows: Sequence[Sequence[Widget]]) -> Iterator[Widget]:
    """The widgets with their positions: each row below the previous one, from left to right."""
    y = 0
    for row in rows:
        x = 0
        for widget in row:
            width = widget.get("width", COLUMNS // len(row))
            position = {"x": x, "y": y, "width": width, "height": widget["height"]}
            yield {"type": widget["type"], **position, "properties": widget["properties"]}
            x += width
        y += max(widget["height"] for widget in row)


def _stage(stage: Stage, thresholds: Mapping[str, float]) -> list[list[Widget]]:
    rows = [
        [_log_table(each) if isinstance(each, LogTable) else _graph(each, thresholds) for each in row]
        for row in stage.rows
    ]
    return [[_text(f"## {stage.heading}", HEADING_HEIGHT)], *rows]


def _text(markdown: str, height: int) -> Widget:
    return {"type": "text", "height": height, "properties": {"markdown": markdown}}


def _alarm_widgets(alarms: Sequence[Alarm]) -> list[Widget]:
    """The alarms that notify, and those that only a composite alarm reads, which may be in ALARM without a fault."""
    widgets = [("Alarms", 18, True), ("Inputs of composite alarms: ALARM is not a fault", 6, False)]
    return [
        {
            "type": "alarm",
            "width": width,
            "height": ALARMS_HEIGHT,
            "properties": {
                "title": title,
                "sortBy": "stateUpdatedTimestamp",  # alarms in ALARM first
                "alarms": [f"${{{alarm.name}.Arn}}" for alarm in alarms if alarm.notifies is notifies],
            },
        }
        for title, width, notifies in widgets
    ]


def _log_table(table: LogTable) -> Widget:
    properties = {"title": table.title, "view": "table", "region": "${AWS::Region}", "query": table.query}
    return {"type": "log", "height": WIDGET_HEIGHT, "properties": properties}


def _graph(graph: Graph, thresholds: Mapping[str, float]) -> Widget:
    axis = "right" if graph.right_unit else "left"
    lines = [
        {"label": name, "value": thresholds[name], **({"yAxis": axis} if graph.right_unit else {})}
        for name in graph.alarms
    ]
    right = {"right": _axis(graph.right_unit)} if graph.right_unit else {}
    return {
        "type": "metric",
        "height": WIDGET_HEIGHT,
        "properties": {
            "title": graph.title,
            "view": "timeSeries",
            "stacked": graph.stacked,
            "region": "${AWS::Region}",
            "period": graph.period_s,
            **({"start": graph.start} if graph.start else {}),
            "yAxis": {"left": _axis(graph.unit)} | right,
            **({"annotations": {"horizontal": lines}} if lines else {}),
            "metrics": [_math(each) if isinstance(each, Math) else _series(each) for each in graph.lines],
        },
    }


def _axis(unit: str) -> dict[str, Any]:
    """The label states the unit, so CloudWatch's own name of it ("No unit" for expressions) is not shown."""
    return {"label": unit, "min": 0, "showUnits": False}


def _series(series: Series) -> list[Any]:
    shown = {"id": series.id, "visible": False} if series.id else {"label": series.label}
    right = {"yAxis": "right"} if series.on_right else {}
    return [series.namespace, series.name, *series.dimensions, {"stat": series.stat} | shown | right]


def _math(math: Math) -> list[Any]:
    return [{"id": math.id, "label": math.label, "expression": math.expression}]


def _rendered(widget: Widget) -> str:
    """A widget's JSON: its position in one line, then a line for each property, metric and alarm."""
    *position, (_, properties) = widget.items()
    lines = ",\n".join(f"  {json.dumps(key)}: {_property(value)}" for key, value in properties.items())
    return f'{json.dumps(dict(position))[:-1]}, "properties": {{\n{lines}\n}}}}'


def _property(value: Any) -> str:  # noqa: ANN401 -- any JSON
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"    {json.dumps(each)}" for each in value) + "\n  ]"
