"""What would notify somebody: the alarms and the alarm topic."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import NEW, StackView

FIRING = Kind("alarm-firing", "See the alarm's description.", "how-to-use-this-page")
NOT_SENT = Kind("alarms-not-sent", "Nobody is notified of an alarm.", "alarms-not-sent")
DIFFERS = Kind("alarm-settings-differ", "It may fire too late or never.", "undo-a-change-made-by-hand")
COMPARED = ("ComparisonOperator", "DatapointsToAlarm", "EvaluationPeriods", "Period", "Threshold", "TreatMissingData")
NAMES_MAX = 100
"""CloudWatch API reference, DescribeAlarms: alarm names per request."""
INPUTS = {"EventsArrive", "LakeReadsNothing", "LedgerIsWritten", "NoEventsArrive"}
"""Alarms that are only inputs of the composite alarms LakeStopped and NothingPublished."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks the alarms and the topic."""
    yield from _alarms(view)
    if not view.is_local:
        yield from _topic(view)


def _alarms(view: StackView) -> Iterator[Finding]:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = {view.physical_ids[name]: name for kind in kinds for name in view.of_type(kind) if name not in INPUTS}
    names = list(alarms)
    for start in range(0, len(names), NAMES_MAX):
        requested = names[start : start + NAMES_MAX]
        described = _described(view, requested)
        for alarm_name in requested:
            name, alarm = alarms[alarm_name], described.get(alarm_name)
            if alarm is None:
                yield deleted(view, name)
            else:
                yield from _alarm(view, name, alarm)


def _described(view: StackView, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The alarms with these names that exist. A page holds fewer alarms than a request may name."""
    pages = view.client("cloudwatch").get_paginator("describe_alarms")
    return {
        alarm["AlarmName"]: alarm
        for page in pages.paginate(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for alarm in [*page["MetricAlarms"], *page["CompositeAlarms"]]
    }


def _alarm(view: StackView, name: str, alarm: Mapping[str, Any]) -> Iterator[Finding]:
    alarm_name, expected = alarm["AlarmName"], view.properties(name)
    put = f"aws cloudwatch put-{'composite' if 'AlarmRule' in expected else 'metric'}-alarm"
    put += f" --cli-input-json {quoted({'AlarmName': alarm_name, **expected})}"
    if not set(expected.get("AlarmActions", ())) <= set(alarm.get("AlarmActions", ())):
        yield NOT_SENT.at(name, f"The alarm {name} does not notify the topic of AlarmTopicArn.", put)
    if wrong := [each for each in COMPARED if each in expected and alarm.get(each) != expected[each]]:
        yield DIFFERS.at(name, f"The alarm {name} differs from the template in {', '.join(wrong)}.", put)
    if not alarm.get("ActionsEnabled", True):
        repair = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm_name}"
        yield NOT_SENT.at(name, f"The actions of the alarm {name} are disabled.", repair)
    if alarm["StateValue"] == "ALARM" and not _lacks_data_yet(view, name, alarm):
        yield FIRING.without_repair(
            name,
            f"The alarm {name} is in ALARM. {alarm.get('StateReason', '')}".strip(),
            f"aws cloudwatch describe-alarm-history --alarm-name {alarm_name}",
            why=alarm.get("AlarmDescription", "").partition(" Runbook:")[0],
            runbook=name.lower(),
        )


def _lacks_data_yet(view: StackView, name: str, alarm: Mapping[str, Any]) -> bool:
    """Whether the alarm is so new that its metric may have no data yet, which the alarm treats as a fault."""
    since = max(view.created_at, alarm.get("AlarmConfigurationUpdatedTimestamp", view.created_at))
    window = _window(view, name)
    return bool(window) and view.now - since < max(window, NEW)


def _window(view: StackView, name: str) -> timedelta:
    """The time without data after which the alarm is in ALARM; zero if missing data is no fault."""
    properties = view.properties(name)
    if rule := properties.get("AlarmRule"):
        return max(_window(view, each) for each in sorted(INPUTS) if view.physical_ids.get(each, each) in rule)
    if properties.get("TreatMissingData") != "breaching":
        return timedelta(0)
    return timedelta(seconds=properties["Period"] * properties["EvaluationPeriods"])


def _topic(view: StackView) -> Iterator[Finding]:
    topic = view.parameters.get("AlarmTopicArn", "")
    if not topic:
        yield NOT_SENT.at("AlarmTopicArn", "The parameter AlarmTopicArn is empty.", f"{view.deploy} --guided")
        return
    described = found(partial(view.client("sns").get_topic_attributes, TopicArn=topic))
    if described is None:
        yield NOT_SENT.at(topic, "The alarm topic does not exist.", f"{view.deploy} --guided")
    elif not int(described["Attributes"].get("SubscriptionsConfirmed", 0)):
        repair = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint ADDRESS"
        yield NOT_SENT.at(topic, "The alarm topic has no confirmed subscription.", repair)
