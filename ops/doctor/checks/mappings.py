"""Event source mappings: enabled, polling, and with the settings of the template."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

DISABLED = Kind("mapping-disabled", "Records wait on the stream until they expire.", "projectorstopped")
NOT_POLLING = Kind("mapping-not-polling", DISABLED.why, DISABLED.runbook)
SETTINGS_DIFFER = Kind(
    "mapping-settings-differ",
    "With other settings, events may be lost, blocked or published out of order.",
    DISABLED.runbook,
)
RUNBOOK = {"ProjectorMapping": "projectorstopped", "AccountsByOwnerMapping": "accountsbyownerstopped"}
OPTIONS = {
    "BatchSize": "--batch-size",
    "BisectBatchOnFunctionError": "--bisect-batch-on-function-error",
    "FunctionResponseTypes": "--function-response-types",
    "MaximumBatchingWindowInSeconds": "--maximum-batching-window-in-seconds",
    "MaximumRecordAgeInSeconds": "--maximum-record-age-in-seconds",
    "MaximumRetryAttempts": "--maximum-retry-attempts",
    "ParallelizationFactor": "--parallelization-factor",
}
"""Settings with the same name and form in the template and in the API, and the options that change them."""
DEFAULTS = {"MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False}
"""Lambda API reference, CreateEventSourceMapping."""
SILENT, SILENT_LOCALLY = timedelta(minutes=10), timedelta(seconds=15)


def check(view: StackView) -> Iterator[Finding]:
    """Checks each mapping of the template."""
    for name in view.of_type("AWS::Lambda::EventSourceMapping"):
        uuid, runbook = view.physical_ids[name], RUNBOOK[name]
        deployed = view.client("lambda").get_event_source_mapping(UUID=uuid)
        if not view.is_local and deployed["State"] in {"Disabled", "Disabling"}:
            repair = f"aws lambda update-event-source-mapping --uuid {uuid} --enabled"
            yield DISABLED.at(name, f"{name} is disabled.", repair, runbook=runbook)
        elif not _polls(view, uuid):
            repair = "make up" if view.is_local else f"aws lambda get-event-source-mapping --uuid {uuid}"
            yield NOT_POLLING.at(name, f"{name} has not polled its stream lately.", repair, runbook=runbook)
        for what, option in _differences(view.properties(name), deployed):
            repair = f"aws lambda update-event-source-mapping --uuid {uuid} {option}" if option else "sam deploy"
            yield SETTINGS_DIFFER.at(name, f"{name} has {what}.", repair, runbook=runbook)


def _polls(view: StackView, uuid: str) -> bool:
    """Whether the mapping has reported a poll lately; an empty poll counts."""
    dimensions = [{"Name": "EventSourceMappingUUID", "Value": uuid}]
    return view.has_metric("AWS/Lambda", "PolledEventCount", dimensions, SILENT_LOCALLY if view.is_local else SILENT)


def _differences(expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each setting that differs, in words, and the option that corrects it; empty if no option can."""
    for setting in ("StartingPosition", *OPTIONS):
        found = deployed.get(setting, DEFAULTS.get(setting))
        if setting in expected and found != expected[setting]:
            yield f"{setting} {found}; the template has {expected[setting]}", _option(setting, expected[setting])
    patterns = [
        [each["Pattern"] for each in config.get("FilterCriteria", {}).get("Filters", ())]
        for config in (deployed, expected)
    ]
    if patterns[0] != patterns[1]:
        yield f"the filter {patterns[0]}; the template has {patterns[1]}", ""
    destination = expected["DestinationConfig"]
    found = deployed.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if found != destination["OnFailure"]["Destination"]:
        yield f"the failure destination {found}", f"--destination-config '{json.dumps(destination)}'"


def _option(setting: str, value: object) -> str:
    option = OPTIONS.get(setting, "")
    if isinstance(value, bool):
        return option if value else option.replace("--", "--no-", 1)
    return f"{option} {' '.join(value) if isinstance(value, list) else value}" if option else ""
