"""The alarm on a late lake and `reconcile` agree on how long a delivery may take."""

import pytest

from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.grace import BUFFER_FACTOR, RETRIES_S, TRANSFORM_BUFFER_S, delivery_s, grace_of
from tests.template.test_template import TEMPLATE, properties

FIREHOSE = {
    "Namespace": "AWS/Firehose",
    "Dimensions": [{"Name": "DeliveryStreamName", "Value": {"Ref": "LakeDelivery"}}],
}


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
