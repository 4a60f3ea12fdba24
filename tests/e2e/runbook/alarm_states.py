"""The states of template.yaml's alarms, computed from what the local stack emits.

The alarms exist only on AWS. Here each is evaluated once, over the time since the scenario's last step instead of its
periods: its statistic, over the data that the functions' logs (embedded metric format) and the emulator's CloudWatch
have since then.
"""

import ast
import json
import operator
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.doctor.stack_view import StackView
from tests.support.template_metrics import COMPOSITES, inputs_of
from tests.support.template_stack import RESOURCES

LOGS = "AWS::Logs::LogGroup"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


@dataclass(frozen=True)
class AlarmState:
    """`is_alarm` is None if the alarm ignores missing data and there is none, so that its state does not change."""

    is_alarm: bool | None
    reason: str


@dataclass(frozen=True)
class Metric:
    """A metric with the names of the deployed stack."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str

    @classmethod
    def of(cls, metric: Mapping[str, Any], statistic: str) -> "Metric":
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
        return cls(metric["Namespace"], metric["MetricName"], dimensions, statistic)


@dataclass(frozen=True)
class AlarmStates:
    """Evaluates alarms of a stack."""

    view: StackView

    def metrics(self, alarm: str) -> dict[str, Metric]:
        """The metrics that an alarm reads, by their ids in its expression; a plain alarm's has the id `m`."""
        properties = self.view.properties(alarm)
        if "Metrics" not in properties:
            return {"m": Metric.of(properties, properties.get("Statistic") or properties["ExtendedStatistic"])}
        stats = [(each["Id"], each["MetricStat"]) for each in properties["Metrics"] if "MetricStat" in each]
        return {name: Metric.of(each["Metric"], each["Stat"]) for name, each in stats}

    def put(self, metric: Metric, *values: float) -> None:
        """Put data of a metric into the emulator's CloudWatch, as an AWS service would."""
        dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
        self.view.client("cloudwatch").put_metric_data(
            Namespace=metric.namespace,
            MetricData=[{"MetricName": metric.name, "Dimensions": dimensions, "Value": value} for value in values],
        )

    def state(self, alarm: str, since_s: float) -> AlarmState:
        """The alarm's state, given the data since this time."""
        if alarm in COMPOSITES:
            states = {name: self.state(name, since_s) for name in sorted(inputs_of(alarm))}
            reason = "; ".join(f"{name}: {state.reason}" for name, state in states.items())
            return AlarmState(all(state.is_alarm for state in states.values()), reason)
        properties = self.view.properties(alarm)
        values = {name: self._value(metric, since_s) for name, metric in self.metrics(alarm).items()}
        expressions = [each["Expression"] for each in properties.get("Metrics", ()) if "Expression" in each]
        return evaluated(computed(expressions[0] if expressions else "m", values), properties)

    def _value(self, metric: Metric, since_s: float) -> float | None:
        """The metric's statistic since this time; None without data."""
        emitted = list(self._emitted(metric, since_s))
        stored = self._stored(metric, since_s)
        if not emitted or metric.statistic not in {"Sum", "Maximum"}:
            return stored
        value = sum(emitted) if metric.statistic == "Sum" else max(emitted)
        if stored is None:
            return value
        return value + stored if metric.statistic == "Sum" else max(value, stored)

    def _stored(self, metric: Metric, since_s: float) -> float | None:
        is_percentile = metric.statistic.startswith("p")
        found = self.view.client("cloudwatch").get_metric_statistics(
            Namespace=metric.namespace,
            MetricName=metric.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
            StartTime=since_s,
            EndTime=time.time() + 60,
            Period=86_400,
            **{"ExtendedStatistics" if is_percentile else "Statistics": [metric.statistic]},
        )["Datapoints"]
        values = [each["ExtendedStatistics"] if is_percentile else each for each in found]
        return max((float(each[metric.statistic]) for each in values), default=None)

    def _emitted(self, metric: Metric, since_s: float) -> Iterator[float]:
        """The values that functions have emitted in their logs."""
        if not metric.namespace.startswith("AccountEvents"):
            return
        logs = self.view.deployment.client("logs")
        for group in self.view.of_type(LOGS):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=self.view.physical_ids[group], startTime=int(since_s * 1_000), filterPattern='"_aws"'
            )
            for event in (event for page in pages for event in page["events"]):
                yield from values_in(metric, json.loads(event["message"]))


def values_in(metric: Metric, line: Mapping[str, Any]) -> Iterator[float]:
    """The metric's values in a line of the embedded metric format."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        names = {each["Name"] for each in directive["Metrics"]}
        if directive["Namespace"] != metric.namespace or metric.name not in names:
            continue
        if any({name: line[name] for name in names} == metric.dimensions for names in directive["Dimensions"]):
            value = line[metric.name]
            yield from map(float, value if isinstance(value, list) else [value])


def evaluated(value: float | None, alarm: Mapping[str, Any]) -> AlarmState:
    """The state of an alarm with these properties, given its only data point; None if it is missing."""
    if value is None:
        missing = alarm["TreatMissingData"]
        return AlarmState(None if missing == "ignore" else missing == "breaching", "no data points")
    comparison, threshold = alarm["ComparisonOperator"], float(alarm["Threshold"])
    is_alarm = COMPARISONS[comparison](value, threshold)
    return AlarmState(is_alarm, f"the data point {value:g} compared with {comparison} {threshold:g}")


def computed(expression: str, values: Mapping[str, float | None]) -> float | None:
    """Metric math with numbers, the metrics' ids, FILL and arithmetic; None if a value is missing."""

    def compute(node: ast.expr) -> float | None:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return values[name]
            case ast.Call(func=ast.Name(id="FILL"), args=[of, filling]):
                found = compute(of)
                return compute(filling) if found is None else found
            case ast.BinOp(left=left, op=op, right=right):
                first, second = compute(left), compute(right)
                return None if first is None or second is None else ARITHMETIC[type(op)](first, second)
        raise ValueError(ast.unparse(node))

    return compute(ast.parse(expression, mode="eval").body)


def made_up_name(stack: str, logical_id: str) -> str:
    """A physical name, as CloudFormation makes them."""
    return f"{stack}-{logical_id}-1A2B3C"


def is_on_aws_only(logical_id: str) -> bool:
    """Whether the template leaves this resource out of the local stack."""
    return bool(RESOURCES.get(logical_id, {}).get("Condition") == "OnAws")
