"""Functions: updated, not throttled, and with the settings of the template."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from local_stack.faults.catalogue import KINESIS_FAULTS
from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

FAILED = Kind("function-failed", "It cannot be invoked, or runs an older release.", "apifails")
THROTTLED = Kind("function-throttled", "Lambda refuses invocations beyond it.", "apifunctionthrottled")
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
OPTIONS = {
    "Handler": "--handler",
    "LoggingConfig": "--logging-config",
    "MemorySize": "--memory-size",
    "Role": "--role",
    "Runtime": "--runtime",
    "Timeout": "--timeout",
}
SET_BY_EMULATOR = {"AWS_ENDPOINT_URL"}
VERSIONS = "SCHEMA_VERSIONS"


def check(view: StackView) -> Iterator[Finding]:
    """Checks each function of the template."""
    for name in view.of_type("AWS::Serverless::Function"):
        function = view.physical_ids[name]
        described = found(partial(view.client("lambda").get_function, FunctionName=function))
        if described is None:
            yield deleted(view, name)
            continue
        yield from _function(view, name, function, described)


def _function(view: StackView, name: str, function: str, described: Mapping[str, Any]) -> Iterator[Finding]:
    fails, throttled = RUNBOOK[name]
    configuration = described["Configuration"]
    expected = view.template["Globals"]["Function"] | view.properties(name)
    if "Failed" in (configuration.get("State"), configuration.get("LastUpdateStatus")):
        reason = configuration.get("LastUpdateStatusReason") or configuration.get("StateReason", "")
        yield FAILED.at(name, f"{name} could not be updated: {reason}", view.deploy, runbook=fails)
    reserved = described.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    limit = expected.get("ReservedConcurrentExecutions")
    if str(reserved) != str(limit) and not (view.is_local and reserved is None):  # the emulator ignores the limit
        repair = f"aws lambda delete-function-concurrency --function-name {function}"
        if limit is not None:
            repair = f"aws lambda put-function-concurrency --function-name {function}"
            repair += f" --reserved-concurrent-executions {limit}"
        has, sets = ("none" if each is None else each for each in (reserved, limit))
        what = f"{name} has the reserved concurrency {has}; the template sets {sets}."
        yield THROTTLED.at(name, what, repair, runbook=throttled)
    update = f"aws lambda update-function-configuration --function-name {function}"
    for setting, option in OPTIONS.items():
        value = configuration.get(setting)
        if _differs(value, expected[setting]):
            what = f"{name} has {setting} {value}; the template has {expected[setting]}."
            repair = f"{update} {option} {quoted(expected[setting])}"
            yield SETTINGS_DIFFER.at(name, what, repair, runbook=fails)
    intact = {key: str(value) for key, value in expected["Environment"]["Variables"].items()}
    if VERSIONS in intact:  # the ids of the registry, which only CloudFormation knows
        intact[VERSIONS] = "" if view.is_local else view.deployment.outputs["SchemaVersions"]
    deployed = configuration.get("Environment", {}).get("Variables", {})
    names = (intact.keys() | deployed.keys()) - SET_BY_EMULATOR
    if wrong := sorted(key for key in names if intact.get(key) != deployed.get(key)):
        what = f"{name} has other environment variables than the template: {', '.join(wrong)}."
        repair = f"{update} --environment {quoted({'Variables': intact})}"
        if name == "ProjectorFunction" and view.faults & KINESIS_FAULTS:
            what += " A fault that is on makes it send its records to a proxy."
            repair = "account-events faults end --all"
        yield ENVIRONMENT_DIFFERS.at(name, what, repair, runbook=fails)


def _differs(deployed: object, expected: object) -> bool:
    """Whether a setting differs. Lambda adds its defaults to what the template does not set."""
    if isinstance(expected, Mapping):
        return not isinstance(deployed, Mapping) or any(deployed.get(key) != value for key, value in expected.items())
    return str(deployed) != str(expected)
