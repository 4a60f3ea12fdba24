"""Faults of the stream, the function and the destination, and where discarded records go."""

import logging
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.unit.event_source_mapping.fake_aws import FakeClock, aws_with, raising, run_until_idle, runner_on
from tests.unit.event_source_mapping.given import client_error, config

BUCKET_ARN = "arn:aws:s3:::failures"
QUEUE_ARN = "arn:aws:sqs:eu-central-1:000000000000:failures"


def test_exhausted_retries_put_the_whole_event_into_the_bucket() -> None:
    aws, clock = aws_with(1, 2, 3), FakeClock()
    aws.functions.function = raising(2)
    settings = config(bisects_on_error=True, retry_attempts_max=1, on_failure_arn=BUCKET_ARN)
    run_until_idle(runner_on(aws, clock, settings), clock)
    (((bucket, key), document),) = aws.s3.objects.items()
    assert bucket == "failures"
    assert key.startswith(f"aws/lambda/{settings.uuid}/s1/2023/11/14/2023-11-14T22.13.")
    assert key.endswith("-uuid")
    assert document["DDBStreamBatchInfo"]["startSequenceNumber"] == "2"
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1
    assert document["requestContext"]["requestId"] == "request-5"
    assert document["responseContext"]["functionError"] == "Unhandled"
    assert '"SequenceNumber":"2"' in document["payload"]
    assert aws.functions.batches()[-1] == [3]


def test_a_queue_gets_only_the_position_of_the_records() -> None:
    aws, clock = aws_with(1), FakeClock()
    aws.functions.function = raising(1)
    run_until_idle(runner_on(aws, clock, config(retry_attempts_max=0, on_failure_arn=QUEUE_ARN)), clock)
    ((url, message),) = aws.sqs.messages
    assert url == "https://queue/000000000000/failures"
    assert "payload" not in message
    assert message["DDBStreamBatchInfo"]["endSequenceNumber"] == "1"


def test_without_a_destination_a_discard_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    aws.functions.function = raising(1)
    with caplog.at_level(logging.ERROR):
        run_until_idle(runner_on(aws, clock, config(retry_attempts_max=0, batch_size=1)), clock)
    assert "discarded 1 records (1 to 1), RetryAttemptsExhausted; destination: none" in caplog.text
    assert aws.functions.batches() == [[1], [2]]


def test_a_failing_destination_blocks_the_shard_and_loses_nothing() -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    aws.functions.function = raising(1)
    aws.s3.faults = [client_error("SlowDown"), client_error("SlowDown")]
    runner = runner_on(aws, clock, config(retry_attempts_max=0, batch_size=1, on_failure_arn=BUCKET_ARN))
    runner.run_cycle()
    assert runner.run_cycle() == 0.25
    assert runner.run_cycle() == 0.5
    status = runner.status()
    assert (status.errors, status.idle, status.shards[0].checkpoint) == (2, False, None)
    assert "SlowDown" in (status.last_error or "")
    run_until_idle(runner, clock)
    assert len(aws.s3.objects) == 1
    assert aws.functions.batches() == [[1], [2]]


@pytest.mark.parametrize("code", ["ExpiredIteratorException", "TrimmedDataAccessException"])
def test_a_new_iterator_after_the_checkpoint_replaces_an_expired_one(code: str) -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    runner = runner_on(aws, clock)
    run_until_idle(runner, clock)
    aws.streams.put("s1", 3)
    aws.streams.faults = [client_error(code)]
    run_until_idle(runner, clock)
    assert aws.streams.opened == [("s1", "TRIM_HORIZON", None), ("s1", "AFTER_SEQUENCE_NUMBER", "2")]
    assert aws.functions.batches() == [[1, 2], [3]]
    assert runner.status().errors == 0


def test_a_new_iterator_does_not_deliver_buffered_records_twice() -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    aws.functions.function = raising(1)
    runner = runner_on(aws, clock)
    runner.run_cycle()
    aws.streams.faults = [client_error("ExpiredIteratorException")]
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1, 2], [1, 2]]


def test_at_latest_an_expired_iterator_of_a_blocked_shard_loses_nothing() -> None:
    """A record was read, although there is no checkpoint yet. Reading continues after that record, not at LATEST."""
    aws, clock = aws_with(), FakeClock()
    runner = runner_on(aws, clock, config(starting_position="LATEST"))
    run_until_idle(runner, clock)
    aws.streams.put("s1", 1)
    aws.functions.function = raising(1)
    runner.run_cycle()
    aws.streams.put("s1", 2)
    aws.streams.faults = [client_error("ExpiredIteratorException")]
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1], [1], [2]]


def test_any_other_fault_is_logged_and_reading_continues(caplog: pytest.LogCaptureFixture) -> None:
    aws, clock = aws_with(1), FakeClock()
    aws.streams.faults = [RuntimeError("odd"), client_error("LimitExceededException")]
    runner = runner_on(aws, clock)
    assert runner.run_cycle() == 0.25
    assert runner.status().last_error == "shard s1: RuntimeError: odd"
    assert "shard s1 failed" in caplog.text
    assert not runner.idle()
    run_until_idle(runner, clock)
    assert (aws.functions.batches(), runner.status().errors) == ([[1]], 2)


@pytest.mark.parametrize(
    "fault", [client_error("TooManyRequestsException"), EndpointConnectionError(endpoint_url="http://localhost")]
)
def test_a_throttle_or_lost_connection_costs_no_retry(fault: Exception) -> None:
    aws, clock = aws_with(1), FakeClock()
    faults = [fault] * 3

    def function(_: dict[str, Any]) -> None:
        if faults:
            raise faults.pop()

    aws.functions.function = function
    runner = runner_on(aws, clock, config(retry_attempts_max=0))
    run_until_idle(runner, clock)
    counts = runner.status().totals
    assert runner.status().errors == 0
    assert (counts.throttles, counts.delivered, counts.discarded) == (3, 1, 0)


def test_a_read_timeout_is_a_failed_invocation() -> None:
    aws, clock = aws_with(1), FakeClock()

    def function(_: dict[str, Any]) -> None:
        raise ReadTimeoutError(endpoint_url="http://localhost")

    aws.functions.function = function
    runner = runner_on(aws, clock, config(retry_attempts_max=0, on_failure_arn=BUCKET_ARN))
    run_until_idle(runner, clock)
    (document,) = aws.s3.objects.values()
    assert document["responseContext"]["statusCode"] == 504


def test_an_unexpected_error_of_an_invocation_does_not_block_the_shard() -> None:
    aws, clock = aws_with(1), FakeClock()
    faults = [KeyError("odd")]

    def function(_: dict[str, Any]) -> None:
        if faults:
            raise faults.pop()

    aws.functions.function = function
    runner = runner_on(aws, clock)
    run_until_idle(runner, clock)
    assert (runner.status().errors, runner.status().totals.delivered) == (1, 1)
