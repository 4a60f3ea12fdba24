"""The outage of Kinesis that the projector survives with the template's settings.

The real projector runs with the state machine of the fake event source mapping, on a virtual clock.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.outcome import Invoked
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Discard, Invoke, ShardState, Wait
from account_events.testing.clock import VirtualClock
from account_events.testing.kinesis import MemoryKinesis
from projector.settings import deadline_s
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_records

RESOURCES: dict[str, Any] = yaml_parse((Path(__file__).parents[3] / "template.yaml").read_text())["Resources"]
TIMEOUT_MS = 1000 * RESOURCES["ProjectorFunction"]["Properties"]["Timeout"]
DEPLOYED = {
    "UUID": "mapping-1",
    "EventSourceArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/accounts/stream/2026-01-31T00:00:00.000",
    "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:projector",
    **{
        name: value
        for name, value in RESOURCES["ProjectorMapping"]["Properties"].items()
        if name not in {"Enabled", "EventSourceArn", "FunctionName", "DestinationConfig", "MetricsConfig"}
    },
}


class FailingKinesis(MemoryKinesis):
    """Refuses every call until `until_s` with the error `code`."""

    until_s = 0.0
    code = ""

    def put_records(self, **request: Any) -> Any:  # noqa: ANN401 -- as boto3's client
        if self.clock() < self.until_s:
            self.clock.now_s += 0.015
            raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "PutRecords")
        return super().put_records(**request)


def run(kinesis: FailingKinesis, records: Sequence[dict[str, Any]]) -> int:
    """Deliver until no record is left, and return how many were discarded."""
    clock = kinesis.clock
    projector = MemoryProjector(kinesis)
    shard, discarded = ShardState(MappingConfig.from_api(DEPLOYED)), 0
    shard.feed([StreamRecord.of(record) for record in records], clock())
    while shard.buffered:
        match shard.next_action(clock()):
            case Invoke(batch):
                time_s = deadline_s(clock(), TIMEOUT_MS) - clock()
                answer = projector.deliver([record.event for record in batch], time_s)  # type: ignore[misc]  # JSON
                shard.invoked(Invoked(answer), clock())
            case Discard(batch):
                discarded += len(batch)
                shard.discarded()
            case Wait(until_s):
                clock.now_s = until_s
    return discarded


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "AccessDeniedException"])
def test_an_outage_of_an_hour_loses_no_record(code: str) -> None:
    records = [record for name in "abc" for record in stream_records(history(name, 12))]
    for number, record in enumerate(records):
        record["dynamodb"]["SequenceNumber"] = str(number + 1)
        record["dynamodb"]["ApproximateCreationDateTime"] = 100.0
    kinesis = FailingKinesis(clock=VirtualClock())
    kinesis.until_s, kinesis.code = 100.0 + 3600, code
    assert run(kinesis, records) == 0
    published = [(event.fields["account_id"], event.fields["sequence"]) for event in kinesis.events()]
    for name in "abc":
        assert [sequence for account_id, sequence in published if account_id == name] == list(range(1, 13))
