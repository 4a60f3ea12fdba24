"""Metrics in the functions' logs are read piece by piece."""

import json
from collections.abc import Iterator
from typing import Any

from local_stack.alarms.emitted import OVERLAP_MS, EmittedMetrics
from local_stack.alarms.evaluation import Metric

PARKED = Metric("AccountEvents", "ParkedAccounts", (("Stack", "s"), ("service", "projector")), "Maximum")
GROUP = "/aws/lambda/projector"


def line(value: int) -> str:
    directive = {
        "Namespace": PARKED.namespace,
        "Dimensions": [["Stack", "service"]],
        "Metrics": [{"Name": PARKED.name}],
    }
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, **dict(PARKED.dimensions), PARKED.name: value})


class FakeLogs:
    """CloudWatch Logs that counts the lines which it returns."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.returned = 0

    def add(self, at_s: float, value: int) -> None:
        at_ms = int(at_s * 1_000)
        self.events.append({"logStreamName": "s", "timestamp": at_ms, "message": line(value)})

    def get_paginator(self, _operation: str) -> "FakeLogs":
        return self

    def paginate(self, startTime: int, **_: object) -> Iterator[dict[str, Any]]:  # noqa: N803 -- boto3's
        found = [event for event in self.events if event["timestamp"] >= startTime]
        self.returned += len(found)
        yield {"events": found[:2]}
        yield {"events": found[2:]}


def test_each_line_is_counted_once() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    for at_s, value in ((100, 1), (101, 2)):
        logs.add(at_s, value)
        for _ in range(3):
            emitted.read(90)
    assert emitted.values(PARKED, 90) == [1, 2]


def test_lines_that_are_equal_are_both_counted() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    for expected in ([1], [1, 1], [1, 1, 1]):
        logs.add(100, 1)
        emitted.read(90)
        assert emitted.values(PARKED, 90) == expected


def test_old_lines_are_not_read_again() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    for at_s in range(100):
        logs.add(at_s, at_s)
    for since_s in (0, 45, 90):
        logs.returned = 0
        emitted.read(since_s)
    assert logs.returned == OVERLAP_MS / 1_000 + 1
    assert emitted.values(PARKED, 90) == list(range(90, 100))


def test_lines_of_a_long_time_without_readers_are_skipped() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    emitted.read(0)
    for at_s in range(1_000):
        logs.add(at_s, at_s)
    emitted.read(990)
    assert logs.returned == 10
    assert emitted.values(PARKED, 990) == list(range(990, 1_000))
    emitted.read(500)
    assert emitted.values(PARKED, 500) == list(range(500, 1_000))


def test_a_line_that_arrives_late_is_counted() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    logs.add(100, 1)
    emitted.read(0)
    logs.add(95, 2)
    emitted.read(0)
    assert sorted(emitted.values(PARKED, 0)) == [1, 2]


def test_an_earlier_time_reads_the_lines_since_then() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [PARKED])
    logs.add(100, 1)
    logs.add(200, 2)
    emitted.read(150)
    assert emitted.values(PARKED, 150) == [2]
    emitted.read(50)
    assert emitted.values(PARKED, 50) == [1, 2]


def test_metrics_that_nobody_asked_for_are_not_kept() -> None:
    logs = FakeLogs()
    emitted = EmittedMetrics(logs, [GROUP], [])
    logs.add(100, 1)
    emitted.read(0)
    assert emitted.values(PARKED, 0) == []
