"""Functions: active, not throttled, with the settings and permissions of the template."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

RUNBOOK = {
    "AccountsByOwnerFunction": "accountsbyownerfails",
    "ApiFunction": "apifails",
    "LakeTransformFunction": "laketransformfails",
    "ProjectorFunction": "projectorfails",
}
THROTTLED = {
    "AccountsByOwnerFunction": "accountsbyownerthrottled",
    "ApiFunction": "apifunctionthrottled",
    "LakeTransformFunction": "laketransformthrottled",
    "ProjectorFunction": "projectorthrottled",
}
OF_ROLE = {f"{function}Role": function for function in RUNBOOK}
CHANGEABLE = ("Handler", "MemorySize", "Timeout")
SET_BY_EMULATOR = {"AWS_ENDPOINT_URL"}


def check(view: StackView) -> Iterator[Finding]:
    """Checks each function of the template and its role."""
    for name in view.of_type("AWS::Serverless::Function"):
        function = view.physical_ids[name]
        found = view.client("lambda").get_function(FunctionName=function)
        configuration = found["Configuration"]
        runbook = RUNBOOK.get(name, name.removesuffix("Function").lower() + "fails")
        if configuration.get("State") == "Failed" or configuration.get("LastUpdateStatus") == "Failed":
            yield Finding(
                *("function-failed", name, f"{name} could not be updated: {configuration.get('StateReason', '')}."),
                *("It cannot be invoked, or runs an older release.", "sam deploy", runbook),
            )
        if found.get("Concurrency", {}).get("ReservedConcurrentExecutions") == 0:
            yield Finding(
                *("function-throttled", name, f"{name} has a reserved concurrency of 0."),
                "Lambda refuses every invocation.",
                f"aws lambda delete-function-concurrency --function-name {function}",
                THROTTLED.get(name, name.removesuffix("Function").lower() + "throttled"),
            )
        yield from _settings(name, function, view.properties(name), configuration, runbook)


def _settings(
    name: str, function: str, expected: Mapping[str, Any], found: Mapping[str, Any], runbook: str
) -> Iterator[Finding]:
    for setting in CHANGEABLE:
        if setting in expected and str(found.get(setting)) != str(expected[setting]):
            option = {"Handler": "--handler", "MemorySize": "--memory-size", "Timeout": "--timeout"}[setting]
            yield Finding(
                *(
                    "function-settings-differ",
                    name,
                    f"{name} has {setting} {found.get(setting)}; the template has {expected[setting]}.",
                ),
                "It was changed outside the template, and the next deployment may or may not change it back.",
                f"aws lambda update-function-configuration --function-name {function} {option} {expected[setting]}",
                runbook,
            )
    variables = {key: str(value) for key, value in expected["Environment"]["Variables"].items()}
    deployed = found.get("Environment", {}).get("Variables", {})
    wrong = sorted(
        key for key in variables.keys() | (deployed.keys() - SET_BY_EMULATOR) if _differs(variables, deployed, key)
    )
    if wrong:
        intact = {"Variables": {key: deployed[key] if key not in wrong else variables[key] for key in variables}}
        yield Finding(
            *(
                "function-environment-differs",
                name,
                f"{name} has other environment variables than the template: {', '.join(wrong)}.",
            ),
            "It works with other resources or settings than the rest of the stack.",
            f"aws lambda update-function-configuration --function-name {function} --environment '{json.dumps(intact)}'",
            runbook,
        )


def _differs(expected: Mapping[str, str], found: Mapping[str, str], key: str) -> bool:
    if key == "SCHEMA_VERSIONS":  # compared with the registry by another check
        return False
    return expected.get(key) != found.get(key)
