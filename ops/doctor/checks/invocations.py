"""Permissions to invoke: what may invoke a function, and which service may assume a role."""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ops.doctor.checks.permissions import MISSING, listed
from ops.doctor.deleted import found
from ops.doctor.finding import Finding, quoted
from ops.doctor.stack_view import StackView

RUNBOOK = {"HttpApiPermission": "apifails", "AccountsByOwnerLookPermission": "accountsbyownerschedulefails"}


def check(view: StackView) -> Iterator[Finding]:
    """Checks the policies of functions, and the trust policies of roles."""
    for name in view.of_type("AWS::Lambda::Permission"):
        yield from _permission(view, name)
    for name in view.of_type("AWS::IAM::Role"):
        yield from _trust(view, name)


def _permission(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)
    function, principal, source = (expected[each] for each in ("FunctionName", "Principal", "SourceArn"))
    answer = found(partial(view.client("lambda").get_policy, FunctionName=function))
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    if not any(_allows(statement, principal, source) for statement in statements):
        repair = f"aws lambda add-permission --function-name {function} --statement-id {name}"
        repair += f" --action {expected['Action']} --principal {principal} --source-arn {quoted(source)}"
        yield MISSING.at(name, f"{principal} may not invoke {function}.", repair, runbook=RUNBOOK.get(name, ""))


def _allows(statement: Mapping[str, Any], principal: str, source: str) -> bool:
    """Whether a statement of a function's policy lets a service invoke the function on behalf of this source."""
    if statement["Effect"] != "Allow" or statement["Principal"] != {"Service": principal}:
        return False
    conditions = [pair for each in statement.get("Condition", {}).values() for pair in each.items()]
    return all(fnmatchcase(source, value) for key, value in conditions if key.lower() == "aws:sourcearn")


def _trust(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)["AssumeRolePolicyDocument"]
    role = view.physical_ids[name]
    answer = found(partial(view.client("iam").get_role, RoleName=role))
    if answer is None:
        return  # the check of permissions reports it
    trusted = _services(answer["Role"]["AssumeRolePolicyDocument"])
    if lacking := sorted(_services(expected) - trusted):
        repair = f"aws iam update-assume-role-policy --role-name {role} --policy-document {quoted(expected)}"
        yield MISSING.at(name, f"{', '.join(lacking)} may not assume {name}.", repair)


def _services(document: Mapping[str, Any]) -> set[str]:
    """The services that a trust policy allows to assume its role."""
    return {
        service
        for statement in document["Statement"]
        if statement["Effect"] == "Allow" and isinstance(statement["Principal"], Mapping)
        for service in listed(statement["Principal"].get("Service", []))
    }
