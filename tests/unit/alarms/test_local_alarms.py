"""The states of the alarms for somebody who watches a local stack."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_stack.alarms import local_alarms
from local_stack.alarms.deployed_alarms import named
from local_stack.alarms.local_alarms import AlarmState, LocalAlarms
from local_stack.deploy import read_template
from tests.unit.alarms.test_emitted import FakeLogs

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SINCE_S = 0.0


class FakeAws:
    """CloudWatch with one value for each metric by its name, logs, and a clock."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {"PolledEventCount": 1.0, "DataReadFromKinesisStream.Records": 1.0}
        self.logs = FakeLogs()
        self.requests = 0
        self.now = START

    def client(self, service: str) -> Any:  # noqa: ANN401 -- a client
        return self.logs if service == "logs" else self

    def get_paginator(self, operation: str) -> "FakeAws":
        assert operation == "get_metric_data"
        return self

    def paginate(self, MetricDataQueries: list[Any], **_: object) -> Iterator[dict[str, Any]]:  # noqa: N803 -- boto3's
        self.requests += 1
        names = {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in MetricDataQueries}
        yield {
            "MetricDataResults": [
                {"Id": key, "Values": [self.values[name]] if name in self.values else []} for key, name in names.items()
            ]
        }


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    groups = {"ProjectorFunctionLogs": "/aws/lambda/projector"}
    monkeypatch.setattr(local_alarms, "deployed_alarms", lambda _: named(read_template(), "s", {}, groups))
    return FakeAws()


@pytest.fixture
def alarms(aws: Any) -> LocalAlarms:  # noqa: ANN401 -- it replaces an Address
    return LocalAlarms(aws, lambda: aws.now)


def states(alarms: LocalAlarms) -> dict[str, AlarmState]:
    return {state.name: state for state in alarms.evaluate(SINCE_S)}


def firing(alarms: LocalAlarms) -> list[str]:
    return [name for name, state in states(alarms).items() if state.is_alarm]


def test_a_stack_in_order_raises_no_alarm(aws: FakeAws, alarms: LocalAlarms) -> None:
    assert firing(alarms) == []
    assert aws.requests == 1, "one request for all metrics"


def test_metrics_that_are_rarely_emitted_raise_no_alarm_by_missing(alarms: LocalAlarms) -> None:
    found = states(alarms)
    for name in ("BackupMissing", "ReconciliationMissing", "LakeTotalsMissing", "AccountsByOwnerWaits"):
        assert found[name].is_alarm is None, name
        assert alarms.state(name, SINCE_S).is_alarm is True, name


def test_a_mapping_that_does_not_poll_raises_its_alarm(aws: FakeAws, alarms: LocalAlarms) -> None:
    states(alarms)
    del aws.values["PolledEventCount"]
    aws.now += timedelta(seconds=5)
    found = states(alarms)
    assert firing(alarms) == ["ProjectorStopped", "AccountsByOwnerStopped"]
    assert found["ProjectorStopped"].since == aws.now
    assert found["ProjectorStopped"].runbook == "projectorstopped"


def test_the_time_is_that_of_the_last_change(aws: FakeAws, alarms: LocalAlarms) -> None:
    assert states(alarms)["EventStreamThrottled"].since is None
    aws.values["WriteProvisionedThroughputExceeded"] = 3.0
    for seconds in (5, 10):
        aws.now = START + timedelta(seconds=seconds)
        found = states(alarms)["EventStreamThrottled"]
        assert (found.is_alarm, found.since) == (True, START + timedelta(seconds=5))
    del aws.values["WriteProvisionedThroughputExceeded"]
    aws.now = START + timedelta(seconds=15)
    assert states(alarms)["EventStreamThrottled"].since == aws.now


@pytest.mark.parametrize(("arrived", "read", "expected"), [(1, 0, True), (1, 1, False), (0, 0, False)])
def test_the_lake_has_stopped_if_events_arrive_unread(
    aws: FakeAws, alarms: LocalAlarms, arrived: int, read: int, *, expected: bool
) -> None:
    aws.values |= {"IncomingRecords": arrived, "DataReadFromKinesisStream.Records": read}
    assert firing(alarms) == (["LakeStopped"] if expected else [])


def test_an_alarm_that_ignores_missing_data_keeps_its_state(aws: FakeAws, alarms: LocalAlarms) -> None:
    def parks(since_s: float) -> bool | None:
        return {state.name: state for state in alarms.evaluate(since_s)}["ProjectorParks"].is_alarm

    assert parks(0) is None
    aws.logs.add(100, 1)
    assert parks(90) is True
    assert parks(150) is True
    aws.logs.add(160, 0)
    assert parks(150) is False
