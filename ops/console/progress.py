"""How the parts behind the ledger and the stream get on, on AWS: from `doctor`'s checks and CloudWatch."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ops.console.hops import Hop, Name
from ops.doctor.checks import alerting, lake, mappings
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

RECENT = timedelta(minutes=5)
MAPPINGS: Mapping[str, tuple[Name, str]] = {
    "ProjectorMapping": ("projector", "ProjectorFunctionName"),
    "AccountsByOwnerMapping": ("read model", "OwnedFunctionName"),
}
"""The logical ids of the event source mappings, with the part that each feeds and the output of its function."""
SETTINGS_DIFFER = mappings.SETTINGS_DIFFER.name
WAITS_MS = 60_000
"""Records that are older than this wait."""


def mapping_hops(view: StackView) -> Iterator[Hop]:
    """The projector and the read model."""
    found = list(mappings.check(view))
    for mapping, (name, function) in MAPPINGS.items():
        dimension = ("FunctionName", view.deployment.outputs[function])
        age_ms = maximum(view, "AWS/Lambda", "IteratorAge", dimension)
        yield _hop(name, [each for each in found if each.where == mapping and each.kind != SETTINGS_DIFFER], age_ms)


def lake_hops(view: StackView) -> Iterator[Hop]:
    """The lake."""
    dimension = ("DeliveryStreamName", view.deployment.outputs["LakeDeliveryName"])
    age_s = maximum(view, "AWS/Firehose", "DeliveryToS3.DataFreshness", dimension)
    yield _hop("lake", list(lake.delivery(view)), None if age_s is None else age_s * 1_000)


def firing(view: StackView) -> list[dict[str, str]]:
    """The alarms that are in ALARM, for the page."""
    found = [each for each in alerting.check(view) if each.kind == alerting.FIRING.name]
    return [{"name": each.where, "reason": each.what, "runbook": each.runbook} for each in found]


def maximum(view: StackView, namespace: str, metric: str, dimension: tuple[str, str]) -> float | None:
    """The newest maximum of a metric within the last minutes; None without data."""
    found = view.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dict(zip(("Name", "Value"), dimension, strict=True))],
        StartTime=view.now - RECENT,
        EndTime=view.now,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    values = [(datetime.timestamp(each["Timestamp"]), float(each["Maximum"])) for each in found if "Maximum" in each]
    return max(values)[1] if values else None


def _hop(name: Name, findings: list[Finding], age_ms: float | None) -> Hop:
    lag_ms = None if age_ms is None else round(age_ms)
    if findings:
        first = findings[0]
        return Hop(name, "stopped", first.what, lag_ms, first.repair or first.look, first.runbook)
    if name != "lake" and lag_ms is not None and lag_ms > WAITS_MS:
        return Hop(
            name, "waiting", "It is behind: the oldest record that it has read is more than a minute old.", lag_ms
        )
    return Hop(name, "working", "It reads its stream.", lag_ms)
