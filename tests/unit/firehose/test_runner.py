"""When the fake Firehose reads, when it pauses, and how it serves callers that wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from local_stack.firehose import delivery
from local_stack.firehose.runner import POLL_INTERVAL_S, FirehoseRunner
from tests.unit.event_source_mapping.fake_aws import FakeClock
from tests.unit.firehose.fake_aws import runner_on, stream_of
from tests.unit.firehose.given import CONFIG, World

OPEN_MAX = 20
PATIENT = replace(CONFIG, transform_bytes=10_000, transform_interval_s=10**9, delivery_interval_s=10**9)
"""With these settings, no buffer is written because of its age or size."""
TIMEOUT_S = 60.0


@pytest.fixture(autouse=True)
def small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "OPEN_RECORDS_MAX", OPEN_MAX)


@contextmanager
def running(runner: FirehoseRunner) -> Iterator[None]:
    runner.start()
    try:
        yield
    finally:
        assert runner.stop()


def test_a_full_buffer_stops_reading_without_a_busy_loop() -> None:
    clock, world = FakeClock(), World()
    stream = stream_of(clock, *range(50), page=10)
    runner = runner_on(world, stream, clock, replace(PATIENT, transform_interval_s=60, delivery_interval_s=60))
    assert [runner.run_cycle(), runner.run_cycle()] == [0.0, POLL_INTERVAL_S], "the second page fills the buffer"
    reads = list(stream.shards["s-0"].read_at_s)
    clock.now_s += 30
    assert runner.run_cycle() == POLL_INTERVAL_S
    assert stream.shards["s-0"].read_at_s == reads
    clock.now_s += 30
    runner.run_cycle()  # the records are transformed, and now in the partitions' buffers
    clock.now_s += 60
    assert runner.run_cycle() == 0.0, "there is space again"
    assert world.rows() == list(range(OPEN_MAX))
    assert stream.shards["s-0"].read_at_s == reads
    runner.run_cycle()
    assert stream.shards["s-0"].read_at_s != reads


def test_waiting_writes_more_than_the_buffer_holds() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    with running(runner := runner_on(world, stream_of(clock, *range(50), page=10), clock, PATIENT)):
        assert runner.wait_until_idle(TIMEOUT_S)
    assert world.rows() == list(range(50))


def test_waiting_writes_nothing_before_all_is_read() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    runner = runner_on(world, stream_of(clock, *range(15), page=10), clock, PATIENT)
    assert not runner.wait_until_idle(0), "the runner is not running, so no cycle has read the stream"
    assert [runner.run_cycle() for _ in range(3)] == [0.0, 0.0, POLL_INTERVAL_S]
    assert world.batches == [15]


def test_after_the_wait_the_intervals_apply_again() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    stream = stream_of(clock, 1, 2, page=10)
    with running(runner := runner_on(world, stream, clock, PATIENT)):
        assert runner.wait_until_idle(TIMEOUT_S)
    stream.put("s-0", 3)
    assert [runner.run_cycle(), runner.run_cycle()] == [0.0, POLL_INTERVAL_S]
    assert world.rows() == [1, 2]
    assert not runner.status().is_idle
