"""Functions: updated, not throttled, and with the settings of the template."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

FAILED = Kind("function-failed", "It cannot be invoked, or runs an older release.", "apifails")
THROTTLED = Kind("function-throttled", "Lambda refuses every invocation.", "apifunctionthrottled")
SETTINGS_DIFFER = Kind(
    "function-settings-differ", "It was changed outside the template: tests have not seen it like this.", "apifails"
)
ENVIRONMENT_DIFFERS = Kind(
    "function-environment-differs",
    "It works with other resources or settings than the rest of the stack.",
    "apifails",
)
RUNBOOK = {
    "AccountsByOwnerFunction": ("accountsbyownerfails", "accountsbyownerthrottled"),
    "ApiFunction": ("apifails", "apifunctionthrottled"),
    "LakeTotalsFunction": ("laketotalsfails", "laketotalsthrottled"),
    "LakeTransformFunction": ("laketransformfails", "laketransformthrottled"),
    "ProjectorFunction": ("projectorfails", "projectorthrottled"),
}
OPTIONS = {"Handler": "--handler", "MemorySize": "--memory-size", "Timeout": "--timeout"}
SET_BY_LAMBDA = {"AWS_ENDPOINT_URL"}
"""Variables that the emulator adds."""
CHECKED_ELSEWHERE = {"SCHEMA_VERSIONS"}


def check(view: StackView) -> Iterator[Finding]:
    """Checks each function of the template."""
    for name in view.of_type("AWS::Serverless::Function"):
        function, (fails, throttled) = view.physical_ids[name], RUNBOOK[name]
        found = view.client("lambda").get_function(FunctionName=function)
        configuration, expected = found["Configuration"], view.properties(name)
        if "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus")):
            reason = configuration.get("LastUpdateStatusReason") or configuration.get("StateReason", "")
            yield FAILED.at(name, f"{name} could not be updated: {reason}", "sam deploy", runbook=fails)
        if found.get("Concurrency", {}).get("ReservedConcurrentExecutions") == 0:
            repair = f"aws lambda delete-function-concurrency --function-name {function}"
            yield THROTTLED.at(name, f"{name} has a reserved concurrency of 0.", repair, runbook=throttled)
        update = f"aws lambda update-function-configuration --function-name {function}"
        for setting, option in OPTIONS.items():
            value = configuration.get(setting)
            if setting in expected and str(value) != str(expected[setting]):
                what = f"{name} has {setting} {value}; the template has {expected[setting]}."
                yield SETTINGS_DIFFER.at(name, what, f"{update} {option} {expected[setting]}", runbook=fails)
        deployed = configuration.get("Environment", {}).get("Variables", {})
        if wrong := _wrong_variables(expected["Environment"]["Variables"], deployed):
            intact = {key: str(value) for key, value in expected["Environment"]["Variables"].items()}
            intact |= {key: deployed[key] for key in CHECKED_ELSEWHERE & intact.keys() & deployed.keys()}
            what = f"{name} has other environment variables than the template: {', '.join(wrong)}."
            repair = f"{update} --environment '{json.dumps({'Variables': intact})}'"
            yield ENVIRONMENT_DIFFERS.at(name, what, repair, runbook=fails)


def _wrong_variables(expected: Mapping[str, Any], found: Mapping[str, str]) -> list[str]:
    names = (expected.keys() | found.keys()) - SET_BY_LAMBDA - CHECKED_ELSEWHERE
    return sorted(name for name in names if str(expected.get(name)) != found.get(name))
