"""Which mappings of a stack get a fake, in which order, and that waiting for all of them follows that order."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, cast

import pytest

from account_events.lambda_mapping.config import MappingConfig
from local_stack.errors import CommandError
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.event_source_mapping.stack_mappings import stack_mappings
from local_stack.poll_loop import running, wait_until_all_idle
from tests.unit.event_source_mapping.fake_aws import FakeAws, FakeShard
from tests.unit.event_source_mapping.given import FUNCTION_ARN, KINESIS_ARN, STREAM_ARN, config, kinesis_config
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard

TIMEOUT_S = 60.0
MAPPING = "AWS::Lambda::EventSourceMapping"


@dataclass
class FakeStacks:
    """CloudFormation with one stack; it returns one page per resource."""

    resources: dict[str, tuple[str, str]]

    def get_paginator(self, operation: str) -> Self:
        assert operation == "list_stack_resources"
        return self

    def paginate(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 -- the SDK's names
        assert StackName == "stack"
        for logical_id, (kind, physical_id) in self.resources.items():
            resource = {"LogicalResourceId": logical_id, "ResourceType": kind, "PhysicalResourceId": physical_id}
            yield {"StackResourceSummaries": [resource]}


def found(aws: FakeAws, resources: dict[str, tuple[str, str]]) -> dict[str, MappingConfig]:
    return stack_mappings(cast("Any", FakeStacks(resources)), aws.clients(), "stack")


def deployed_on(aws: FakeAws, **sources: str) -> None:
    """Deploy mappings of the function: stream ARN by UUID."""
    aws.functions.mappings = {
        uuid: {"UUID": uuid, "EventSourceArn": arn, "FunctionArn": FUNCTION_ARN} for uuid, arn in sources.items()
    }


def test_mappings_are_sorted_with_the_tables_stream_first() -> None:
    aws = FakeAws()
    deployed_on(aws, one=KINESIS_ARN, two=STREAM_ARN, three=KINESIS_ARN, another_stacks=KINESIS_ARN)
    resources = {
        "BalancesMapping": (MAPPING, "one"),
        "Function": ("AWS::Lambda::Function", "projector"),
        "ProjectorMapping": (MAPPING, "two"),
        "AuditMapping": (MAPPING, "three"),
    }
    configs = found(aws, resources)
    assert list(configs) == ["ProjectorMapping", "BalancesMapping", "AuditMapping"]
    assert [config.uuid for config in configs.values()] == ["two", "one", "three"]


def test_a_mapping_that_cannot_run_locally_is_reported() -> None:
    aws = FakeAws()
    deployed_on(aws, one="arn:aws:sqs:eu-central-1:000000000000:queue")
    with pytest.raises(CommandError, match=r"QueueMapping in template\.yaml cannot run locally: EventSource"):
        found(aws, {"QueueMapping": (MAPPING, "one")})


def test_waiting_for_all_waits_for_records_to_pass_each_mapping() -> None:
    """The projector's function fills the stream that the consumer's mapping reads."""
    tables, consumer = FakeAws(), FakeAws()
    tables.streams.shards["s1"] = FakeShard()
    consumer.kinesis.shards["k1"] = KinesisShard()
    consumer.kinesis.clock = time.time

    def project(event: dict[str, Any]) -> None:
        for record in event["Records"]:
            consumer.kinesis.put("k1", int(record["dynamodb"]["SequenceNumber"]))

    tables.functions.function = project
    runners = [tables.runner(config()), consumer.runner(kinesis_config())]
    for runner in runners:
        runner.start()
    try:
        for number in range(1, 6):
            tables.streams.put("s1", number)
            assert wait_until_all_idle(runners, TIMEOUT_S)
            assert consumer.functions.numbers() == list(range(1, number + 1))
    finally:
        for runner in runners:
            assert runner.stop(TIMEOUT_S)
    assert not wait_until_all_idle(runners, TIMEOUT_S)


def test_the_timeout_applies_to_all_workers_together() -> None:
    now_s, waited = [100.0], []

    class Slow:
        def wait_until_idle(self, timeout_s: float) -> bool:
            waited.append(timeout_s)
            now_s[0] += 4
            return True

    runners = cast("list[MappingRunner]", [Slow(), Slow(), Slow()])
    assert wait_until_all_idle(runners, 6.0, monotonic=lambda: now_s[0])
    assert waited == [6.0, 2.0, 0.0]


def test_a_worker_runs_while_the_context_is_open() -> None:
    aws = FakeAws()
    aws.kinesis.shards["k1"] = KinesisShard()
    aws.kinesis.clock = time.time
    aws.kinesis.put("k1", 1)
    runner = MappingRunner(kinesis_config(), aws.clients())
    with running([runner]):
        assert runner.wait_until_idle(TIMEOUT_S)
        assert runner.status().running
    assert not runner.status().running
    assert aws.functions.numbers() == [1]


def test_workers_that_wait_for_a_server_stop_at_the_same_time() -> None:
    """Each of them ends only while the other is stopping as well."""
    both = threading.Barrier(2, timeout=TIMEOUT_S)

    class Waiting:
        def start(self) -> None:
            """Nothing to start."""

        def stop(self) -> None:
            both.wait()

    with running([Waiting(), Waiting()]):
        assert both.n_waiting == 0
    assert not both.broken


def test_workers_that_have_started_are_stopped_if_another_cannot_start() -> None:
    stopped = []

    class Broken:
        def start(self) -> None:
            raise RuntimeError("is running already")

        def stop(self) -> None:
            stopped.append("broken")

    class Working:
        def start(self) -> None:
            """Nothing to start."""

        def stop(self) -> None:
            stopped.append("working")

    with pytest.raises(RuntimeError, match="is running already"), running([Working(), Broken()]):
        pytest.fail("entered without all workers")
    assert sorted(stopped) == ["broken", "working"]
