"""What would notify somebody: schedules, alarms and the alarm topic."""

from collections.abc import Iterator

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
        state = view.client("events").describe_rule(Name=rule)["State"]
        if state != "ENABLED":
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
        found = view.client("cloudwatch").describe_alarms(
            AlarmNames=names[start : start + NAMES_MAX],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            StateValue="ALARM",
        )
        for alarm in [*found["MetricAlarms"], *found["CompositeAlarms"]]:
            name = alarms[alarm["AlarmName"]]
            yield FIRING.at(
                name,
                f"The alarm {name} is in ALARM. {alarm.get('StateReason', '')}".strip(),
                f"aws cloudwatch describe-alarm-history --alarm-name {alarm['AlarmName']}",
                why=alarm.get("AlarmDescription", "").partition(" Runbook:")[0],
                runbook=name.lower(),
            )


def _topic(view: StackView) -> Iterator[Finding]:
    topic = view.parameters.get("AlarmTopicArn", "")
    if not topic:
        yield NOT_SENT.at("AlarmTopicArn", "The parameter AlarmTopicArn is empty.", "sam deploy --guided")
        return
    attributes = view.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    if not int(attributes.get("SubscriptionsConfirmed", 0)):
        repair = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint ADDRESS"
        yield NOT_SENT.at(topic, "The alarm topic has no confirmed subscription.", repair)
