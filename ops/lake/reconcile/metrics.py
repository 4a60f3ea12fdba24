"""The metrics of a reconciliation, which the alarms ReconciliationMissing and ReconciliationFinds read. Pure."""

from datetime import datetime
from typing import Any

from ops.lake.reconcile.result import ReconciliationResult

NAMESPACE = "AccountEvents"
SERVICE = "reconciliation"


def metric_data(result: ReconciliationResult, stack_name: str, now: datetime) -> list[dict[str, Any]]:
    """The data points of one reconciliation, for PutMetricData.

    `ReconciliationRuns` is 1. `ReconciliationFindings` is the number of differences. `ReconciliationAge` is the age, in
    seconds, of the newest event that this run compared.
    """
    values = (
        ("ReconciliationRuns", "Count", 1.0),
        ("ReconciliationFindings", "Count", float(result.differences)),
        ("ReconciliationAge", "Seconds", max(0.0, (now - result.through).total_seconds())),
    )
    dimensions = [{"Name": "Stack", "Value": stack_name}, {"Name": "service", "Value": SERVICE}]
    return [
        {"MetricName": name, "Unit": unit, "Value": value, "Dimensions": dimensions} for name, unit, value in values
    ]
