"""Which mappings of a stack get a stand-in, in which order, and that waiting for all is waiting in that order."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import pytest

from account_events.lambda_mapping.config import MappingConfig
from local_stack.errors import CommandError
from local_stack.event_source_mapping.stack_mappings import running, stack_mappings
from local_stack.poll_loop import wait_until_all_idle
from tests.unit.event_source_mapping.fake_aws import FakeAws, FakeShard
from tests.unit.event_source_mapping.given import FUNCTION_ARN, KINESIS_ARN, STREAM_ARN, config, kinesis_config
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard

if TYPE_CHECKING:
    from local_stack.event_source_mapping.runner import MappingRunner

TIMEOUT_S = 60.0
MAPPING = "AWS::Lambda::EventSourceMapping"


@dataclass
class FakeStacks:
    """One stack; a page for each resource."""

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
    """Mappings of the one function, by their UUIDs."""
    aws.functions.mappings = {
        uuid: {"UUID": uuid, "EventSourceArn": arn, "FunctionArn": FUNCTION_ARN} for uuid, arn in sources.items()
    }


def test_every_mapping_of_the_stack_is_found_and_those_of_the_tables_stream_are_first() -> None:
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


def test_a_mapping_that_cannot_be_run_at_home_is_named() -> None:
    aws = FakeAws()
    deployed_on(aws, one="arn:aws:sqs:eu-central-1:000000000000:queue")
    with pytest.raises(CommandError, match=r"QueueMapping in template\.yaml cannot be run at home: EventSource"):
        found(aws, {"QueueMapping": (MAPPING, "one")})


def test_waiting_for_all_lets_what_was_written_pass_one_after_the_other() -> None:
    """The projector's function fills the stream from which the consumer's reads."""
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


def test_the_time_to_wait_is_for_all_together() -> None:
    now_s, waited = [100.0], []

    class Slow:
        def wait_until_idle(self, timeout_s: float) -> bool:
            waited.append(timeout_s)
            now_s[0] += 4
            return True

    runners = cast("list[MappingRunner]", [Slow(), Slow(), Slow()])
    assert wait_until_all_idle(runners, 6.0, monotonic=lambda: now_s[0])
    assert waited == [6.0, 2.0, 0.0]


def test_the_stand_ins_run_for_as_long_as_they_are_needed() -> None:
    aws = FakeAws()
    aws.kinesis.shards["k1"] = KinesisShard()
    aws.kinesis.clock = time.time
    aws.kinesis.put("k1", 1)
    with running({"ConsumerMapping": kinesis_config()}, aws.clients()) as runners:
        runner = runners["ConsumerMapping"]
        assert runner.wait_until_idle(TIMEOUT_S)
        assert runner.status().running
    assert not runner.status().running
    assert aws.functions.numbers() == [1]
