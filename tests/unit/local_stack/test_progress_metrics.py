"""What the fakes report about their progress."""

from typing import Any

import pytest

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.shard import Counts
from local_stack.event_source_mapping.status import MappingStatus, ShardStatus
from local_stack.firehose.delivery import Totals
from local_stack.firehose.runner import FirehoseStatus
from local_stack.progress_metrics import ProgressMetrics

STREAM_ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/events"
CONFIG = MappingConfig("uuid-1", STREAM_ARN, "arn:aws:lambda:eu-central-1:000000000000:function:reader")


class Fakes:
    """A mapping, a delivery and arrivals whose figures a test sets."""

    def __init__(self) -> None:
        self.config = CONFIG
        self.running, self.cycles, self.totals, self.buffered, self.age_ms = True, 1, Counts(), 0, 0
        self.records_read, self.arrived = 0, 0
        self.published: list[tuple[str, float]] = []

    def status(self) -> MappingStatus:
        shard = ShardStatus("shard-1", None, self.buffered, self.age_ms, 0, Counts())
        totals = Counts(**vars(self.totals))
        return MappingStatus(self.running, False, self.cycles, (shard,), 0, totals, 0, None)

    def delivery(self) -> FirehoseStatus:
        return FirehoseStatus(self.running, False, Totals(), 0, None, {}, self.records_read)

    def arrivals(self) -> int:
        arrived, self.arrived = self.arrived, 0
        return arrived

    def put_metric_data(self, Namespace: str, MetricData: list[Any]) -> None:  # noqa: N803 -- boto3's
        self.published += [(f"{Namespace} {each['MetricName']}", each["Value"]) for each in MetricData]


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def metrics(fakes: Fakes) -> ProgressMetrics:
    return ProgressMetrics(
        fakes, {"uuid-1": fakes}, "lake", fakes.delivery, stream_name="events", arrivals=fakes.arrivals
    )


def cycle(fakes: Fakes, metrics: ProgressMetrics) -> dict[str, float]:
    fakes.cycles += 1
    fakes.published = []
    metrics._cycle(False)  # noqa: SLF001 -- what its thread does
    found = dict(fakes.published)
    assert len(found) == len(fakes.published)
    return found


def test_a_running_stack_without_traffic_reports_zeros(fakes: Fakes, metrics: ProgressMetrics) -> None:
    expected = {"AWS/Lambda PolledEventCount": 0, "AWS/Firehose DataReadFromKinesisStream.Records": 0}
    assert cycle(fakes, metrics) == cycle(fakes, metrics) == expected


def test_a_stopped_stack_reports_nothing(fakes: Fakes, metrics: ProgressMetrics) -> None:
    fakes.running = False
    assert cycle(fakes, metrics) == {}


@pytest.mark.parametrize(
    ("destination", "name"),
    [("arn:aws:s3:::failures", "OnFailureDestinationDeliveredEventCount"), (None, "DroppedEventCount")],
)
def test_discarded_records_are_reported_once(
    fakes: Fakes, metrics: ProgressMetrics, destination: str | None, name: str
) -> None:
    fakes.config = MappingConfig("uuid-1", STREAM_ARN, CONFIG.function_arn, on_failure_arn=destination)
    fakes.totals.discarded = 3
    assert cycle(fakes, metrics)[f"AWS/Lambda {name}"] == 3
    assert f"AWS/Lambda {name}" not in cycle(fakes, metrics)
    fakes.totals = Counts(discarded=1)  # a new poller counts from zero
    assert cycle(fakes, metrics)[f"AWS/Lambda {name}"] == 1


def test_the_age_is_reported_while_records_wait_or_are_delivered(fakes: Fakes, metrics: ProgressMetrics) -> None:
    age = "AWS/Lambda IteratorAge"
    fakes.age_ms = 61_000
    assert age not in cycle(fakes, metrics)
    fakes.buffered = 2
    assert cycle(fakes, metrics)[age] == 61_000
    fakes.buffered, fakes.totals.invocations = 0, 1
    assert cycle(fakes, metrics)[age] == 61_000
    assert age not in cycle(fakes, metrics)


def test_records_that_firehose_reads_are_reported_once(fakes: Fakes, metrics: ProgressMetrics) -> None:
    reads = "AWS/Firehose DataReadFromKinesisStream.Records"
    fakes.records_read = 5
    assert [cycle(fakes, metrics)[reads], cycle(fakes, metrics)[reads]] == [5, 0]
    fakes.records_read = 2  # a new runner counts from zero
    assert cycle(fakes, metrics)[reads] == 2


def test_arrivals_are_reported_a_cycle_later(fakes: Fakes, metrics: ProgressMetrics) -> None:
    arrivals = "AWS/Kinesis IncomingRecords"
    fakes.arrived = 4
    assert arrivals not in cycle(fakes, metrics)
    assert cycle(fakes, metrics)[arrivals] == 4
    assert arrivals not in cycle(fakes, metrics)
