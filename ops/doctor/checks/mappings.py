"""Event source mappings: enabled, polling, and with the settings of the template."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

DISABLED = Kind("mapping-disabled", "Records wait on the stream until they expire.", "projectorstopped")
NOT_POLLING = Kind("mapping-not-polling", DISABLED.why, DISABLED.runbook)
SOURCE_DIFFERS = Kind("mapping-source-differs", "It does not receive the stack's records.", "table-stream-off")
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
FUNCTION_NAME = 6
"""The place of a function's name in its ARN, between colons."""
SILENT, SILENT_LOCALLY = timedelta(minutes=10), timedelta(seconds=15)

FAULTS = {"ProjectorMapping": "stopped-projector-mapping", "AccountsByOwnerMapping": "stopped-reader-mapping"}
"""The fault of the local stack that stops each mapping."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks each mapping of the template."""
    for name in view.of_type("AWS::Lambda::EventSourceMapping"):
        deployed = _deployed(view, name)
        if stands := _standstill(view, name, deployed):
            yield stands
        if deployed is None:
            continue
        update, runbook = _update(view, name), RUNBOOK[name]
        expected = view.properties(name)
        if deployed["EventSourceArn"] != expected["EventSourceArn"]:
            what = f"{name} reads {deployed['EventSourceArn']}, not the stack's stream {expected['EventSourceArn']}."
            yield SOURCE_DIFFERS.at(name, what, view.undo)
        for what, option in _differences(expected, deployed):
            yield SETTINGS_DIFFER.at(name, f"{name} has {what}.", f"{update} {option}", runbook=runbook)


def standstill(view: StackView, name: str) -> Finding | None:
    """The finding if a mapping, by its logical id, does not deliver records: deleted, disabled or not polling."""
    return _standstill(view, name, _deployed(view, name))


def _standstill(view: StackView, name: str, deployed: Mapping[str, Any] | None) -> Finding | None:
    if deployed is None:
        return deleted(view, name)
    if not view.is_local and deployed["State"] in {"Disabled", "Disabling"}:
        return DISABLED.at(name, f"{name} is disabled.", f"{_update(view, name)} --enabled", runbook=RUNBOOK[name])
    if not view.is_local and "EventCount" not in deployed.get("MetricsConfig", {}).get("Metrics", ()):
        return None  # without the metrics, whether it polls is unknown
    return None if _polls(view, view.physical_ids[name]) else _not_polling(view, name, deployed)


def _deployed(view: StackView, name: str) -> Mapping[str, Any] | None:
    """The mapping as Lambda describes it; None if it does not exist."""
    request = partial(view.client("lambda").get_event_source_mapping, UUID=view.physical_ids[name])
    described: Mapping[str, Any] | None = found(request)
    return described


def _update(view: StackView, name: str) -> str:
    return f"aws lambda update-event-source-mapping --uuid {view.physical_ids[name]}"


def _polls(view: StackView, uuid: str) -> bool:
    """Whether the mapping has reported a poll lately; an empty poll counts."""
    if view.is_new:
        return True
    dimensions = [{"Name": "EventSourceMappingUUID", "Value": uuid}]
    return view.has_metric("AWS/Lambda", "PolledEventCount", dimensions, SILENT_LOCALLY if view.is_local else SILENT)


def _not_polling(view: StackView, name: str, deployed: Mapping[str, Any]) -> Finding:
    what, runbook = f"{name} has not polled its stream lately.", RUNBOOK[name]
    if view.is_local:
        return NOT_POLLING.at(name, what, view.start(FAULTS[name]), runbook=runbook)
    if result := deployed.get("LastProcessingResult"):
        what += f" Its last result: {result}."
    look = f"aws lambda get-event-source-mapping --uuid {view.physical_ids[name]}"
    return NOT_POLLING.without_repair(name, what, look, runbook=runbook)


def _differences(expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each setting that differs, in words, and the option that corrects it."""
    for setting in OPTIONS:
        value = deployed.get(setting, DEFAULTS.get(setting))
        if setting in expected and value != expected[setting]:
            yield f"{setting} {value}; the template has {expected[setting]}", _option(setting, expected[setting])
    patterns = [
        [each["Pattern"] for each in config.get("FilterCriteria", {}).get("Filters", ())]
        for config in (deployed, expected)
    ]
    if patterns[0] != patterns[1]:
        criteria = expected.get("FilterCriteria", {"Filters": []})
        yield f"the filter {patterns[0]}; the template has {patterns[1]}", f"--filter-criteria {quoted(criteria)}"
    if (function := deployed["FunctionArn"].split(":")[FUNCTION_NAME]) != (own := expected["FunctionName"]):
        yield f"the function {function}; the template has {own}", f"--function-name {own}"
    if "MetricsConfig" in expected and deployed.get("MetricsConfig") != expected["MetricsConfig"]:
        metrics = deployed.get("MetricsConfig", {}).get("Metrics", [])
        yield f"the metrics {metrics}, which alarms need", f"--metrics-config {quoted(expected['MetricsConfig'])}"
    destination = expected["DestinationConfig"]
    keeps = deployed.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if keeps != destination["OnFailure"]["Destination"]:
        yield f"the failure destination {keeps}", f"--destination-config {quoted(destination)}"


def _option(setting: str, value: object) -> str:
    option = OPTIONS[setting]
    if isinstance(value, bool):
        return option if value else option.replace("--", "--no-", 1)
    return f"{option} {' '.join(value) if isinstance(value, list) else value}"
