"""The log and the metrics of a batch: their contents, and what they must never contain."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from projector.parking import Parked
from projector.project import Outcome, Waiting
from projector.report import Report

WAITING = [
    Waiting("a", 4, 5, 0, "ProvisionedThroughputExceededException"),
    Waiting(None, None, None, 7, "the record's key does not name an account"),
]
PARKED = Parked("b", 7, 9, 7, "the row cannot be read: row b/7: unknown type 'INTEREST'", "2026-01-31T09:30:00Z")


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    stream = StringIO()
    logger = Logger(service="test-report", stream=stream)
    logger.handlers[0].setStream(stream)  # type: ignore[attr-defined]  # the logger of a service is shared
    Report(logger, Metrics(namespace="Test", service="test-report"), now_us=lambda: 5_000_000)(outcome)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_batch_without_problems_logs_one_line() -> None:
    (line,) = lines(Outcome(records=5, published=4, kinesis_records=2, oldest_us=4_250_000))
    assert (line["message"], line["records"], line["published"], line["waiting"]) == ("batch projected", 5, 4, 0)
    assert (line["kinesis_records"], line["publish_lag_ms"]) == (2, 750.0)


def test_each_waiting_or_parked_account_logs_a_line() -> None:
    b, a, unreadable, batch = lines(Outcome(records=9, published=5, waiting=WAITING, parked=[PARKED], held=3))
    assert (b["level"], b["message"], b["account_id"], b["row"]) == ("ERROR", "account parked", "b", "b/7")
    assert (b["sequence_first"], b["sequence_last"], b["reason"]) == (7, 9, PARKED.reason)
    assert (a["level"], a["account_id"], a["sequence_first"], a["sequence_last"]) == ("WARNING", "a", 4, 5)
    assert unreadable["reason"] == "the record's key does not name an account"
    assert (batch["waiting"], batch["held"]) == (2, 3)


def test_an_id_with_lone_surrogates_is_logged() -> None:
    """A stray row can have such an id, and the person on call needs its account's line."""
    stray = replace(PARKED, account_id="b\ud800")
    parked, waits, _ = lines(Outcome(records=1, waiting=[replace(WAITING[0], account_id="b\ud800")], parked=[stray]))
    assert (parked["account_id"], parked["row"], waits["account_id"]) == ("b\\ud800", "b\\ud800/7", "b\\ud800")


def test_a_batch_emits_all_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    lines(
        Outcome(
            records=9,
            published=5,
            filled=2,
            checked=6,
            kinesis_records=4,
            refusals=3,
            oldest_us=4_000_000,
            parked_total=1,
            waiting=WAITING,
        )
    )
    metrics = json.loads(capsys.readouterr().out)
    assert {name: value for name, value in metrics.items() if isinstance(value, list)} == {
        "BatchRecords": [9.0],
        "EventsPublished": [5.0],
        "EventsFromTable": [2.0],
        "FirstSights": [6.0],
        "KinesisRecords": [4.0],
        "KinesisRefusals": [3.0],
        "AccountsWaiting": [2.0],
        "ParkedAccounts": [1.0],
        "PublishLag": [1000.0],
    }


def test_a_lag_is_neither_negative_nor_emitted_without_events(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines(Outcome(records=1))
    metrics = json.loads(capsys.readouterr().out)
    assert not {"PublishLag", "ParkedAccounts"} & metrics.keys()
    lines(Outcome(records=1, published=1, oldest_us=6_000_000))
    assert json.loads(capsys.readouterr().out)["PublishLag"] == [0.0]
