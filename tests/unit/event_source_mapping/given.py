"""Records, configurations and a driver for the tests of our fake of Lambda's event source mapping."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.filters import FilterCriteria
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Discard, Idle, Invoke, ShardState, Wait

NOW_S = 1_700_000_000.0
STREAM_ARN = "arn:aws:dynamodb:eu-central-1:000000000000:table/accounts/stream/2026-01-01T00:00:00.000"
KINESIS_ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/domain-events"
ROLE_ARN = "arn:aws:iam::000000000000:role/consumer"
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:000000000000:function:projector"
ACTIONS_MAX = 20_000

Function = Callable[[list[str]], Invoked | NotInvoked]


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "injected by the test"}}, "Operation")


def event(number: int, *, created_at_s: float = NOW_S, kind: str = "CREDIT", padding: int = 0) -> dict[str, Any]:
    image = {"AccountId": {"S": "a"}, "Version": {"N": str(number)}, "Type": {"S": kind}}
    if padding:
        image["Padding"] = {"S": "x" * padding}
    return {
        "eventID": f"id-{number}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": created_at_s,
            "Keys": {"AccountId": {"S": "a"}, "Version": {"N": str(number)}},
            "NewImage": image,
            "SequenceNumber": str(number),
            "SizeBytes": 100,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": STREAM_ARN,
    }


def record(number: int, *, created_at_s: float = NOW_S, kind: str = "CREDIT", padding: int = 0) -> StreamRecord:
    return StreamRecord.of(event(number, created_at_s=created_at_s, kind=kind, padding=padding))


def records(numbers: Iterable[int]) -> list[StreamRecord]:
    return [record(number) for number in numbers]


def config(*, patterns: Iterable[str] = (), **settings: Any) -> MappingConfig:  # noqa: ANN401 - any field of it
    return MappingConfig(
        uuid="11111111-2222-3333-4444-555555555555",
        stream_arn=STREAM_ARN,
        function_arn=FUNCTION_ARN,
        filters=FilterCriteria.of(patterns),
        **settings,
    )


def kinesis_config(**settings: Any) -> MappingConfig:  # noqa: ANN401 - any field of it
    return replace(config(), stream_arn=KINESIS_ARN, invoke_identity_arn=ROLE_ARN, **settings)


def numbers_of(action: object) -> list[int]:
    assert isinstance(action, Invoke | Discard), action
    return [int(one.sequence_number) for one in action.records]


def ok(_: list[str]) -> Invoked:
    return Invoked()


def failing() -> Invoked:
    return Invoked(result={"errorMessage": "boom"}, function_error="Unhandled", request_id="r-1")


def reporting(*numbers: object) -> Invoked:
    return Invoked(result={"batchItemFailures": [{"itemIdentifier": number} for number in numbers]})


def poisoned(*poison: int) -> Function:
    """A function that fails if any of these records is in its batch."""
    marked = {str(number) for number in poison}
    return lambda numbers: failing() if marked & set(numbers) else Invoked()


def in_order(*poison: int) -> Function:
    """A function that handles records in order, stops at the first poisonous one, and reports it."""
    marked = {str(number) for number in poison}

    def function(numbers: list[str]) -> Invoked:
        first = next((number for number in numbers if number in marked), None)
        return reporting(first) if first else Invoked()

    return function


@dataclass
class Run:
    """What happened while a shard was driven until it had nothing left to do."""

    deliveries: list[list[int]] = field(default_factory=list)
    discards: list[Discard] = field(default_factory=list)
    now_s: float = NOW_S

    def discarded(self) -> list[list[int]]:
        return [numbers_of(discard) for discard in self.discards]


def drive(shard: ShardState, function: Function, *, now_s: float = NOW_S) -> Run:
    """Carry out every action on a virtual clock until the shard is idle."""
    run = Run(now_s=now_s)
    for _ in range(ACTIONS_MAX):
        action = shard.next_action(run.now_s)
        if isinstance(action, Invoke):
            run.deliveries.append(numbers_of(action))
            shard.invoked(function([one.sequence_number for one in action.records]), run.now_s)
        elif isinstance(action, Discard):
            run.discards.append(action)
            shard.discarded()
        elif isinstance(action, Wait):
            assert action.until_s > run.now_s, "a wait must end in the future"
            run.now_s = action.until_s
        else:
            assert isinstance(action, Idle)
            return run
    raise AssertionError("the shard does not become idle")


def shard_with(numbers: Iterable[int], settings: Mapping[str, Any] | None = None) -> ShardState:
    shard = ShardState(config(**(settings or {})))
    shard.feed(records(numbers), NOW_S)
    return shard
