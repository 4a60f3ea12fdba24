"""Schedules: enabled, and with the target of the template."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

DISABLED = Kind(
    "schedule-disabled", "Gaps of the read model are reported only while events arrive.", "accountsbyownerwaits"
)
TOTALS_DISABLED = Kind(
    "totals-schedule-disabled",
    "Balances and reports lack the newest changes, until somebody refreshes the totals.",
    "laketotalsmissing",
)
NIGHTLY_DISABLED = Kind(
    "reconcile-schedule-disabled",
    "Differences between lake and ledger stay unnoticed until somebody reconciles.",
    "reconciliationmissing",
)
DIFFERS = Kind(
    "schedule-differs", "The function is not invoked, or not as often as it must be.", "accountsbyownerschedulefails"
)
SCHEDULES = {"LakeTotalsSchedule": TOTALS_DISABLED, "ReconcileSchedule": NIGHTLY_DISABLED}
"""What it means that a schedule of EventBridge Scheduler is disabled."""
NAMED = ("ScheduleExpression", "FlexibleTimeWindow")
"""Settings of a schedule that are compared as a whole."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the rules of EventBridge and the schedule of EventBridge Scheduler."""
    for name in view.of_type("AWS::Events::Rule"):
        yield from _rule(view, name)
    for name in view.of_type("AWS::Scheduler::Schedule"):
        yield from _schedule(view, name)


def _rule(view: StackView, name: str) -> Iterator[Finding]:
    client, rule, expected = view.client("events"), view.physical_ids[name], view.properties(name)
    described = found(partial(client.describe_rule, Name=rule))
    if described is None:
        yield deleted(view, name)
        return
    if described["State"] != "ENABLED":
        yield DISABLED.at(name, f"The schedule {name} is disabled.", f"aws events enable-rule --name {rule}")
    if (rate := described.get("ScheduleExpression")) != expected["ScheduleExpression"]:
        repair = f"aws events put-rule --name {rule} --schedule-expression {quoted(expected['ScheduleExpression'])}"
        yield DIFFERS.at(name, f"{name} has {rate}; the template has {expected['ScheduleExpression']}.", repair)
    targets = {each["Id"]: each for each in client.list_targets_by_rule(Rule=rule)["Targets"]}
    lacking = [each for each in expected["Targets"] if _differing(each, targets.get(each["Id"], {}))]
    if lacking:
        what = f"The schedule {name} does not invoke {', '.join(each['Arn'] for each in lacking)} as in the template."
        yield DIFFERS.at(name, what, f"aws events put-targets --rule {rule} --targets {quoted(lacking)}")


def _schedule(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)
    schedule, group = view.physical_ids[name].rpartition("/")[2], expected["GroupName"]
    described = found(partial(view.client("scheduler").get_schedule, Name=schedule, GroupName=group))
    if described is None:
        yield deleted(view, name)
        return
    repair = (
        f"aws scheduler update-schedule --name {schedule} --group-name {group} --state {expected['State']} "
        f"--description {quoted(expected['Description'])} "
        f"--schedule-expression {quoted(expected['ScheduleExpression'])} "
        f"--flexible-time-window {quoted(expected['FlexibleTimeWindow'])} "
        f"--target {quoted(expected['Target'])}"
    )
    kind, differing = SCHEDULES[name], [each for each in NAMED if described.get(each) != expected[each]]
    if (described["State"], expected["State"]) == ("DISABLED", "ENABLED"):
        yield kind.at(name, f"The schedule {name} is disabled.", repair)
    elif described["State"] != expected["State"]:
        differing.append("State")
    differing += _differing(expected["Target"], described["Target"])
    if differing:
        what = f"The schedule {name} differs from the template in {', '.join(differing)}."
        yield DIFFERS.at(name, what, repair, runbook=kind.runbook)


def _differing(expected: Mapping[str, Any], deployed: Mapping[str, Any]) -> list[str]:
    """The names of the expected settings that the deployed ones lack or that differ."""
    return [name for name, value in expected.items() if deployed.get(name) != value]
