"""Runs all checks of `doctor` concurrently."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.deploy import read_template
from local_stack.faults.begun import begun
from ops.deployment.stack import Deployment
from ops.doctor.checks import (
    alerting,
    backups,
    catalogue,
    deployed,
    functions,
    gateway,
    invocations,
    lake,
    mappings,
    nightly,
    permissions,
    sample,
    schedules,
    storage,
    tables,
    totals,
    waiting,
)
from ops.doctor.finding import INCOMPLETE, Finding
from ops.doctor.stack_view import NEW, SERVICES, StackView
from ops.error_advice import advice
from ops.lake.deployed_lake import Lake

Check = Callable[[StackView], Iterator[Finding]]
CHECKS: dict[str, Check] = {
    "stack": deployed.check,
    "mappings": mappings.check,
    "functions": functions.check,
    "permissions": permissions.check,
    "permissions to invoke": invocations.check,
    "routes of the API": gateway.check,
    "tables and streams": tables.check,
    "waiting accounts and records": waiting.check,
    "a sample of accounts": sample.check,
    "lake": lake.check,
    "tables of the lake": catalogue.check,
    "daily totals": totals.check,
    "nightly reconciliation": nightly.check,
    "schedules": schedules.check,
    "buckets and logs": storage.check,
    "backups": backups.check,
    "alarms": alerting.check,
}
GRACE_S, LOCAL_GRACE_S = 60.0, 10.0
"""Seconds within which an event usually reaches the read model."""


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
    running = {name: _started(name, view) for name in CHECKS}
    findings: list[Finding] = []
    completed = []
    for name, future in running.items():
        found = future.result()
        findings += found
        completed += [] if any(each.kind == INCOMPLETE.name for each in found) else [name]
        progress(name)
    return Examination(findings, completed)


def _started(name: str, view: StackView) -> Future[list[Finding]]:
    """Run a check in a daemon thread: after Ctrl-C, Python would wait for the requests of a pool's threads."""
    future: Future[list[Finding]] = Future()

    def run() -> None:
        try:
            future.set_result(list(_findings(name, view)))
        except BaseException as error:  # noqa: BLE001 -- raised again by result()
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def stack_view(
    deployment: Deployment,
    stack: str,
    grace_s: float | None,
    services: Sequence[str] = SERVICES,
    template: Mapping[str, Any] | None = None,
) -> StackView:
    """Describe the stack. The view has clients of these services only.

    Args:
        deployment: the stack.
        stack: its name.
        grace_s: see `StackView`; None for the default.
        services: the services of which the view has a client.
        template: the template with which the stack is compared; None for this release's.
    """
    client = deployment.client("cloudformation")
    answer = client.describe_stacks(StackName=stack)
    [described] = answer["Stacks"]
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    now = datetime.now(UTC) if deployment.is_local else _time_of(answer)
    created_at = described["CreationTime"]
    changed_at = described.get("LastUpdatedTime", created_at)
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
        read_template() if template is None else template,
        now,
        _default_grace_s(now - changed_at, is_local=deployment.is_local) if grace_s is None else grace_s,
        random.randrange,
        time.sleep,
        created_at,
        changed_at,
        {service: deployment.client(service) for service in services},
        Lake.of(deployment),
        begun(deployment.address) if deployment.address else frozenset(),
    )


def _time_of(answer: Mapping[str, Any]) -> datetime:
    """When AWS answered, by its clock: this computer's may differ by minutes, and would make new events look late."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)


def _default_grace_s(age: timedelta, *, is_local: bool) -> float:
    """The grace period of a stack that was deployed this long ago."""
    if is_local:
        return LOCAL_GRACE_S
    return NEW.total_seconds() if age < NEW else GRACE_S


def _findings(name: str, view: StackView) -> Iterator[Finding]:
    """The findings of a check. That it could not run to its end is one of them, because silence would mislead."""
    try:
        yield from CHECKS[name](view)
    except Exception as error:  # noqa: BLE001 -- what stops one check must not hide the findings of the others
        cause = error.__cause__ if isinstance(error.__cause__, BotoCoreError | ClientError) else error
        what = f"The check of {name} could not be completed: {type(cause).__name__}: {cause}. {advice(cause)}".strip()
        yield INCOMPLETE.at(name, what, f"account-events doctor{view.option}")
