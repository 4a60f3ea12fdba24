"""The event source mapping of a Kinesis stream, as far as it differs from that of a table's stream."""

import base64
import json
from typing import Any

import pytest

from account_events.lambda_mapping.config import MappingConfig
from local_stack.event_source_mapping.poll_rate import PollRate
from local_stack.event_source_mapping.runner import MappingRunner
from tests.unit.event_source_mapping.fake_aws import FakeAws, FakeClock, Raised, raising, run_until_idle, runner_on
from tests.unit.event_source_mapping.given import (
    FUNCTION_ARN,
    KINESIS_ARN,
    NOW_S,
    ROLE_ARN,
    client_error,
    kinesis_config,
)
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard, sequence_number

BUCKET_ARN = "arn:aws:s3:::failures"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def aws(clock: FakeClock) -> FakeAws:
    """A stream with one shard, s1."""
    aws = FakeAws()
    aws.kinesis.clock = clock
    aws.kinesis.shards["s1"] = KinesisShard()
    return aws


def kinesis_runner(aws: FakeAws, clock: FakeClock, **settings: Any) -> MappingRunner:  # noqa: ANN401 - any field
    return runner_on(aws, clock, kinesis_config(**settings))


def test_the_function_gets_records_in_order_and_in_lambdas_format(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1, 2, 3)
    aws.kinesis.read_limit = 2
    runner = kinesis_runner(aws, clock, batch_size=2)
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1, 2], [3]]
    assert aws.functions.events[0]["Records"][0] == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key-1",
            "sequenceNumber": sequence_number(1),
            "data": base64.b64encode(b"1").decode(),
            "approximateArrivalTimestamp": NOW_S,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"s1:{sequence_number(1)}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE_ARN,
        "awsRegion": "eu-central-1",
        "eventSourceARN": KINESIS_ARN,
    }
    assert runner.status().errors == 0


def test_an_empty_read_before_the_end_is_not_taken_for_the_end(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.shards["s1"].gap_reads = 12
    runner = kinesis_runner(aws, clock)
    runner.run_cycle()
    assert not runner.idle()
    assert runner.status().shards[0].iterator_age_ms == 5_000
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1]]
    assert runner.status().errors == 0, "read more often than 5 times a second"
    assert runner.status().shards[0].iterator_age_ms == 0
    assert clock.now_s >= NOW_S + 12 * 0.2


def test_an_empty_shard_is_polled_once_a_second(aws: FakeAws, clock: FakeClock) -> None:
    runner = kinesis_runner(aws, clock)
    assert runner.run_cycle() == 1.0
    assert runner.idle()
    clock.now_s += 0.125
    assert 0 < runner.run_cycle() < 0.1, "not read in this cycle: the next one starts as soon as a read is allowed"
    assert not runner.idle(), "a shard that was not read may have records"


@pytest.mark.parametrize("step_s", [0.003, 0.02, 0.07])
def test_a_runner_becomes_idle_even_if_reading_its_shards_is_slow(
    aws: FakeAws, clock: FakeClock, step_s: float
) -> None:
    """If a shard joins just after the others were read, the read limit must not leave one unread in every cycle."""
    clock.step_s = step_s
    aws.kinesis.shards["s2"] = KinesisShard()
    runner = kinesis_runner(aws, clock)
    runner.run_cycle()
    aws.kinesis.reshard(("s1",), ("s3", "s4"))
    for name in ("s2", "s3", "s4"):
        aws.kinesis.put(name, int(name[1:]))
    run_until_idle(runner, clock)
    assert sorted(aws.functions.numbers()) == [2, 3, 4]
    assert aws.kinesis.throttles == 0


def test_a_throttled_read_is_repeated(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.faults = [client_error("ProvisionedThroughputExceededException")]
    runner = kinesis_runner(aws, clock)
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1]]


def test_a_child_waits_for_its_parent_and_a_merged_shard_for_both(aws: FakeAws, clock: FakeClock) -> None:
    kinesis = aws.kinesis
    kinesis.put("s1", 1, 2)
    kinesis.reshard(("s1",), ("a", "b"))
    kinesis.put("a", 10)
    kinesis.put("b", 20, 21)
    kinesis.reshard(("a", "b"), ("c",))
    kinesis.put("c", 30)
    aws.functions.function = raising(21)
    runner = kinesis_runner(aws, clock, batch_size=1)
    for _ in range(60):
        clock.now_s += runner.run_cycle()
    assert set(aws.functions.numbers()) == {1, 2, 10, 20, 21}
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert aws.functions.numbers()[:2] == [1, 2]
    assert aws.functions.numbers()[-2:] == [21, 30]
    assert (runner.status().finished_shards, len(runner.status().shards)) == (3, 1)


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON"])
def test_nothing_is_lost_if_the_iterator_of_a_blocked_shard_expires(
    aws: FakeAws, clock: FakeClock, position: str
) -> None:
    runner = kinesis_runner(aws, clock, starting_position=position, batch_size=1)
    run_until_idle(runner, clock)
    aws.kinesis.put("s1", 1)
    aws.functions.function = raising(1)
    clock.now_s += 1
    while clock.now_s < NOW_S + 400:
        clock.now_s += runner.run_cycle()
    aws.kinesis.put("s1", 2, 3)
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert [batch for batch in aws.functions.batches() if batch != [1]] == [[2], [3]]
    assert aws.kinesis.opened == [("s1", position), ("s1", "AFTER_SEQUENCE_NUMBER")]
    assert runner.status().errors == 0


def test_at_latest_no_record_is_missed_if_the_first_iterator_expires(aws: FakeAws, clock: FakeClock) -> None:
    """Other shards can delay a poll cycle that long. A new iterator at LATEST would skip the records put meanwhile."""
    aws.kinesis.put("s1", 1)
    clock.now_s += 1
    runner = kinesis_runner(aws, clock, starting_position="LATEST")
    run_until_idle(runner, clock)
    clock.now_s += 10
    aws.kinesis.put("s1", 2)
    clock.now_s += 400
    aws.kinesis.faults = [client_error("ExpiredIteratorException"), client_error("InternalFailureException")]
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[2]]
    assert aws.kinesis.opened == [("s1", "LATEST"), ("s1", "AT_TIMESTAMP"), ("s1", "AT_TIMESTAMP")]


def test_at_timestamp_applies_to_every_shard(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.reshard(("s1",), ("a",))
    aws.kinesis.put("a", 2)
    clock.now_s += 10
    aws.kinesis.put("a", 3, 4)
    runner = kinesis_runner(aws, clock, starting_position="AT_TIMESTAMP", starts_at_s=NOW_S + 10)
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[3, 4]]
    assert aws.kinesis.opened == [("s1", "AT_TIMESTAMP"), ("a", "AT_TIMESTAMP")]


def test_at_latest_closed_shards_are_skipped_and_new_ones_read_whole(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.reshard(("s1",), ("a",))
    aws.kinesis.put("a", 2)
    runner = kinesis_runner(aws, clock, starting_position="LATEST")
    run_until_idle(runner, clock)
    aws.kinesis.put("a", 3)
    aws.kinesis.reshard(("a",), ("b",))
    aws.kinesis.put("b", 4)
    clock.now_s += 1
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[3], [4]]


def test_a_shard_that_no_longer_exists_counts_as_finished(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.functions.function = raising(1)
    runner = kinesis_runner(aws, clock)
    runner.run_cycle()
    aws.kinesis.reshard(("s1",), ("a",))
    aws.kinesis.put("a", 2)
    del aws.kinesis.shards["s1"]
    for _ in range(10):
        clock.now_s += runner.run_cycle()
    assert set(aws.functions.numbers()) == {1}, "its buffered record still blocks its child"
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert aws.functions.batches()[-2:] == [[1], [2]]
    assert runner.status().errors == 0


def test_a_listed_shard_that_is_not_found_is_an_error(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.faults = [client_error("ResourceNotFoundException")]
    runner = kinesis_runner(aws, clock)
    runner.run_cycle()
    assert (runner.status().errors, runner.status().finished_shards) == (1, 0)
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1]]


def test_partial_responses_bisecting_and_the_failure_bucket(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", *range(1, 9))
    reported: set[int] = set()

    def function(event: dict[str, Any]) -> object:
        for record in event["Records"]:
            number = int(base64.b64decode(record["kinesis"]["data"]))
            if number == 3:
                raise Raised("poison")
            if number == 6 and not reported:
                reported.add(number)
                return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}
        return None

    aws.functions.function = function
    runner = kinesis_runner(
        aws,
        clock,
        reports_item_failures=True,
        bisects_on_error=True,
        retry_attempts_max=2,
        on_failure_arn=BUCKET_ARN,
    )
    run_until_idle(runner, clock)
    (((bucket, key), document),) = aws.s3.objects.items()
    assert bucket == "failures"
    assert key.startswith(f"aws/lambda/{kinesis_config().uuid}/s1/2023/11/14/")
    assert document["KinesisBatchInfo"] == {
        "shardId": "s1",
        "startSequenceNumber": sequence_number(3),
        "endSequenceNumber": sequence_number(3),
        "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20.000Z",
        "approximateArrivalOfLastRecord": "2023-11-14T22:13:20.000Z",
        "batchSize": 1,
        "streamArn": KINESIS_ARN,
    }
    (record,) = json.loads(document["payload"])["Records"]
    assert record["kinesis"]["sequenceNumber"] == sequence_number(3)
    totals = runner.status().totals
    assert (totals.delivered, totals.discarded) == (7, 1)
    assert aws.functions.batches()[-2:] == [[5, 6, 7, 8], [6, 7, 8]]


def test_a_failing_record_is_discarded_when_the_stream_expires_it(aws: FakeAws, clock: FakeClock) -> None:
    """With unlimited retries, the retention period of this Kinesis stream ends them, not the 24 hours of DynamoDB."""
    aws.kinesis.put("s1", 1)
    aws.functions.function = raising(1)
    runner = kinesis_runner(aws, clock, retention_s=7_200.0)
    while clock.now_s < NOW_S + 7_100:
        clock.now_s += runner.run_cycle()
    assert runner.status().totals.discarded == 0
    run_until_idle(runner, clock)
    assert runner.status().totals.discarded == 1


def test_a_deployed_mapping_has_the_functions_role_and_the_retention(aws: FakeAws) -> None:
    aws.kinesis.retention_hours = 168
    response = {"UUID": "u", "EventSourceArn": KINESIS_ARN, "FunctionArn": FUNCTION_ARN, "BatchSize": 7}
    assert aws.deployed(response) == MappingConfig(
        uuid="u",
        stream_arn=KINESIS_ARN,
        function_arn=FUNCTION_ARN,
        batch_size=7,
        retention_s=604_800.0,
        invoke_identity_arn=ROLE_ARN,
    )


def test_at_a_steady_rate_a_poll_that_found_records_is_not_repeated(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    runner = runner_on(aws, clock, kinesis_config(), rate=PollRate(1.0, 0.2, is_steady=True))
    runner.run_cycle()
    aws.kinesis.put("s1", 2)
    while clock.now_s < NOW_S + 0.9:
        clock.now_s += max(runner.run_cycle(), 0.1)
    assert aws.functions.batches() == [[1]]
    clock.now_s = NOW_S + 1.0
    runner.run_cycle()
    assert aws.functions.batches() == [[1], [2]]


def test_a_steady_rate_reads_on_while_records_are_left_on_the_stream(aws: FakeAws, clock: FakeClock) -> None:
    aws.kinesis.put("s1", 1)
    aws.kinesis.shards["s1"].gap_reads = 3
    runner = runner_on(aws, clock, kinesis_config(), rate=PollRate(1.0, 0.2, is_steady=True))
    while not aws.functions.batches() and clock.now_s < NOW_S + 5:
        clock.now_s += max(runner.run_cycle(), 0.01)
    assert clock.now_s < NOW_S + 1.0
