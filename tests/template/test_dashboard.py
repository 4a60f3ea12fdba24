"""The dashboard: CloudWatch accepts its body, and it shows each alarm and the path of an event."""

import json
import re
from io import StringIO
from itertools import combinations
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from account_core.api.access_log import AccessLog
from account_core.api.routes import ROUTES
from ops.lake.reconcile.grace import BUFFER_FACTOR
from tests.support.api import Api
from tests.support.template_dashboard import (
    BODY,
    DASHBOARD,
    GRAPHS,
    Widget,
    expressions_of_graph,
    metrics_of_graph,
    options_of_graph,
    widget_metrics,
    widgets,
)
from tests.support.template_metrics import (
    ALARMS,
    COMPOSITES,
    MetricRead,
    all_metrics,
    expressions_of,
    ids_in,
    inputs_of,
    metrics_of,
)
from tests.support.template_stack import Stack

COLUMNS = 24
BODY_KEYS = {"start", "periodOverride", "widgets"}
WIDGET_KEYS = {"type", "x", "y", "width", "height", "properties"}
PROPERTIES = {
    "alarm": {"title", "alarms", "sortBy"},
    "log": {"title", "view", "region", "query"},
    "metric": {"title", "view", "stacked", "region", "period", "start", "yAxis", "annotations", "metrics"},
    "text": {"markdown"},
}
OPTIONAL = {"annotations", "start"}
METRIC_OPTIONS = {"stat", "label", "id", "visible", "yAxis"}
"""The keys that we use, of those in the CloudWatch API reference, Dashboard Body Structure and Syntax."""
WIDGETS_MAX, GRAPH_METRICS_MAX, DASHBOARD_METRICS_MAX = 500, 500, 2_500
"""CloudWatch user guide, CloudWatch service quotas. Metrics that only expressions use count, too."""
ALARMS_MAX = 100
"""Of one alarm widget (CloudWatch API reference, Dashboard Body Structure and Syntax)."""
NOT_DRAWN = {
    "BackupMissing": "it evaluates 30 hours; most hours have no backup",
    "LakeIsBehind": "its threshold depends on a parameter, so an expression draws it",
    "LakeReadsNothing": "it evaluates half an hour; one period without reads is not a fault",
    "NoEventsArrive": "it evaluates half an hour; one period without events is not a fault",
    "LakeTotalsMissing": "it evaluates three hours; one hour without a run is not a fault",
    "ReconciliationMissing": "it evaluates 26 hours; most hours have no reconciliation",
}
"""Alarms whose threshold, other than zero, would mislead as a line."""


def test_the_body_is_json_after_the_substitution() -> None:
    """With the longest name, too, and for a stack whose parameters differ from the defaults."""
    for stack in (Stack("some-stack"), Stack("A" + "b" * 127, {"LakeBufferSeconds": "900"})):
        body = stack.properties("Dashboard")["DashboardBody"]
        assert len(json.loads(body)["widgets"]) == len(BODY["widgets"])
        assert "${" not in body


def test_the_dashboard_is_deployed_on_aws_under_a_global_name() -> None:
    """Dashboards are global, not regional (CloudWatch API reference, PutDashboard)."""
    assert DASHBOARD["Condition"] == "OnAws"
    assert DASHBOARD["Properties"]["DashboardName"] == {"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}


def test_the_body_is_below_the_limits_of_cloudwatch() -> None:
    sizes = [len(graph["metrics"]) for graph in GRAPHS.values()]
    assert 0 < len(BODY["widgets"]) <= WIDGETS_MAX
    assert max(sizes) <= GRAPH_METRICS_MAX
    assert sum(sizes) <= DASHBOARD_METRICS_MAX
    assert all(1 <= len(widget["properties"]["alarms"]) <= ALARMS_MAX for widget in widgets("alarm"))


@pytest.mark.parametrize("widget", BODY["widgets"], ids=lambda each: f"{each['type']}-{each['x']}-{each['y']}")
def test_a_widget_has_the_documented_structure(widget: Widget) -> None:
    assert BODY.keys() == BODY_KEYS
    assert widget.keys() == WIDGET_KEYS
    known = PROPERTIES[widget["type"]]
    assert known - OPTIONAL <= widget["properties"].keys() <= known
    assert widget["properties"].get("region", "${AWS::Region}") == "${AWS::Region}"


@pytest.mark.parametrize("title", GRAPHS)
def test_a_graph_has_the_documented_structure(title: str) -> None:
    graph = GRAPHS[title]
    assert graph["view"] == "timeSeries"
    assert graph["stacked"] in (True, False)
    # A start without an end is relative to now.
    assert re.fullmatch(r"-P\d+D", graph.get("start", "-P1D"))
    assert all(options.keys() <= METRIC_OPTIONS | {"expression"} for options in options_of_graph(title))
    for metric in graph["metrics"]:
        assert len(metric) == 1 or (len(metric) % 2 == 1 and all(isinstance(each, str) for each in metric[:-1]))
    drawn = [options for options in options_of_graph(title) if options.get("visible", True)]
    labels = [options["label"] for options in drawn]
    assert all(labels), "a line without a label has CloudWatch's name of the metric"
    assert len(set(labels)) == len(labels)
    axes = {options.get("yAxis", "left") for options in drawn}
    assert graph["yAxis"].keys() == axes, "each axis that a line uses, and no other, has its unit"
    for axis in graph["yAxis"].values():
        assert axis.keys() == {"label", "min", "showUnits"}
        assert axis["label"]


def test_titles_are_unique() -> None:
    titles = [each["properties"]["title"] for each in BODY["widgets"] if "title" in each["properties"]]
    assert len(set(titles)) == len(titles) == len(BODY["widgets"]) - len(widgets("text"))


def test_widgets_stay_on_the_grid_and_do_not_overlap() -> None:
    def cells(widget: Widget) -> set[tuple[int, int]]:
        columns, rows = (
            range(widget[start], widget[start] + widget[size]) for start, size in (("x", "width"), ("y", "height"))
        )
        return {(x, y) for x in columns for y in rows}

    for widget in BODY["widgets"]:
        assert min(widget["x"], widget["y"]) >= 0
        assert min(widget["width"], widget["height"]) >= 1
        assert widget["x"] + widget["width"] <= COLUMNS
    for one, other in combinations(BODY["widgets"], 2):
        assert not cells(one) & cells(other), (one["properties"], other["properties"])


def test_headings_name_the_stages_in_the_order_of_the_path() -> None:
    introduction, *headings = [widget["properties"]["markdown"] for widget in widgets("text")]
    assert introduction.startswith("# ")
    assert "docs/runbook.md" in introduction
    assert [re.match(r"## (\d)\. ", heading)[1] for heading in headings] == ["1", "2", "3", "4", "5", "6", "7"]  # type: ignore[index]
    positions = [widget["y"] for widget in widgets("text")]
    assert positions == sorted(positions)


def test_every_alarm_is_in_an_alarm_widget() -> None:
    """The inputs of a composite alarm have their own widget, because they may be in ALARM without a fault."""
    inputs = {alarm for composite in COMPOSITES for alarm in inputs_of(composite)}
    shown = [widget["properties"]["alarms"] for widget in widgets("alarm")]
    assert [sorted(alarms) for alarms in shown] == [
        sorted(f"${{{alarm}.Arn}}" for alarm in (ALARMS.keys() | COMPOSITES.keys()) - inputs),
        sorted(f"${{{alarm}.Arn}}" for alarm in inputs),
    ]
    assert {widget["properties"]["sortBy"] for widget in widgets("alarm")} == {"stateUpdatedTimestamp"}


def test_every_metric_of_an_alarm_is_shown() -> None:
    def identity(metric: MetricRead) -> tuple[str, str, str]:
        return str(metric.namespace), metric.name, json.dumps(metric.dimensions, sort_keys=True)

    assert {identity(each) for each in all_metrics()} <= {identity(each) for each in widget_metrics()}


def annotations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (title, line) for title, graph in GRAPHS.items() for line in graph.get("annotations", {}).get("horizontal", ())
    ]


@pytest.mark.parametrize(("title", "line"), annotations())
def test_a_line_at_a_threshold_compares_with_the_alarms_metric(title: str, line: dict[str, Any]) -> None:
    """The statistic and the period must be the alarm's, too, and the axis that of the metric."""
    assert line["value"] == ALARMS[line["label"]]["Properties"]["Threshold"]
    [alarm] = metrics_of(line["label"])
    [options] = [
        options
        for metric, options in zip(metrics_of_graph(title), options_of_graph(title), strict=True)
        if (metric.namespace, metric.name, metric.dimensions, metric.statistic, metric.period_s)
        == (alarm.namespace, alarm.name, alarm.dimensions, alarm.statistic, alarm.period_s)
    ]
    assert line.keys() <= {"label", "value", "yAxis"}
    assert line.get("yAxis", "left") == options.get("yAxis", "left")


def test_every_threshold_but_zero_is_drawn_or_has_a_reason() -> None:
    thresholds = {name for name, alarm in ALARMS.items() if alarm["Properties"]["Threshold"] != 0}
    drawn = [line["label"] for _, line in annotations()]
    assert sorted([*drawn, *NOT_DRAWN]) == sorted(thresholds)


def test_the_limit_of_the_lakes_age_is_the_alarms() -> None:
    """The alarm subtracts the buffer's time from the age; the graph adds it to the threshold."""
    [title] = [each.reader for each in widget_metrics() if each.name == "DeliveryToS3.DataFreshness"]
    [limit] = expressions_of_graph(title)
    threshold = ALARMS["LakeIsBehind"]["Properties"]["Threshold"]
    assert limit["label"] == "LakeIsBehind"
    assert limit["expression"] == f"TIME_SERIES({BUFFER_FACTOR} * ${{LakeBufferSeconds}} + {threshold})"


@pytest.mark.parametrize("title", [title for title in GRAPHS if expressions_of_graph(title)])
def test_expressions_use_each_hidden_metric_of_their_graph(title: str) -> None:
    ids = [options["id"] for options in options_of_graph(title) if "id" in options]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", each) for each in ids)
    hidden = {options["id"] for options in options_of_graph(title) if not options.get("visible", True)}
    used = [ids_in(re.sub(r"\$\{\w+\}", "1", each["expression"])) for each in expressions_of_graph(title)]
    assert set().union(*used) == hidden


@pytest.mark.parametrize("alarm", ["LedgerThrottled", "LedgerFails", "ParkedAccountsThrottled", "ReadModelThrottled"])
def test_the_graph_of_the_tables_computes_what_the_alarm_does(alarm: str) -> None:
    """The same metrics under the same ids, in the same expression."""
    title = next(each.reader for each in widget_metrics() if each.name == "ReadThrottleEvents")
    assert expressions_of(alarm)[0] in [each["expression"] for each in expressions_of_graph(title)]


def test_the_cost_of_every_command_and_read_is_shown() -> None:
    operations = {operation for methods in ROUTES.values() for operation in methods.values()}
    commands = {operation for methods in ROUTES.values() for method, operation in methods.items() if method == "POST"}
    shown = {
        name: {each.dimensions["operation"] for each in widget_metrics() if each.name == name}
        for name in ("WriteUnits", "ReadUnits", "Conflicts")
    }
    assert shown == {"WriteUnits": commands, "ReadUnits": operations, "Conflicts": commands}


def test_the_table_of_problems_reads_fields_of_the_apis_log() -> None:
    [table] = widgets("log")
    query = table["properties"]["query"]
    assert query == (
        "SOURCE '${ApiFunctionLogs}' | filter message = 'request' and status >= 400 "
        "| stats count(*) as requests by status, code, operation | sort requests desc | limit 20"
    )
    output = StringIO()
    metrics = Metrics(namespace="Test", service="test")
    metrics.flush_metrics = lambda *_: metrics.clear_metrics()  # type: ignore[method-assign]  # print nothing
    api = Api(log=AccessLog(Logger(service="problems", stream=output), metrics))
    assert api("GET", "/accounts/unknown")[0] == 404
    line = json.loads(output.getvalue())
    assert (line["message"], line["status"]) == ("request", 404)
    assert (line["code"], line["operation"]) == ("account_not_found", "read_account")
