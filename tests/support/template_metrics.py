"""The metrics that the alarms of template.yaml read."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.template_stack import RESOURCES, of_type

ALARMS = of_type("AWS::CloudWatch::Alarm")
COMPOSITES = of_type("AWS::CloudWatch::CompositeAlarm")


@dataclass(frozen=True)
class MetricRead:
    """A metric with one statistic. The values of the dimensions are the template's, which may be functions."""

    reader: str
    namespace: Any
    name: str
    dimensions: Mapping[str, Any]
    statistic: str
    period_s: int


def metrics_of(alarm: str) -> list[MetricRead]:
    """The metrics that an alarm reads: one, or those of its metric math."""
    properties = ALARMS[alarm]["Properties"]
    if "Metrics" not in properties:
        statistic = properties.get("Statistic") or properties["ExtendedStatistic"]
        return [_read(alarm, properties, statistic, properties["Period"])]
    stats = [each["MetricStat"] for each in properties["Metrics"] if "MetricStat" in each]
    return [_read(alarm, each["Metric"], each["Stat"], each["Period"]) for each in stats]


def expressions_of(alarm: str) -> list[str]:
    """The expressions of an alarm's metric math; parameters of the template in it are replaced by 1."""
    found = [each["Expression"] for each in ALARMS[alarm]["Properties"].get("Metrics", ()) if "Expression" in each]
    return [re.sub(r"\$\{\w+\}", "1", each["Fn::Sub"] if isinstance(each, dict) else each) for each in found]


def ids_in(expression: str) -> set[str]:
    """The ids of the metrics in an expression. Only arithmetic, FILL with a number and TIME_SERIES are expected."""
    tree = ast.parse(expression, mode="eval")
    functions = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}  # type: ignore[attr-defined]
    assert functions <= {"FILL", "TIME_SERIES"}, functions
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - functions


def inputs_of(composite: str) -> set[str]:
    """The alarms in a composite alarm's rule, which are joined by AND."""
    rule = COMPOSITES[composite]["Properties"]["AlarmRule"]["Fn::Sub"]
    found = [re.fullmatch(r'ALARM\("\$\{(\w+)\}"\)', part) for part in rule.split(" AND ")]
    assert all(found), rule
    return {each[1] for each in found if each}


def all_metrics() -> Iterator[MetricRead]:
    """The metrics of all alarms."""
    for alarm in ALARMS:
        yield from metrics_of(alarm)


def type_of(value: Any) -> str | None:  # noqa: ANN401 -- any value of the template
    """The type of the resource that this value names; None if it names none. A `!Ref` of a queue is its URL."""
    match value:
        case {"Ref": name} if RESOURCES.get(name, {}).get("Type") != "AWS::SQS::Queue":
            kind: str | None = RESOURCES.get(name, {}).get("Type")
            return kind
        case {"Fn::GetAtt": [name, "QueueName"]}:
            return str(RESOURCES[name]["Type"])
    return None


def _read(reader: str, metric: Mapping[str, Any], statistic: str, period_s: int) -> MetricRead:
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
    return MetricRead(reader, metric["Namespace"], metric["MetricName"], dimensions, statistic, period_s)
