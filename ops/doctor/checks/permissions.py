"""Roles: each has the permissions that the template gives it."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.checks.functions import RUNBOOK
from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

MISSING = Kind(
    "permission-missing", "Whatever uses the role fails when it needs the permission.", "restore-a-permission"
)
ALLOWED = "allowed"
"""IAM API reference, EvaluationResult: the other decisions are explicitDeny and implicitDeny."""


def check(view: StackView) -> Iterator[Finding]:
    """Asks IAM whether each role may do what the template allows."""
    shared = [view.properties(name) for name in view.of_type("AWS::IAM::Policy")]
    for role in view.of_type("AWS::IAM::Role"):
        if found(partial(view.client("iam").get_role, RoleName=view.physical_ids[role])) is None:
            yield deleted(view, role)
            continue
        runbook, _ = RUNBOOK.get(role.removesuffix("Role"), ("", ""))
        own = view.properties(role).get("Policies", [])
        for policy in [*own, *(each for each in shared if view.physical_ids[role] in each["Roles"])]:
            document = policy["PolicyDocument"]
            denied = [each for statement in document["Statement"] for each in _denied(view, role, statement)]
            if denied:
                repair = (
                    f"aws iam put-role-policy --role-name {view.physical_ids[role]} --policy-name "
                    f"{policy['PolicyName']} --policy-document {quoted(document)}"
                )
                yield MISSING.at(role, f"{role} may not {', '.join(denied)}.", repair, runbook=runbook)


def _denied(view: StackView, role: str, statement: Mapping[str, Any]) -> Iterator[str]:
    """The actions of a statement that the role may not carry out on all of its resources."""
    if view.is_local and "Condition" in statement:
        return  # the emulator's simulation ignores the context, so it would deny
    resources = listed(statement["Resource"])
    pages = (
        view.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=view.arn(role),
            ActionNames=listed(statement["Action"]),
            ResourceArns=[each if each == "*" else _example(each) for each in resources],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in _context(view, role, statement).items()
            ],
        )
    )
    for result in (each for page in pages for each in page["EvaluationResults"]):
        decisions = {result["EvalDecision"]}
        decisions |= {each["EvalResourceDecision"] for each in result.get("ResourceSpecificResults", ())}
        if decisions != {ALLOWED}:
            yield f"{result['EvalActionName']} on {', '.join(resources)}"


def _context(view: StackView, role: str, statement: Mapping[str, Any]) -> dict[str, str]:
    """What a request of the role has; the simulator also evaluates conditions of service control policies."""
    conditions = {key: value for each in statement.get("Condition", {}).values() for key, value in each.items()}
    return {
        "aws:PrincipalArn": view.arn(role),
        "aws:RequestedRegion": view.stack_id.split(":")[3],
        "aws:SecureTransport": "true",
        **{key: _example(listed(value)[0]) for key, value in conditions.items()},
    }


def _example(pattern: str) -> str:
    """A value that the pattern matches."""
    return pattern.replace("*", "x")


def listed(value: str | list[str]) -> list[str]:
    """The values of an element of a policy, which may be one value or a list."""
    return [value] if isinstance(value, str) else value
