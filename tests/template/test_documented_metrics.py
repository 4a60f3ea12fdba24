"""The metrics of AWS that alarms and the dashboard read are documented, and belong to the stack's resources."""

import re

import pytest

from tests.support.template_dashboard import widget_metrics
from tests.support.template_metrics import MetricRead, all_metrics, type_of
from tests.support.template_stack import RESOURCES
from tests.template.documented_metrics import DOCUMENTED, IDENTIFIES, OPERATIONS, UNITS_S

METRICS = [each for each in (*all_metrics(), *widget_metrics()) if str(each.namespace).startswith("AWS/")]


def key(metric: MetricRead) -> tuple[str, str, frozenset[str]]:
    return metric.namespace, metric.name, frozenset(metric.dimensions)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.reader}-{metric.name}")
def test_a_metric_of_aws_is_documented(metric: MetricRead) -> None:
    documented = DOCUMENTED.get(key(metric))
    assert documented, "read its documentation, then add it to documented_metrics.py"
    statistic = "pNN" if re.fullmatch(r"p\d\d(\.\d+)?", metric.statistic) else metric.statistic
    assert statistic in documented.statistics
    assert metric.period_s in UNITS_S


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.reader}-{metric.name}")
def test_its_dimensions_identify_resources_of_the_stack(metric: MetricRead) -> None:
    for name, value in metric.dimensions.items():
        if name == "Operation":
            assert value in OPERATIONS
        elif name == "GlobalSecondaryIndexName":
            table = RESOURCES[metric.dimensions["TableName"]["Ref"]]["Properties"]
            assert value in {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
        else:
            assert type_of(value) in IDENTIFIES[name], (name, value)


def test_the_table_of_documented_metrics_has_no_unused_entry() -> None:
    """An entry that nothing reads was not verified for any use."""
    assert DOCUMENTED.keys() == {key(metric) for metric in METRICS}
    assert IDENTIFIES.keys() == {name for _, _, names in DOCUMENTED for name in names} - {
        "GlobalSecondaryIndexName",
        "Operation",
    }
    assert {metric.dimensions.get("Operation") for metric in METRICS} - {None} == OPERATIONS
