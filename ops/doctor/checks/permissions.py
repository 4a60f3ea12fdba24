"""Roles: each has the permissions that the template gives it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.checks.functions import RUNBOOK
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

ALLOWED = "allowed"
OTHER_ROLES = {"LakeAnalystRole": "lakeanalystrole", "LakeDeliveryRole": "lakestopped"}


def check(view: StackView) -> Iterator[Finding]:
    """Asks IAM whether each role may do what the template allows, and compares its trust policy."""
    for role in view.of_type("AWS::IAM::Role"):
        name = view.physical_ids[role]
        for policy in view.properties(role).get("Policies", ()):
            document = policy["PolicyDocument"]
            for statement in document["Statement"]:
                denied = sorted(_denied(view, role, statement))
                if not denied:
                    continue
                yield Finding(
                    *("permission-missing", role, f"{role} may not {', '.join(denied)} on {_short(statement)}."),
                    f"{_user_of(role)} fails when it needs the permission.",
                    f"aws iam put-role-policy --role-name {name} --policy-name {policy['PolicyName']} "
                    f"--policy-document '{json.dumps(document)}'",
                    RUNBOOK.get(_user_of(role), OTHER_ROLES.get(role, role.lower())),
                )
                break


def _denied(view: StackView, role: str, statement: Mapping[str, Any]) -> Iterator[str]:
    resources = statement["Resource"]
    answer = view.client("iam").simulate_principal_policy(
        PolicySourceArn=view.arn(role),
        ActionNames=[statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"],
        ResourceArns=[each.replace("*", "x") if each != "*" else each for each in _listed(resources)],
    )
    for result in answer["EvaluationResults"]:
        decisions = {result["EvalDecision"]}
        decisions |= {each["EvalResourceDecision"] for each in result.get("ResourceSpecificResults", ())}
        if decisions != {ALLOWED}:
            yield result["EvalActionName"]


def _listed(value: Any) -> list[str]:  # noqa: ANN401 -- a string or a list of strings
    return [value] if isinstance(value, str) else value


def _short(statement: Mapping[str, Any]) -> str:
    return ", ".join(_listed(statement["Resource"]))


def _user_of(role: str) -> str:
    return role.removesuffix("Role")
