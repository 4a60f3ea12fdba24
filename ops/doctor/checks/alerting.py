"""What would notify somebody: schedules, alarms and the alarm topic."""

from collections.abc import Iterator
from functools import partial

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

SCHEDULE_DISABLED = Kind(
    "schedule-disabled", "Gaps of the read model are reported only while events arrive.", "accountsbyownerwaits"
)
FIRING = Kind("alarm-firing", "See the alarm's description.", "how-to-use-this-page")
NOT_SENT = Kind("alarms-not-sent", "Nobody is notified of an alarm.", "alarms-not-sent")
NAMES_MAX = 100
"""CloudWatch API reference, DescribeAlarms: alarm names per request."""
INPUTS = {"EventsArrive", "LakeReadsNothing"}
"""Alarms that are only inputs of a composite alarm."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks schedules, alarms and the topic."""
    for name in view.of_type("AWS::Events::Rule"):
        rule = view.physical_ids[name]
        described = found(partial(view.client("events").describe_rule, Name=rule))
        if described is None:
            yield deleted(view, name)
        elif described["State"] != "ENABLED":
            yield SCHEDULE_DISABLED.at(
                name, f"The schedule {name} is disabled.", f"aws events enable-rule --name {rule}"
            )
    yield from _alarms(view)
    if not view.is_local:
        yield from _topic(view)


def _alarms(view: StackView) -> Iterator[Finding]:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = {view.physical_ids[name]: name for kind in kinds for name in view.of_type(kind) if name not in INPUTS}
    names = list(alarms)
    for start in range(0, len(names), NAMES_MAX):
        answer = view.client("cloudwatch").describe_alarms(
            AlarmNames=names[start : start + NAMES_MAX],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        )
        described = {each["AlarmName"]: each for each in [*answer["MetricAlarms"], *answer["CompositeAlarms"]]}
        for alarm_name in names[start : start + NAMES_MAX]:
            name, alarm = alarms[alarm_name], described.get(alarm_name)
            if alarm is None:
                yield deleted(view, name)
                continue
            if not alarm.get("ActionsEnabled", True):
                repair = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm_name}"
                yield NOT_SENT.at(name, f"The actions of the alarm {name} are disabled.", repair)
            if alarm["StateValue"] != "ALARM":
                continue
            yield FIRING.at(
                name,
                f"The alarm {name} is in ALARM. {alarm.get('StateReason', '')}".strip(),
                f"aws cloudwatch describe-alarm-history --alarm-name {alarm_name}",
                why=alarm.get("AlarmDescription", "").partition(" Runbook:")[0],
                runbook=name.lower(),
            )


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
