"""The state of an alarm from the values of its metrics, as CloudWatch computes it. Pure."""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "above"),
    "LessThanThreshold": (operator.lt, "below"),
}
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
NO_DATA = "There are no data, so something has stopped"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`is_alarm` is None if the alarm ignores missing data and there is none, so that its state does not change."""

    is_alarm: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with one statistic, with the names of the deployed stack."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str

    @classmethod
    def of(cls, metric: Mapping[str, Any], statistic: str) -> "Metric":
        """The metric of an alarm's properties, or of a MetricStat."""
        dimensions = sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
        return cls(metric["Namespace"], metric["MetricName"], tuple(dimensions), statistic)


def metrics_of(properties: Mapping[str, Any]) -> dict[str, Metric]:
    """The metrics that an alarm reads, by their ids in its expression; a plain alarm's has the id `m`."""
    if "Metrics" not in properties:
        return {"m": Metric.of(properties, properties.get("Statistic") or properties["ExtendedStatistic"])}
    stats = [(each["Id"], each["MetricStat"]) for each in properties["Metrics"] if "MetricStat" in each]
    return {name: Metric.of(each["Metric"], each["Stat"]) for name, each in stats}


def evaluated(values: Mapping[str, float | None], alarm: Mapping[str, Any]) -> Evaluation:
    """The state of an alarm with these properties, given the only data point of each metric; None if it is missing."""
    expressions = [each["Expression"] for each in alarm.get("Metrics", ()) if "Expression" in each]
    value = computed(expressions[0] if expressions else "m", values)
    if value is None:
        missing = alarm["TreatMissingData"]
        return Evaluation(None if missing == "ignore" else missing == "breaching", NO_DATA)
    (is_beyond, beyond), threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    return Evaluation(is_beyond(value, threshold), f"The value is {value:g}; the alarm fires {beyond} {threshold:g}")


def combined(states: Mapping[str, Evaluation]) -> Evaluation:
    """The state of a composite alarm whose rule joins these alarms by AND."""
    reason = "; ".join(f"{name}: {state.reason}" for name, state in states.items())
    return Evaluation(all(state.is_alarm for state in states.values()), reason)


def inputs_of(rule: str) -> list[str]:
    """The alarms that a composite alarm's rule joins by AND: `ALARM("a") AND ALARM("b")`.

    Raises:
        ValueError: it is another rule.
    """
    found = [re.fullmatch(r'ALARM\("([^"]+)"\)', part) for part in rule.split(" AND ")]
    if not all(found):
        raise ValueError(f"the rule of a composite alarm is not understood: {rule}")
    return [each[1] for each in found if each]


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


def values_in(metric: Metric, line: Mapping[str, Any]) -> Iterator[float]:
    """The metric's values in a line of the embedded metric format."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        names = {each["Name"] for each in directive["Metrics"]}
        if directive["Namespace"] != metric.namespace or metric.name not in names:
            continue
        if any({name: line[name] for name in names} == dict(metric.dimensions) for names in directive["Dimensions"]):
            value = line[metric.name]
            yield from map(float, value if isinstance(value, list) else [value])


def statistic_of(name: str, values: list[float]) -> float | None:
    """A statistic of values; None without values, and for a statistic that no alarm needs of logged metrics."""
    if not values:
        return None
    return {"Sum": sum(values), "Maximum": max(values), "SampleCount": float(len(values))}.get(name)


def merged(name: str, first: float | None, second: float | None) -> float | None:
    """A statistic of two sets of values, from that of each."""
    if first is None or second is None:
        return second if first is None else first
    return first + second if name in {"Sum", "SampleCount"} else max(first, second)
