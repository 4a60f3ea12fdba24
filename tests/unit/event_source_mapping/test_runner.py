"""The runner of an event source mapping with fake clients: reading, lineage, status and its thread."""

import threading
from typing import Any

import pytest

from tests.unit.event_source_mapping.fake_aws import (
    FakeAws,
    FakeClock,
    FakeShard,
    aws_with,
    raising,
    run_until_idle,
    runner_on,
)
from tests.unit.event_source_mapping.given import NOW_S, STREAM_ARN, config, event

TIMEOUT_S = 60.0


def test_the_function_gets_records_in_order_and_in_lambdas_format() -> None:
    aws, clock = aws_with(*range(1, 6)), FakeClock()
    aws.streams.read_limit = 2
    run_until_idle(runner_on(aws, clock, config(batch_size=3)), clock)
    assert aws.functions.numbers() == [1, 2, 3, 4, 5]
    expected = event(1)
    assert aws.functions.events[0]["Records"][0] == expected
    assert expected["eventSourceARN"] == STREAM_ARN


def test_status_has_the_state_of_each_shard() -> None:
    aws, clock = aws_with(1, 2), FakeClock(NOW_S + 7)
    aws.functions.function = raising(1)
    runner = runner_on(aws, clock)
    runner.run_cycle()
    status = runner.status()
    (shard,) = status.shards
    assert (shard.shard_id, shard.checkpoint, shard.buffered, shard.retries) == ("s1", None, 2, 1)
    assert shard.iterator_age_ms == 7000
    assert (shard.counts.invocations, shard.counts.failures, shard.counts.delivered) == (1, 1, 0)
    assert (status.running, status.idle, status.cycles, status.errors) == (False, False, 1, 0)


def test_children_are_read_after_a_parent_listed_on_a_later_page() -> None:
    aws, clock = FakeAws(), FakeClock()
    aws.streams.shards = {
        "left": FakeShard("parent"),
        "right": FakeShard("parent"),
        "grandchild": FakeShard("left"),
        "parent": FakeShard("trimmed", closed=True),
    }
    aws.streams.shards["left"].closed = True
    aws.streams.put("grandchild", 40)
    aws.streams.put("left", 20, 21)
    aws.streams.put("right", 30)
    aws.streams.put("parent", 10, 11)
    runner = runner_on(aws, clock, config(batch_size=1))
    run_until_idle(runner, clock)
    order = aws.functions.numbers()
    assert order[:2] == [10, 11]
    assert order.index(40) > order.index(21)
    assert sorted(order) == [10, 11, 20, 21, 30, 40]
    assert (runner.status().finished_shards, runner.status().totals.delivered) == (2, 6)


def test_a_child_waits_for_a_retrying_parent_that_is_no_longer_listed() -> None:
    aws, clock = aws_with(1), FakeClock()
    aws.functions.function = raising(1)
    runner = runner_on(aws, clock)
    runner.run_cycle()
    aws.streams.shards["s1"].closed = True
    clock.now_s += runner.run_cycle()
    aws.streams.shards = {"s2": FakeShard("s1")}
    aws.streams.put("s2", 2)
    for _ in range(20):
        clock.now_s += runner.run_cycle()
    assert {tuple(batch) for batch in aws.functions.batches()} == {(1,)}
    aws.functions.function = raising()
    run_until_idle(runner, clock)
    assert aws.functions.batches()[-1] == [2]


def test_latest_skips_existing_records_and_reads_new_shards_whole() -> None:
    aws, clock = aws_with(1), FakeClock()
    aws.streams.shards["closed"] = FakeShard(closed=True)
    aws.streams.put("closed", 100)
    runner = runner_on(aws, clock, config(starting_position="LATEST"))
    run_until_idle(runner, clock)
    aws.streams.put("s1", 2)
    aws.streams.shards["s2"] = FakeShard("closed")
    aws.streams.put("s2", 200)
    clock.now_s += 1
    for _ in range(3):
        runner.run_cycle()
    assert sorted(aws.functions.numbers()) == [2, 200]


def test_a_runner_resumes_after_the_checkpoints_of_another() -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    first = runner_on(aws, clock)
    run_until_idle(first, clock)
    checkpoints = {shard.shard_id: shard.checkpoint or "" for shard in first.status().shards}
    aws.streams.put("s1", 3)
    run_until_idle(runner_on(aws, clock, resume_after=checkpoints), clock)
    assert aws.functions.batches() == [[1, 2], [3]]


def test_a_mapping_that_begins_again_forgets_its_checkpoints() -> None:
    aws, clock = aws_with(1, 2), FakeClock()
    runner = runner_on(aws, clock)
    run_until_idle(runner, clock)
    runner.begin_again(batch_size=1)
    run_until_idle(runner, clock)
    assert aws.functions.batches() == [[1, 2], [1], [2]]
    runner.begin_again({"s1": "1"})
    run_until_idle(runner, clock)
    assert aws.functions.batches()[3:] == [[2]]


def test_the_thread_delivers_becomes_idle_and_stops() -> None:
    aws = aws_with(1, 2)
    runner = aws.runner(config())
    runner.start()
    try:
        with pytest.raises(RuntimeError, match="running already"):
            runner.start()
        assert runner.wait_until_idle(TIMEOUT_S)
        assert aws.functions.batches() == [[1, 2]]
        aws.streams.put("s1", 3)
        aws.streams.shards["s2"] = FakeShard("s0")
        aws.streams.put("s2", 9)
        assert runner.wait_until_idle(TIMEOUT_S)
        assert sorted(aws.functions.numbers()) == [1, 2, 3, 9]
        assert runner.status().running
    finally:
        assert runner.stop(TIMEOUT_S)
    assert not runner.status().running
    assert not runner.wait_until_idle(TIMEOUT_S)


def test_waiting_and_stopping_time_out_while_the_function_hangs() -> None:
    aws, release = aws_with(1), threading.Event()
    started = threading.Event()

    def function(_: dict[str, Any]) -> None:
        started.set()
        release.wait(TIMEOUT_S)

    aws.functions.function = function
    runner = aws.runner(config())
    runner.start()
    try:
        assert started.wait(TIMEOUT_S)
        assert not runner.wait_until_idle(0.01)
        assert not runner.stop(0.01)
        assert runner.status().shards[0].buffered == 1
    finally:
        release.set()
        assert runner.stop(TIMEOUT_S)
    assert runner.status().totals.delivered == 1
