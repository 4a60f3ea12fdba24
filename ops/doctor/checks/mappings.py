"""Event source mappings: enabled, polling, and with the settings of the template."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

SETTINGS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
)
"""Settings with the same name and form in the template and in the API."""
OPTIONS = {
    "BatchSize": "--batch-size",
    "BisectBatchOnFunctionError": "--bisect-batch-on-function-error",
    "FunctionResponseTypes": "--function-response-types",
    "MaximumBatchingWindowInSeconds": "--maximum-batching-window-in-seconds",
    "MaximumRecordAgeInSeconds": "--maximum-record-age-in-seconds",
    "MaximumRetryAttempts": "--maximum-retry-attempts",
    "ParallelizationFactor": "--parallelization-factor",
}
DEFAULTS = {"MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False}
"""Lambda API reference, CreateEventSourceMapping."""
SILENT_S, SILENT_LOCALLY_S = 600, 15
CONSEQUENCE = {
    "ProjectorMapping": "No events are published, and rows expire from the table's stream after 24 hours.",
    "AccountsByOwnerMapping": "The lists of accounts by owner are not updated.",
}
RUNBOOK = {"ProjectorMapping": "projectorstopped", "AccountsByOwnerMapping": "accountsbyownerstopped"}
ORDER_MATTERS = "With other settings, events may be lost, blocked or published out of order."


def check(view: StackView) -> Iterator[Finding]:
    """Checks each mapping of the template."""
    for name in view.of_type("AWS::Lambda::EventSourceMapping"):
        uuid = view.physical_ids[name]
        deployed = view.client("lambda").get_event_source_mapping(UUID=uuid)
        if not view.is_local and deployed["State"] in {"Disabled", "Disabling"}:
            yield Finding(
                *("mapping-disabled", name, f"The event source mapping {name} is disabled.", CONSEQUENCE[name]),
                *(f"aws lambda update-event-source-mapping --uuid {uuid} --enabled", RUNBOOK[name]),
            )
        elif not _polls(view, uuid):
            yield Finding(
                *("mapping-not-polling", name, f"The event source mapping {name} has not polled its stream lately."),
                *(CONSEQUENCE[name], _repair(view, uuid), RUNBOOK[name]),
            )
        yield from _settings(name, uuid, view.properties(name), deployed)


def _polls(view: StackView, uuid: str) -> bool:
    """Whether the mapping has reported a poll lately; an empty poll counts."""
    silent = timedelta(seconds=SILENT_LOCALLY_S if view.is_local else SILENT_S)
    found = view.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="PolledEventCount",
        Dimensions=[{"Name": "EventSourceMappingUUID", "Value": uuid}],
        StartTime=view.now - silent,
        EndTime=view.now + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount"],
    )
    return bool(found["Datapoints"])


def _repair(view: StackView, uuid: str) -> str:
    if view.is_local:
        return "make up"
    return f"aws lambda get-event-source-mapping --uuid {uuid}"


def _settings(name: str, uuid: str, expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> Iterator[Finding]:
    wrong = {
        setting: expected[setting]
        for setting in SETTINGS
        if setting in expected and deployed.get(setting, DEFAULTS.get(setting)) != expected[setting]
    }
    for setting, value in wrong.items():
        found = deployed.get(setting, DEFAULTS.get(setting))
        change = _change(setting, value)
        yield Finding(
            *("mapping-settings-differ", name, f"{name} has {setting} {found}; the template has {value}."),
            *(
                ORDER_MATTERS,
                f"aws lambda update-event-source-mapping --uuid {uuid} {change}" if change else "sam deploy",
            ),
            RUNBOOK[name],
        )
    filters = [each["Pattern"] for each in deployed.get("FilterCriteria", {}).get("Filters", ())]
    if filters != [each["Pattern"] for each in expected.get("FilterCriteria", {}).get("Filters", ())]:
        yield Finding(
            *("mapping-settings-differ", name, f"{name} has another filter than the template: {filters}."),
            *("A filter drops records silently.", "sam deploy", RUNBOOK[name]),
        )
    destination = deployed.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination != expected["DestinationConfig"]["OnFailure"]["Destination"]:
        intact = json.dumps(expected["DestinationConfig"])
        yield Finding(
            *("mapping-settings-differ", name, f"{name} keeps discarded records at {destination}."),
            "Records that Lambda gives up are not in the stack's failure bucket, so `release --failures` misses them.",
            f"aws lambda update-event-source-mapping --uuid {uuid} --destination-config '{intact}'",
            RUNBOOK[name],
        )


def _change(setting: str, value: object) -> str:
    """The option that sets a value; empty if the API cannot change it."""
    option = OPTIONS.get(setting, "")
    if isinstance(value, bool):
        return option if value else option.replace("--", "--no-", 1)
    return f"{option} {' '.join(value) if isinstance(value, list) else value}" if option else ""
