"""What would tell somebody: schedules, alarms and the alarm topic."""

from collections.abc import Iterator

from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

NAMES_MAX = 100
"""CloudWatch API reference, DescribeAlarms: alarm names per request."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks schedules, alarms and the topic."""
    yield from _rules(view)
    yield from _alarms(view)
    yield from _topic(view)


def _rules(view: StackView) -> Iterator[Finding]:
    for name in view.of_type("AWS::Events::Rule"):
        rule = view.physical_ids[name]
        state = view.client("events").describe_rule(Name=rule)["State"]
        if state != "ENABLED":
            yield Finding(
                *("schedule-disabled", name, f"The schedule {name} is {state.lower()}."),
                "Gaps of the read model are reported only while events arrive.",
                *(f"aws events enable-rule --name {rule}", "accountsbyownerwaits"),
            )


def _alarms(view: StackView) -> Iterator[Finding]:
    alarms = {view.physical_ids[name]: name for name in view.of_type("AWS::CloudWatch::Alarm")}
    composites = {view.physical_ids[name]: name for name in view.of_type("AWS::CloudWatch::CompositeAlarm")}
    inputs = {"EventsArrive", "LakeReadsNothing"} if composites else set()
    every, client = alarms | composites, view.client("cloudwatch")
    for start in range(0, len(every), NAMES_MAX):
        found = client.describe_alarms(
            AlarmNames=list(every)[start : start + NAMES_MAX], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for alarm in [*found["MetricAlarms"], *found["CompositeAlarms"]]:
            name = every[alarm["AlarmName"]]
            if alarm["StateValue"] == "ALARM" and name not in inputs:
                yield Finding(
                    *("alarm-firing", name, f"The alarm {name} is in ALARM: {alarm.get('StateReason', '')}".strip()),
                    alarm.get("AlarmDescription", "").partition(" Runbook:")[0],
                    f"account-events doctor{view.option}",
                    name.lower(),
                )


def _topic(view: StackView) -> Iterator[Finding]:
    if view.is_local:
        return
    topic = view.parameters.get("AlarmTopicArn", "")
    if not topic:
        yield Finding(
            *("alarms-not-sent", "AlarmTopicArn", "The parameter AlarmTopicArn is empty."),
            *("Nobody is notified of an alarm.", "sam deploy --guided", "alarms-not-sent"),
        )
        return
    attributes = view.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    if not int(attributes.get("SubscriptionsConfirmed", 0)):
        yield Finding(
            *("alarms-not-sent", topic, "The alarm topic has no confirmed subscription."),
            *(
                "Nobody is notified of an alarm.",
                f"aws sns subscribe --topic-arn {topic} --protocol email",
                "alarms-not-sent",
            ),
        )
