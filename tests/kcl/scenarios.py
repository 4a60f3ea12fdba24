"""The guide's program under AWS's real KCL, on the emulator. Slow, and needs Java: `make test-kcl`.

Because of its name, pytest does not collect this file by default.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

import pytest

from local_stack.emulator import Emulator
from tests.kcl.closed_shards import ClosedShards
from tests.kcl.java import JavaMissing, find_java
from tests.kcl.worker import Worker
from tests.kcl.world import STREAM, UNREADABLE, World

START_S = 120.0
"""The KCL's first worker waits up to 30 s for another one to fill the lease table."""
APPLY_S = 120.0
APPLICATION = "balances-consumer"
DAMAGED = b"\xc3\x01no event"
pytestmark = pytest.mark.timeout(600)  # longer than all waits of a scenario together


@pytest.fixture(scope="session", autouse=True)
def _stops_are_interrupts() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, which also stops the emulator and the workers."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture(scope="session")
def java() -> str:
    try:
        return find_java(os.environ)
    except JavaMissing as missing:
        pytest.exit(str(missing), returncode=1)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def local(emulator: Emulator, **settings: str) -> Mapping[str, str]:
    """The endpoints, and shorter waits of the KCL."""
    return {
        "kinesisEndpoint": emulator.endpoint_url,
        "dynamoDBEndpoint": emulator.endpoint_url,
        "metricsLevel": "NONE",  # no CloudWatch metrics
        "failoverTimeMillis": "5000",
        "shardSyncIntervalMillis": "1000",
        "parentShardPollIntervalMillis": "1000",
        "idleTimeBetweenReadsInMillis": "250",
        **settings,
    }


def test_each_event_is_applied_once_in_order(java: str, emulator: Emulator, tmp_path: Path) -> None:
    world = World(emulator.endpoint_url, shards=2, accounts=40, events=50)
    world.publish(through=20)
    damaged = world.kinesis.put_record(StreamName=STREAM, Data=DAMAGED, PartitionKey="0")["SequenceNumber"]
    world.publish(through=30)
    with Worker(java, tmp_path / "worker", emulator.endpoint_url, local(emulator)) as worker:
        worker.wait_for(world.is_done, "the first events are applied", START_S)
        world.publish(through=50)
        worker.wait_for(world.is_done, "the later events are applied", APPLY_S)
    world.check()
    kept = world.s3.list_objects_v2(Bucket=UNREADABLE)["Contents"]
    assert [each["Key"] for each in kept] == [f"{damaged}/0"]


def test_a_worker_continues_after_another_was_killed(java: str, emulator: Emulator, tmp_path: Path) -> None:
    world = World(emulator.endpoint_url, shards=2, accounts=40, events=50)
    world.publish(through=50)
    slow = local(emulator, maxRecords="5")
    with Worker(java, tmp_path / "killed", emulator.endpoint_url, slow) as worker:
        worker.wait_for(lambda: world.applied() > 0, "something is applied", START_S)
        worker.kill()
    assert 0 < world.applied() < world.published, "the worker was not killed between two events"
    with Worker(java, tmp_path / "restarted", emulator.endpoint_url, local(emulator)) as worker:
        worker.wait_for(world.is_done, "the rest is applied", START_S)
    world.check()


def test_two_workers_share_the_shards_and_one_takes_over(java: str, emulator: Emulator, tmp_path: Path) -> None:
    world = World(emulator.endpoint_url, shards=4, accounts=40, events=50)
    world.publish(through=15)
    with (
        Worker(java, tmp_path / "one", emulator.endpoint_url, local(emulator, workerId="one")) as one,
        Worker(java, tmp_path / "two", emulator.endpoint_url, local(emulator, workerId="two")) as two,
    ):
        both = {"one", "two"}
        one.wait_for(lambda: set(world.leases(APPLICATION, "leaseOwner").values()) == both, "both have shards", START_S)
        world.publish(through=30)
        one.wait_for(world.is_done, "both apply", APPLY_S)
        world.publish(through=50)
        two.kill()
        one.wait_for(world.is_done, "one has taken over", APPLY_S)
        assert set(world.leases(APPLICATION, "leaseOwner").values()) == {"one"}
    world.check()


def test_a_shard_that_is_split_ends_and_its_children_follow(java: str, emulator: Emulator, tmp_path: Path) -> None:
    world = World(emulator.endpoint_url, shards=2, accounts=40, events=50)
    closed_shards = ClosedShards(world.kinesis, emulator.endpoint_url, STREAM)
    world.publish(through=25)
    with closed_shards.serving():
        settings = local(emulator, kinesisEndpoint=closed_shards.url)
        with Worker(java, tmp_path / "worker", emulator.endpoint_url, settings) as worker:
            worker.wait_for(world.is_done, "the events before the split are applied", START_S)
            split = closed_shards.split()
            world.publish(through=50)
            worker.wait_for(world.is_done, "the events after the split are applied", APPLY_S)
            assert world.leases(APPLICATION, "checkpoint")[split] == "SHARD_END"
    world.check()
