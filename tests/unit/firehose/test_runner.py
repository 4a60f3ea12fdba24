"""When the stand-in reads, when it pauses, and what it does for who waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from local_stack.firehose import delivery
from local_stack.firehose.runner import POLL_INTERVAL_S, FirehoseRunner
from tests.unit.event_source_mapping.fake_aws import FakeClock
from tests.unit.firehose.fake_aws import runner_on, stream_of
from tests.unit.firehose.given import CONFIG, World

ROOM = 20
PATIENT = replace(CONFIG, transform_bytes=10_000, transform_interval_s=10**9, delivery_interval_s=10**9)
"""Nothing is ever due by itself."""
TIMEOUT_S = 60.0


@pytest.fixture(autouse=True)
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "OPEN_RECORDS_MAX", ROOM)


@contextmanager
def running(runner: FirehoseRunner) -> Iterator[None]:
    runner.start()
    try:
        yield
    finally:
        assert runner.stop()


def test_without_room_it_neither_reads_nor_hurries() -> None:
    clock, world = FakeClock(), World()
    stream = stream_of(clock, *range(50), page=10)
    runner = runner_on(world, stream, clock, replace(PATIENT, transform_interval_s=60, delivery_interval_s=60))
    assert [runner.run_cycle(), runner.run_cycle()] == [0.0, POLL_INTERVAL_S], "the second page fills it"
    reads = list(stream.shards["s-0"].read_at_s)
    clock.now_s += 30
    assert runner.run_cycle() == POLL_INTERVAL_S
    assert stream.shards["s-0"].read_at_s == reads
    clock.now_s += 30
    runner.run_cycle()  # transformed, and since then in the partitions' buffers
    clock.now_s += 60
    assert runner.run_cycle() == 0.0, "there is room again"
    assert world.rows() == list(range(ROOM))
    assert stream.shards["s-0"].read_at_s == reads
    runner.run_cycle()
    assert stream.shards["s-0"].read_at_s != reads


def test_who_waits_has_more_written_than_there_is_room_for() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    with running(runner := runner_on(world, stream_of(clock, *range(50), page=10), clock, PATIENT)):
        assert runner.wait_until_idle(TIMEOUT_S)
    assert world.rows() == list(range(50))


def test_who_waits_has_nothing_written_before_all_is_read() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    runner = runner_on(world, stream_of(clock, *range(15), page=10), clock, PATIENT)
    assert not runner.wait_until_idle(0), "it is not running; the next pass knows"
    assert [runner.run_cycle() for _ in range(3)] == [0.0, 0.0, POLL_INTERVAL_S]
    assert world.batches == [15]


def test_what_comes_after_the_wait_keeps_to_the_intervals_again() -> None:
    clock, world = FakeClock(step_s=0.3), World()
    stream = stream_of(clock, 1, 2, page=10)
    with running(runner := runner_on(world, stream, clock, PATIENT)):
        assert runner.wait_until_idle(TIMEOUT_S)
    stream.put("s-0", 3)
    assert [runner.run_cycle(), runner.run_cycle()] == [0.0, POLL_INTERVAL_S]
    assert world.rows() == [1, 2]
    assert not runner.status().is_idle
