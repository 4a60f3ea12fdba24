"""Runs all checks of `doctor` concurrently."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from local_stack.deploy import read_template
from ops.deployment.stack import Deployment
from ops.doctor.checks import (
    alerting,
    deployed,
    functions,
    lake,
    mappings,
    permissions,
    sample,
    tables,
    totals,
    waiting,
)
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import SERVICES, StackView
from ops.error_advice import advice
from ops.lake.deployed_lake import Lake

Check = Callable[[StackView], Iterator[Finding]]
CHECKS: dict[str, Check] = {
    "stack": deployed.check,
    "mappings": mappings.check,
    "functions": functions.check,
    "permissions": permissions.check,
    "tables and streams": tables.check,
    "waiting accounts and records": waiting.check,
    "a sample of accounts": sample.check,
    "lake": lake.check,
    "daily totals": totals.check,
    "schedules and alarms": alerting.check,
}
GRACE_S, LOCAL_GRACE_S = 60.0, 10.0
"""Seconds within which an event usually reaches the read model."""
INCOMPLETE = Kind("check-incomplete", "What it would have found is unknown.", "check-incomplete")


@dataclass(frozen=True, slots=True)
class Examination:
    """The result: the findings, and the names of the checks that ran to their end."""

    findings: Sequence[Finding]
    completed: Sequence[str]


def examine(
    deployment: Deployment, stack: str | None, *, grace_s: float | None, progress: Callable[[str], None]
) -> Examination:
    """Run all checks on a stack.

    Args:
        deployment: the stack.
        stack: its name; None for the local stack.
        grace_s: see `StackView`; None for the default.
        progress: called with the name of each check that has ended.

    Raises:
        ClientError, BotoCoreError: the stack cannot be described.
    """
    view = stack_view(deployment, stack or deployment.outputs["StackName"], grace_s)
    with ThreadPoolExecutor(len(CHECKS)) as executor:
        running = {name: executor.submit(_all, check, view) for name, check in CHECKS.items()}
        findings: list[Finding] = []
        completed = []
        for name, future in running.items():
            found, problem = _result(name, future, view.option)
            findings += found
            completed += [] if problem else [name]
            progress(name)
    return Examination(findings, completed)


def stack_view(deployment: Deployment, stack: str, grace_s: float | None) -> StackView:
    """Describe the stack."""
    client = deployment.client("cloudformation")
    [described] = client.describe_stacks(StackName=stack)["Stacks"]
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    return StackView(
        deployment,
        described["StackId"],
        described["StackStatus"],
        {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())},
        {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and not each["ResourceStatus"].startswith("DELETE")
        },
        read_template(),
        datetime.now(UTC),
        (LOCAL_GRACE_S if deployment.is_local else GRACE_S) if grace_s is None else grace_s,
        random.randrange,
        time.sleep,
        described.get("LastUpdatedTime", described["CreationTime"]),
        {service: deployment.client(service) for service in SERVICES},
        Lake.of(deployment),
    )


def _all(check: Check, view: StackView) -> list[Finding]:
    return list(check(view))


def _result(name: str, future: "Future[list[Finding]]", option: str) -> tuple[list[Finding], bool]:
    """The findings of a check. A check that could not run to its end is a finding, because silence would mislead."""
    try:
        return future.result(), False
    except Exception as error:  # noqa: BLE001 -- what stops one check must not hide the findings of the others
        what = f"The check of {name} could not be completed: {type(error).__name__}: {error}. {advice(error)}".strip()
        return [INCOMPLETE.at(name, what, f"account-events doctor{option}")], True
