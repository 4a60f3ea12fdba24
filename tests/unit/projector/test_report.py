"""What the log and the metrics say of a batch, and what they must not say."""

import json
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from projector.project import Outcome, Unsafe
from projector.report import Report

HELD = [
    Unsafe("101", "a", None, "the row cannot be read"),
    Unsafe("102", "b", 7, "ProvisionedThroughputExceededException"),
    Unsafe("103", "a", 4, "waits"),
    Unsafe("104", "a", 5, "waits"),
]


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    stream = StringIO()
    logger = Logger(service="test-report", stream=stream)
    logger.handlers[0].setStream(stream)  # type: ignore[attr-defined]  # the logger of a service is shared
    Report(logger, Metrics(namespace="Test", service="test-report"))(outcome)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_quiet_batch_is_one_line() -> None:
    (line,) = lines(Outcome(records=5, published=4, unsafe=[]))
    assert (line["message"], line["records"], line["published"], line["unsafe"]) == ("batch projected", 5, 4, 0)


def test_each_account_that_waits_has_its_line_with_its_range_and_first_cause() -> None:
    a, b, batch = lines(Outcome(records=9, published=5, unsafe=HELD))
    assert (a["level"], a["account_id"], a["sequence_first"], a["sequence_last"]) == ("WARNING", "a", 4, 5)
    assert (a["stream_sequence_number"], a["reason"]) == ("101", "the row cannot be read")
    assert (b["account_id"], b["sequence_first"], b["sequence_last"]) == ("b", 7, 7)
    assert batch["unsafe"] == 4


def test_the_metrics_count_events(capsys: pytest.CaptureFixture[str]) -> None:
    lines(Outcome(records=9, published=5, unsafe=HELD))
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["EventsPublished"], metrics["EventsUnsafe"]) == ([5.0], [4.0])
