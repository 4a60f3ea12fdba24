"""What tells that the lake is late or lacks something, by template.yaml.

CloudWatch takes an alarm on a metric that nobody sends, and it is silent for ever. So each is here in full. Source of
the names: Amazon Data Firehose developer guide, Monitor with CloudWatch metrics; AWS Lambda, Types of metrics.
"""

from typing import Any

import pytest

from tests.template.test_template import RESOURCES, TEMPLATE, properties

FIREHOSE = {
    "Namespace": "AWS/Firehose",
    "Dimensions": [{"Name": "DeliveryStreamName", "Value": {"Ref": "LakeDelivery"}}],
}
FUNCTION = {
    "Namespace": "AWS/Lambda",
    "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "LakeTransformFunction"}}],
}
OURS = {
    "Namespace": "AccountEvents",
    "Dimensions": [{"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}, {"Name": "service", "Value": "lake"}],
}

ONCE = {"Statistic": "Sum", "EvaluationPeriods": 1, "Threshold": 0}
"""It must not happen at all."""
ALARMS: dict[str, dict[str, Any]] = {
    "LakeIsBehind": FIREHOSE
    | {
        "MetricName": "DeliveryToS3.DataFreshness",
        "Statistic": "Maximum",
        "EvaluationPeriods": 3,
        "Threshold": 30 * 60,
    },
    "LakeReadsLate": FIREHOSE
    | {
        "MetricName": "KinesisMillisBehindLatest",
        "Statistic": "Maximum",
        "EvaluationPeriods": 3,
        "Threshold": 10 * 60 * 1000,
    },
    "LakeRefuses": OURS | ONCE | {"MetricName": "Refused"},
    "LakeConversionFails": FIREHOSE | ONCE | {"MetricName": "FailedConversion.Records"},
    "LakeHasTooManyPartitions": FIREHOSE | ONCE | {"MetricName": "PartitionCountExceeded", "Statistic": "Maximum"},
    "LakeTransformFails": FUNCTION | ONCE | {"MetricName": "Errors"},
}
EVERYWHERE = {"Period": 300, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_of_the_lake_asks_exactly_this(name: str) -> None:
    found = {key: value for key, value in properties(name).items() if key not in {"AlarmActions", "AlarmDescription"}}
    assert found == EVERYWHERE | ALARMS[name]


def test_every_alarm_of_the_lake_is_looked_at() -> None:
    alarms = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    assert {name for name in alarms if name.startswith("Lake")} == set(ALARMS)


def test_waiting_for_a_full_buffer_is_no_delay() -> None:
    assert properties("LakeIsBehind")["Threshold"] > TEMPLATE["Parameters"]["LakeBufferSeconds"]["MaxValue"]
