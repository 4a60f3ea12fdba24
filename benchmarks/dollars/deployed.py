"""What template.yaml deploys for monitoring, and the gateway's access log."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from account_core.api.routes import ROUTES
from benchmarks.dollars.functions import EMF, Call
from benchmarks.dollars.hops import Monitoring

TOTALS_METRICS = 2
"""Of the function that refreshes the totals, which runs once an hour."""
RECONCILIATION_METRICS = 3
"""Of the nightly job (ops/lake/reconcile/metrics.py)."""
CONTEXT = {
    "$context.requestId": "TgiC1CJgIHPyj54=",
    "$context.requestTime": "30/Nov/2026:18:56:24 +0000",
    "$context.httpMethod": "POST",
    "$context.status": "200",
    "$context.responseLatency": "16",
    "$context.error.message": "-",
}
"""Values of the access log's fields, as long as API Gateway's."""


def monitoring(template: Any, calls: Mapping[str, Sequence[Call]]) -> Monitoring:  # noqa: ANN401 -- the template
    resources = list(template["Resources"].values())
    kinds = [resource["Type"] for resource in resources]
    emitted = {name: _metric_names(name_calls) for name, name_calls in calls.items()}
    operations = sum(len(methods) for methods in ROUTES.values())
    filters = kinds.count("AWS::Logs::MetricFilter")
    return Monitoring(
        metrics=len(emitted.pop("api")) * operations
        + sum(map(len, emitted.values()))
        + filters
        + TOTALS_METRICS
        + RECONCILIATION_METRICS,
        alarm_metrics=sum(
            sum("MetricStat" in query for query in resource["Properties"].get("Metrics", [])) or 1
            for resource in resources
            if resource["Type"] == "AWS::CloudWatch::Alarm"
        ),
        composite_alarms=kinds.count("AWS::CloudWatch::CompositeAlarm"),
        dashboards=kinds.count("AWS::CloudWatch::Dashboard"),
    )


def _metric_names(calls: Sequence[Call]) -> set[str]:
    lines = [json.loads(line) for call in calls for line in call.lines.splitlines() if EMF in line]
    return {
        metric["Name"] for line in lines for group in line["_aws"]["CloudWatchMetrics"] for metric in group["Metrics"]
    }


def access_log_bytes(template: Any) -> int:  # noqa: ANN401 -- the template
    """The line of a typical request in the gateway's access log."""
    line: str = template["Resources"]["HttpApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    for name, value in CONTEXT.items():
        line = line.replace(name, value)
    return len(line.encode())
