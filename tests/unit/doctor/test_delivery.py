"""Whether Firehose reads what arrives on the event stream: `doctor` compares both over the same time."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws_stack import AwsStack
from tests.support.template_stack import TEMPLATE
from tests.unit.doctor.examined import Doctor, found

POINTS_MAX = 1440
"""CloudWatch API reference, GetMetricStatistics: data points per request."""
METRICS = ("IncomingRecords", "DataReadFromKinesisStream.Records")


class Metrics:
    """CloudWatch with arrivals and reads so many minutes ago; periods without either have a sum of zero, or none."""

    def __init__(self, stack: AwsStack, **minutes_ago: list[int]) -> None:
        self._stack, self._minutes_ago = stack, minutes_ago
        self._other = stack._cloudwatch_get_metric_statistics  # noqa: SLF001 -- replaced by a test
        self.requests: list[dict[str, Any]] = []

    def __call__(self, **request: Any) -> Any:  # noqa: ANN401 -- as in the API
        if request["MetricName"] not in METRICS:
            return self._other(**request)
        self.requests.append(request)
        minutes = self._minutes_ago["arrived" if request["MetricName"] == METRICS[0] else "read"]
        active = [self._stack.now - timedelta(minutes=each) for each in minutes]
        points = []
        start, period = request["StartTime"], timedelta(seconds=request["Period"])
        while start < request["EndTime"]:
            total = sum(1.0 for each in active if start <= each < start + period)
            points.append({"Timestamp": start, "Sum": total})
            start += period
        return {"Label": "x", "Datapoints": points[::-1]}  # in no order


def stopped(stack: AwsStack, doctor: Doctor, patch: pytest.MonkeyPatch, metrics: Metrics) -> list[dict[str, str]]:
    patch.setattr(stack, "_cloudwatch_get_metric_statistics", metrics)
    return [each for each in found(doctor(stack)) if each["kind"] == "lake-stopped"]


@pytest.mark.parametrize(
    ("arrived", "read", "is_stopped"),
    [
        ([], [], False),
        ([60], [60], False),
        ([60, 10], [50], False),
        ([29], [], False),
        ([45], [], True),
        ([60, 45], [60], True),
        ([600, 10], [700], True),
        ([23 * 60], [], True),
        ([25 * 60], [], False),
    ],
)
def test_arrivals_without_a_later_read_for_half_an_hour_are_a_finding(  # noqa: PLR0917 -- of the parametrization
    healthy: AwsStack,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    arrived: list[int],
    read: list[int],
    is_stopped: bool,  # noqa: FBT001 -- of the parametrization
) -> None:
    metrics = Metrics(healthy, arrived=arrived, read=read)
    assert bool(stopped(healthy, doctor, monkeypatch, metrics)) is is_stopped


def test_the_finding_names_the_time_and_where_to_look(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    [finding] = stopped(healthy, doctor, monkeypatch, Metrics(healthy, arrived=[600, 45], read=[610]))
    since = healthy.now - timedelta(minutes=600)
    assert f"{since:%Y-%m-%d %H:}" in finding["what"]
    assert finding["look"] == "aws firehose describe-delivery-stream --delivery-stream-name bank-LakeDelivery"
    assert finding["runbook"] == "lakestopped"


def test_both_metrics_are_of_the_same_periods_which_the_stream_still_has(
    healthy: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(healthy, arrived=[60], read=[60])
    stopped(healthy, doctor, monkeypatch, metrics)
    arrivals, reads = metrics.requests
    assert [arrivals["Namespace"], reads["Namespace"]] == ["AWS/Kinesis", "AWS/Firehose"]
    assert [arrivals["Dimensions"], reads["Dimensions"]] == [
        [{"Name": "StreamName", "Value": "bank-DomainEventsStream"}],
        [{"Name": "DeliveryStreamName", "Value": "bank-LakeDelivery"}],
    ]
    same = ("StartTime", "EndTime", "Period", "Statistics")
    assert [arrivals[each] for each in same] == [reads[each] for each in same]
    window = arrivals["EndTime"] - arrivals["StartTime"]
    shortest = timedelta(hours=TEMPLATE["Parameters"]["EventRetentionHours"]["MinValue"])
    assert window <= shortest + timedelta(seconds=arrivals["Period"])
    assert window.total_seconds() / arrivals["Period"] <= POINTS_MAX
    assert arrivals["StartTime"].timestamp() % arrivals["Period"] == 0


@pytest.mark.parametrize(("minutes_ago", "is_stopped"), [(119, False), (100, True)])
def test_a_new_delivery_stream_reads_only_what_arrives_after_its_creation(
    tmp_path: Path,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    minutes_ago: int,
    is_stopped: bool,  # noqa: FBT001 -- of the parametrization
) -> None:
    stack = AwsStack(tmp_path, age=timedelta(hours=2))
    metrics = Metrics(stack, arrived=[minutes_ago], read=[])
    assert bool(stopped(stack, doctor, monkeypatch, metrics)) is is_stopped
