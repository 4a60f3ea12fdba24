"""The alarms in template.yaml on a lake that is late or lacks events.

CloudWatch accepts an alarm on a metric that does not exist, and the alarm never fires. So each alarm is listed in full.
Source of the names: Amazon Data Firehose developer guide, Monitor with CloudWatch metrics; AWS Lambda developer guide,
Types of metrics.
"""

from typing import Any

import pytest

from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.grace import BUFFER_FACTOR, RETRIES_S, TRANSFORM_BUFFER_S, delivery_s
from ops.lake.reconcile.run import grace_of
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

ANY = {"Statistic": "Sum", "EvaluationPeriods": 1, "Threshold": 0}
"""For alarms that one occurrence raises."""
ALARMS: dict[str, dict[str, Any]] = {
    "LakeReadsLate": FIREHOSE
    | {
        "MetricName": "KinesisMillisBehindLatest",
        "Statistic": "Maximum",
        "EvaluationPeriods": 3,
        "Threshold": 10 * 60 * 1000,
    },
    "LakeRefuses": OURS | ANY | {"MetricName": "Refused"},
    "LakeConversionFails": FIREHOSE | ANY | {"MetricName": "FailedConversion.Records"},
    "LakeHasTooManyPartitions": FIREHOSE | ANY | {"MetricName": "PartitionCountExceeded", "Statistic": "Maximum"},
    "LakeTransformFails": FUNCTION | ANY | {"MetricName": "Errors"},
}
EVERYWHERE = {"Period": 300, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_of_the_lake_has_exactly_these_properties(name: str) -> None:
    found = {key: value for key, value in properties(name).items() if key not in {"AlarmActions", "AlarmDescription"}}
    assert found == EVERYWHERE | ALARMS[name]


def test_every_alarm_of_the_lake_is_covered() -> None:
    alarms = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    assert {name for name in alarms if name.startswith("Lake")} == {*ALARMS, "LakeIsBehind"}


def test_the_alarm_on_a_late_lake_follows_the_buffer() -> None:
    """By metric math, because CloudFormation has no arithmetic: the buffer's time does not count as lateness."""
    alarm = properties("LakeIsBehind")
    freshness, late = alarm["Metrics"]
    assert freshness == {
        "Id": "freshness",
        "ReturnData": False,
        "MetricStat": {
            "Metric": FIREHOSE | {"MetricName": "DeliveryToS3.DataFreshness"},
            "Period": 300,
            "Stat": "Maximum",
        },
    }
    assert late["Expression"] == {"Fn::Sub": f"freshness - {BUFFER_FACTOR} * ${{LakeBufferSeconds}}"}
    assert "ReturnData" not in late
    assert (alarm["EvaluationPeriods"], alarm["ComparisonOperator"]) == (3, "GreaterThanThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["Threshold"] == delivery_s(0)


@pytest.mark.parametrize(("buffer_s", "grace_s"), [(60, 450), (300, 810), (480, 1080), (900, 1710)])
def test_reconcile_waits_as_long_as_a_delivery_may_take(buffer_s: int, grace_s: int) -> None:
    """1.5 times the buffer with dynamic partitioning, a minute for the transform's buffer, and the retries."""
    parameter = TEMPLATE["Parameters"]["LakeBufferSeconds"]
    assert parameter["MinValue"] <= buffer_s <= parameter["MaxValue"]
    lake = Lake(Deployment(Outputs({"LakeBufferSeconds": str(buffer_s)})), None, None)  # type: ignore[arg-type]
    assert grace_of(lake) == grace_s
    assert grace_s >= 1.5 * buffer_s + 60


def test_the_grace_period_matches_the_templates_buffer_and_retries() -> None:
    destination = properties("LakeDelivery")["ExtendedS3DestinationConfiguration"]
    [processor] = destination["ProcessingConfiguration"]["Processors"]
    given = {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]}
    assert float(given["BufferIntervalInSeconds"]) == TRANSFORM_BUFFER_S
    assert destination["DynamicPartitioningConfiguration"]["RetryOptions"]["DurationInSeconds"] == RETRIES_S
