from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from account_events.lambda_mapping.config import MappingConfig
from account_events.streams.dynamodb_source import DynamoDBSource
from account_events.streams.reader import ShardReader
from account_events.streams.source import LATEST, TRIM_HORIZON

STREAM = "arn:aws:dynamodb:eu-central-1:000000000000:table/accounts/stream/2026-01-31T00:00:00.000"
CONFIG = MappingConfig.from_api({"UUID": "u", "EventSourceArn": STREAM, "FunctionArn": "f"})
THROTTLED = ClientError({"Error": {"Code": "LimitExceededException", "Message": ""}}, "GetRecords")
TIMED_OUT = ReadTimeoutError(endpoint_url="http://127.0.0.1")
EXPIRED = ClientError({"Error": {"Code": "ExpiredIteratorException", "Message": ""}}, "GetRecords")


class FakeStreams:
    """GetRecords raises the faults first, one per call, and then returns the next iterator. Iterators are numbered."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.opened: list[str] = []
        self.read: list[str] = []

    def get_shard_iterator(self, **request: str) -> dict[str, str]:
        self.opened.append(request["ShardIteratorType"])
        return {"ShardIterator": f"opened-{len(self.opened)}"}

    def get_records(self, **request: str | int) -> dict[str, Any]:
        self.read.append(str(request["ShardIterator"]))
        if self.faults:
            raise self.faults.pop(0)
        return {"Records": [], "NextShardIterator": f"{request['ShardIterator']}-next"}


def reader_of(streams: FakeStreams) -> ShardReader:
    return ShardReader(DynamoDBSource(streams, CONFIG), lambda: 0.0)  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize("fault", [THROTTLED, TIMED_OUT], ids=["throttled", "timed out"])
def test_a_temporary_fault_does_not_open_the_shard_again(fault: Exception) -> None:
    """A second iterator at LATEST would skip the records written in between."""
    streams = FakeStreams(fault)
    reader = reader_of(streams)
    with pytest.raises(type(fault)):
        reader.read("shard-1", None, LATEST)
    reader.read("shard-1", None, LATEST)
    reader.read("shard-1", None, LATEST)
    assert streams.opened == ["LATEST"]
    assert streams.read == ["opened-1", "opened-1", "opened-1-next"]


def test_a_new_iterator_after_the_checkpoint_replaces_an_expired_one() -> None:
    streams = FakeStreams(EXPIRED)
    reader_of(streams).read("shard-1", "17", TRIM_HORIZON)
    assert streams.opened == ["AFTER_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]
