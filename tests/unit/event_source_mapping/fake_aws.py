"""In-memory fakes of the AWS services that one event source mapping uses, and a runner on top of them."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from account_events.lambda_mapping.config import MappingConfig
from local_stack.event_source_mapping.clients import MappingClients
from local_stack.event_source_mapping.deployed import deployed
from local_stack.event_source_mapping.runner import MappingRunner
from tests.unit.event_source_mapping.given import FUNCTION_ARN, NOW_S, ROLE_ARN, config, event
from tests.unit.event_source_mapping.kinesis_stream import KinesisStream, number_in

PAGE_SIZE = 2
CYCLES_MAX = 500


@dataclass
class FakeShard:
    parent_id: str | None = None
    closed: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class FakeStreams:
    """Each of the next calls of GetRecords raises one of `faults`."""

    shards: dict[str, FakeShard] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    opened: list[tuple[str, str, str | None]] = field(default_factory=list)
    read_limit: int = 1000

    def put(self, shard_id: str, *numbers: int, kind: str = "CREDIT") -> None:
        for number in numbers:
            record = event(number, kind=kind)
            del record["eventSourceARN"]
            record["dynamodb"]["ApproximateCreationDateTime"] = datetime.fromtimestamp(NOW_S, UTC)
            self.shards[shard_id].records.append(record)

    def describe_stream(self, *, StreamArn: str, ExclusiveStartShardId: str | None = None) -> dict[str, Any]:  # noqa: ARG002, N803 - the SDK's names
        names = list(self.shards)
        start = names.index(ExclusiveStartShardId) + 1 if ExclusiveStartShardId else 0
        page = names[start : start + PAGE_SIZE]
        description: dict[str, Any] = {"Shards": [self._described(name) for name in page]}
        if start + PAGE_SIZE < len(names):
            description["LastEvaluatedShardId"] = page[-1]
        return {"StreamDescription": description}

    def get_shard_iterator(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's keywords
        shard_id, kind, number = request["ShardId"], request["ShardIteratorType"], request.get("SequenceNumber")
        self.opened.append((shard_id, kind, number))
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in self.shards[shard_id].records]
        position = {
            "TRIM_HORIZON": 0,
            "LATEST": len(numbers),
            "AFTER_SEQUENCE_NUMBER": sum(1 for one in numbers if number and one <= int(number)),
        }[kind]
        return {"ShardIterator": f"{shard_id}:{position}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        if self.faults:
            raise self.faults.pop(0)
        shard_id, position = ShardIterator.rsplit(":", 1)
        shard, start = self.shards[shard_id], int(position)
        end = min(start + min(Limit, self.read_limit), len(shard.records))
        answer: dict[str, Any] = {"Records": shard.records[start:end]}
        if not shard.closed or end < len(shard.records):
            answer["NextShardIterator"] = f"{shard_id}:{end}"
        return answer

    def _described(self, name: str) -> dict[str, Any]:
        shard = self.shards[name]
        numbers = {"StartingSequenceNumber": "1"} | ({"EndingSequenceNumber": "9"} if shard.closed else {})
        parent = {"ParentShardId": shard.parent_id} if shard.parent_id else {}
        return {"ShardId": name, "SequenceNumberRange": numbers, **parent}


def succeed(_: dict[str, Any]) -> object:
    return {"batchItemFailures": []}


class Raised(Exception):
    """Raise it in a function under test to make Lambda report a function error."""


@dataclass
class FakeLambda:
    """Calls `function` with the decoded event, then sets `called`. The keys of `mappings` are UUIDs."""

    function: Callable[[dict[str, Any]], object] = succeed
    events: list[dict[str, Any]] = field(default_factory=list)
    called: threading.Event = field(default_factory=threading.Event)
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: ARG002, N803 - the SDK's names
        assert InvocationType == "RequestResponse"
        self.events.append(json.loads(Payload))
        answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        answer["ResponseMetadata"] = {"RequestId": f"request-{len(self.events)}"}
        try:
            result = self.function(self.events[-1])
        except Raised as error:
            result = {"errorMessage": str(error), "errorType": "Raised"}
            answer["FunctionError"] = "Unhandled"
        finally:
            self.called.set()
        return {**answer, "Payload": io.BytesIO(json.dumps(result).encode())}

    def get_event_source_mapping(self, *, UUID: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        return self.mappings[UUID]

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        assert FunctionName == FUNCTION_ARN
        return {"Role": ROLE_ARN}

    def batches(self) -> list[list[int]]:
        return [[number_of(one) for one in event["Records"]] for event in self.events]

    def numbers(self) -> list[int]:
        return [number for batch in self.batches() for number in batch]


def number_of(record: dict[str, Any]) -> int:
    return number_in(record) if "kinesis" in record else int(record["dynamodb"]["SequenceNumber"])


@dataclass
class FakeS3:
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803 - the SDK's names
        assert ContentType == "application/json"
        if self.faults:
            raise self.faults.pop(0)
        self.objects[Bucket, Key] = json.loads(Body)


@dataclass
class FakeSqs:
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get_queue_url(self, *, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, str]:  # noqa: N803 - the SDK's names
        return {"QueueUrl": f"https://queue/{QueueOwnerAWSAccountId}/{QueueName}"}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - the SDK's names
        self.messages.append((QueueUrl, json.loads(MessageBody)))


@dataclass
class FakeAws:
    streams: FakeStreams = field(default_factory=FakeStreams)
    kinesis: KinesisStream = field(default_factory=KinesisStream)
    functions: FakeLambda = field(default_factory=FakeLambda)
    s3: FakeS3 = field(default_factory=FakeS3)
    sqs: FakeSqs = field(default_factory=FakeSqs)

    def runner(self, settings: MappingConfig, **more: Any) -> MappingRunner:  # noqa: ANN401 - the runner's own keywords
        return MappingRunner(settings, self.clients(), **more)

    def deployed(self, response: dict[str, Any]) -> MappingConfig:
        return deployed(response, self.clients())

    def clients(self) -> MappingClients:
        return MappingClients(
            streams=cast("Any", self.streams),
            kinesis=cast("Any", self.kinesis),
            functions=cast("Any", self.functions),
            s3=cast("Any", self.s3),
            sqs=cast("Any", self.sqs),
        )


@dataclass
class FakeClock:
    """A clock that advances by `step_s` each time it is read."""

    now_s: float = NOW_S
    step_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def aws_with(*numbers: int) -> FakeAws:
    aws = FakeAws()
    aws.streams.shards["s1"] = FakeShard()
    aws.streams.put("s1", *numbers)
    return aws


def runner_on(aws: FakeAws, clock: FakeClock, settings: MappingConfig | None = None, **more: Any) -> MappingRunner:  # noqa: ANN401 - the runner's own keywords
    return aws.runner(settings or config(), clock=clock, new_uuid=lambda: "uuid", **more)


def run_until_idle(runner: MappingRunner, clock: FakeClock) -> None:
    for _ in range(CYCLES_MAX):
        pause_s = runner.run_cycle()  # the cycle may advance the clock, too
        clock.now_s += pause_s
        if runner.idle():
            return
    raise AssertionError(f"not idle: {runner.status()}")


def raising(*numbers: int) -> Any:  # noqa: ANN401 - a function of any event
    def function(event: dict[str, Any]) -> None:
        if {number_of(one) for one in event["Records"]} & set(numbers):
            raise Raised("poison")

    return function
