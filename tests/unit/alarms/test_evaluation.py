"""How the alarms of the template are evaluated locally."""

from typing import Any

import pytest

from local_stack.alarms.evaluation import Metric, computed, evaluated, values_in
from tests.support.template_metrics import ALARMS, expressions_of, ids_in

METRIC = Metric("AccountEvents", "Gaps", (("Stack", "s"), ("service", "a")), "Maximum")


@pytest.mark.parametrize(
    ("value", "missing", "expected"),
    [
        (1, "breaching", True),
        (0, "breaching", False),
        (None, "breaching", True),
        (None, "notBreaching", False),
        (None, "ignore", None),
    ],
)
def test_missing_data_is_treated_as_the_alarm_demands(value: float | None, missing: str, *, expected: bool) -> None:
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "TreatMissingData": missing}
    assert evaluated({"m": value}, alarm).is_alarm is expected


@pytest.mark.parametrize("value", [1, 0])
def test_a_value_at_the_threshold_is_no_alarm(value: float) -> None:
    alarm = {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "TreatMissingData": "breaching"}
    assert evaluated({"m": value}, alarm).is_alarm is (value < 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, "The value is 1.5; the alarm fires above 0"),
        (None, "There are no data, so something has stopped"),
    ],
)
def test_the_reason_of_an_alarm_is_a_sentence(value: float | None, reason: str) -> None:
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "TreatMissingData": "breaching"}
    assert evaluated({"m": value}, alarm).reason == reason


@pytest.mark.parametrize("alarm", [name for name in ALARMS if expressions_of(name)])
def test_every_expression_of_the_template_can_be_computed(alarm: str) -> None:
    [expression] = expressions_of(alarm)
    ids = sorted(ids_in(expression))
    none = computed(expression, dict.fromkeys(ids))
    assert none == (0 if "FILL" in expression else None)
    assert computed(expression, dict.fromkeys(ids, 10.0)) == (10.0 * len(ids) if "FILL" in expression else 10.0 - 1.5)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, [3.0]), ({"Gaps": [1, 2]}, [1.0, 2.0]), ({"service": "other"}, []), ({"Stack": "other"}, [])],
)
def test_metrics_in_a_log_line_are_found_by_their_dimensions(changed: dict[str, Any], expected: list[float]) -> None:
    directive = {"Namespace": "AccountEvents", "Dimensions": [["Stack", "service"]], "Metrics": [{"Name": "Gaps"}]}
    line = {"_aws": {"CloudWatchMetrics": [directive]}, "Stack": "s", "service": "a", "Gaps": 3}
    assert list(values_in(METRIC, line | changed)) == expected
