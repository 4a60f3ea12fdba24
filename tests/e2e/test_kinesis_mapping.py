"""The fake mapping from Kinesis to a function, on the emulator: poison, partial responses, a split."""

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from local_stack.emulator import Emulator, client
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.event_source_mapping.stack_mappings import stack_mappings
from local_stack.poll_loop import running
from tests.support.waiting import await_condition

STACK, STREAM, BUCKET, CODE_BUCKET = "consumer", "events", "failures", "code"
TIMEOUT_S = 60.0
HASH_KEYS = 2**128
# Handles records in order. A record "poison" raises an error, which fails the whole batch and ends the worker. A record
# "slow" is reported as failed once per worker.
FUNCTION = """
import base64

reported = set()


def handler(event, _context):
    named = [(record, base64.b64decode(record["kinesis"]["data"]).decode()) for record in event["Records"]]
    if any(name.endswith("poison") for _, name in named):
        raise ValueError("poison")
    handled, failed = [], []
    for record, name in named:
        if name.endswith("slow") and name not in reported:
            reported.add(name)
            failed = [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]
            break
        handled.append(name)
    return {"batchItemFailures": failed, "handled": handled}
"""
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": STREAM, "ShardCount": 2}},
        "Failures": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    },
                }
            },
        },
        "Consumer": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": CODE_BUCKET, "S3Key": "function.zip"},
                "Handler": "function.handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            },
        },
        "ConsumerMapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "Enabled": False,
                "EventSourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
                "FunctionName": {"Ref": "Consumer"},
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 4,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "BisectBatchOnFunctionError": True,
                "MaximumRetryAttempts": 2,
                "DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}},
            },
        },
    }
}


def names_in(event: dict[str, Any]) -> list[str]:
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


@dataclass
class ThrottledLambda:
    """The emulator's Lambda. It throttles invocations for `throttled` shards and records all others."""

    client: Any
    throttled: set[str] = field(default_factory=set)
    delivered: list[list[str]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- the SDK's keywords
        event = json.loads(request["Payload"])
        if event["Records"][0]["eventID"].split(":")[0] in self.throttled:
            error = {"Code": "TooManyRequestsException", "Message": "throttled by the test"}
            raise ClientError({"Error": error}, "Invoke")  # type: ignore[typeddict-item]  # only the keys that are read
        response: dict[str, Any] = self.client.invoke(**request)
        body = response["Payload"].read()
        self.delivered.append(names_in(event))
        self.answers.append(json.loads(body))
        return {**response, "Payload": io.BytesIO(body)}

    def handled(self) -> list[str]:
        return [name for answer in self.answers for name in answer.get("handled", [])]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- the rest of the client
        return getattr(self.client, name)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def functions(emulator: Emulator) -> ThrottledLambda:
    return ThrottledLambda(client("lambda", emulator.endpoint_url, INVOKE_READ_TIMEOUT_S, attempts_max=1))


@pytest.fixture
def mapping(emulator: Emulator, functions: ThrottledLambda) -> Iterator[MappingRunner]:
    """The running fake of the deployed mapping, with the stream's first shard throttled."""
    url = emulator.endpoint_url
    clients = MappingClients(
        streams=client("dynamodbstreams", url),
        kinesis=client("kinesis", url),
        functions=cast("Any", functions),
        s3=client("s3", url),
        sqs=client("sqs", url),
    )
    deploy(emulator)
    functions.throttled = {shards(clients.kinesis)[0]["ShardId"]}
    configs = stack_mappings(client("cloudformation", url), clients, STACK)
    runner = MappingRunner(configs["ConsumerMapping"], clients)
    with running([runner]):
        yield runner


def deploy(emulator: Emulator) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("function.py", FUNCTION)
    s3, stacks = client("s3", emulator.endpoint_url), client("cloudformation", emulator.endpoint_url)
    s3.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=CODE_BUCKET, Key="function.zip", Body=packed.getvalue())
    stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})


def shards(kinesis: Any) -> list[Any]:  # noqa: ANN401 -- a boto3 client
    found: list[Any] = kinesis.list_shards(StreamName=STREAM)["Shards"]
    return found


def put(kinesis: Any, names: list[str], share_of_the_key_space: float) -> None:  # noqa: ANN401 -- a boto3 client
    """Put all records in one request, because the mapping reads no more records once a batch is full."""
    hash_key = str(int(HASH_KEYS * share_of_the_key_space))
    records = [{"Data": name.encode(), "PartitionKey": name, "ExplicitHashKey": hash_key} for name in names]
    assert kinesis.put_records(StreamName=STREAM, Records=records)["FailedRecordCount"] == 0


def wait_for(condition: Callable[[], bool], mapping: MappingRunner) -> None:
    await_condition(condition, mapping.status, TIMEOUT_S)


def test_poison_retries_and_a_split_lose_nothing_and_keep_the_order(
    emulator: Emulator, functions: ThrottledLambda, mapping: MappingRunner
) -> None:
    kinesis, s3 = client("kinesis", emulator.endpoint_url), client("s3", emulator.endpoint_url)
    first = [f"first-{number}" for number in range(1, 7)] + ["first-7-poison", "first-8", "first-9-slow", "first-10"]
    second = ["second-1", "second-2-slow", "second-3", "second-4-poison", "second-5"]
    [split] = functions.throttled
    put(kinesis, first, 0.1)
    put(kinesis, second, 0.9)
    # The emulator deletes a split shard and its records, which AWS keeps. So all records must be read before the split.
    wait_for(lambda: [shard.buffered for shard in mapping.status().shards if shard.shard_id == split] == [10], mapping)
    kinesis.split_shard(StreamName=STREAM, ShardToSplit=split, NewStartingHashKey=str(HASH_KEYS // 4))
    children = {0.1: ["left-1", "left-2-slow"], 0.4: ["right-1", "right-2", "right-3"]}
    for share, names in children.items():
        put(kinesis, names, share)
    wait_for(lambda: mapping.status().totals.discarded == 1 and "second-5" in functions.handled(), mapping)
    assert not mapping.wait_until_idle(2.5), "the first shard must not continue while it is throttled, nor its children"
    assert {name.split("-")[0] for batch in functions.delivered for name in batch} == {"second"}

    functions.throttled = set()
    assert mapping.wait_until_idle(TIMEOUT_S), mapping.status()
    handled = functions.handled()
    lineages = {name.split("-")[0]: [*first, *names] for names in children.values() for name in names} | {
        "second": second
    }
    for name, lineage in lineages.items():
        expected = [one for one in lineage if not one.endswith("poison")]
        assert [one for one in handled if one in expected] == expected, name
    status = mapping.status()
    assert (status.totals.delivered, status.totals.discarded, status.finished_shards) == (18, 2, 1)
    assert len(handled) == 18, "a handled record was delivered again"
    assert [len(batch) for batch in functions.delivered if "first-7-poison" in batch][-1] == 1

    documents = [
        json.load(s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"])
        for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    ]
    payloads = [names_in(json.loads(document["payload"])) for document in documents]
    assert sorted(payloads) == [["first-7-poison"], ["second-4-poison"]]
    for document in documents:
        assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert document["responseContext"]["functionError"] == "Unhandled"
        assert document["KinesisBatchInfo"]["batchSize"] == 1
        [record] = json.loads(document["payload"])["Records"]
        assert record["eventID"].startswith(document["KinesisBatchInfo"]["shardId"])
        assert record["invokeIdentityArn"].startswith("arn:aws:iam::")
