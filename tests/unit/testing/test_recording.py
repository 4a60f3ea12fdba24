"""`record` writes every shard of a stream to a file, and `from_recording` reads it back unchanged."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from account_events.testing import BadSource, TableStream, from_recording, record
from account_events.testing.recording import write
from account_events.testing.records import STREAM_ARN, StreamRecord
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import KEY
from tests.unit.event_source_mapping.fake_aws import FakeShard, FakeStreams
from tests.unit.event_source_mapping.given import client_error
from tests.unit.testing.streams import table_stream

SPLIT = table_stream("abcdef", 6).split(7)
TRIMMED_PARENT = "shardId-trimmed"


def sdk_record(delivered: StreamRecord) -> dict[str, Any]:
    """The record as boto3 returns it: its time is a datetime, and the stream's ARN is absent."""
    change = delivered["dynamodb"]
    at = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
    return {k: v for k, v in delivered.items() if k != "eventSourceARN"} | {
        "dynamodb": change | {"ApproximateCreationDateTime": at}
    }


def streams(stream: TableStream, *, read_limit: int = 3) -> FakeStreams:
    """A client that lists the children before their closed parent, whose own parent is trimmed."""
    shards = {
        shard.shard_id: FakeShard(
            shard.parent_id or TRIMMED_PARENT,
            shard.parent_id is None,
            list(map(sdk_record, copy.deepcopy(shard.records))),
        )
        for shard in reversed(stream.shards)
    }
    return FakeStreams(shards, read_limit=read_limit)


def recorded(
    client: FakeStreams, path: Path, progress: Callable[[str, int], None] = lambda _shard_id, _records: None
) -> TableStream:
    return record(cast("Any", client), STREAM_ARN, path, key=KEY, sleep=lambda _: None, progress=progress)


def test_every_shard_is_recorded_unchanged_and_can_be_replayed(tmp_path: Path) -> None:
    reported: list[tuple[str, int]] = []
    answer = recorded(streams(SPLIT), tmp_path / "s.json", progress=lambda shard_id, n: reported.append((shard_id, n)))
    stream = from_recording(tmp_path / "s.json", KEY)
    assert stream == answer
    assert {shard.shard_id: shard for shard in stream.shards} == {shard.shard_id: shard for shard in SPLIT.shards}
    assert stream.shards[0] == SPLIT.shards[0]
    assert reported[0] == (SPLIT.shards[0].shard_id, 3)
    assert list(tmp_path.iterdir()) == [tmp_path / "s.json"]
    done = MemoryProjector().replay(stream, batch_sizes=4)
    done.assert_delivered()


def test_binary_values_are_base64_as_in_lambdas_events(tmp_path: Path) -> None:
    client = streams(SPLIT)
    client.shards[SPLIT.shards[0].shard_id].records[0]["dynamodb"]["NewImage"]["Blob"] = {"B": b"\x00\xff"}
    first = recorded(client, tmp_path / "s.json").records[0]
    assert first["dynamodb"]["NewImage"].pop("Blob") == {"B": "AP8="}


def test_an_expired_iterator_loses_and_repeats_no_record(tmp_path: Path) -> None:
    client = streams(SPLIT)
    client.faults = [client_error("ExpiredIteratorException")]
    assert recorded(client, tmp_path / "s.json").shards[0] == SPLIT.shards[0]


def test_an_interrupted_recording_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("before")
    client = streams(SPLIT)
    client.faults = [KeyboardInterrupt()]  # type: ignore[list-item]  # Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        recorded(client, tmp_path / "s.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_an_empty_stream_can_be_recorded(tmp_path: Path) -> None:
    assert recorded(FakeStreams(), tmp_path / "s.json").records == from_recording(tmp_path / "s.json").records == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"StreamViewType": "KEYS_ONLY", "NewImage": None}, "record 1: its StreamViewType KEYS_ONLY"),
        ({"Keys": {"Id": {"S": "x"}}}, "record 1: not a record of this table: its Keys are not AccountId and Version"),
    ],
)
def test_a_stream_without_images_or_of_another_table_is_not_recorded(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    client = streams(SPLIT)
    client.shards[SPLIT.shards[0].shard_id].records[0]["dynamodb"].update(change)
    with pytest.raises(BadSource, match=message):
        recorded(client, tmp_path / "s.json")
    assert list(tmp_path.iterdir()) == []


def changed(change: Callable[[Any], object], path: Path) -> Path:
    write(SPLIT, path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.update(format="2"), "not 'a recorded table stream, 1'"),
        (lambda found: found.update(shards=[]), "not 'a recorded table stream, 1'"),
        (lambda found: found.update(more=[]), "not 'a recorded table stream, 1'"),
        (
            lambda found: found["shards"][1].update(more=[]),
            "shard 2: shardId, parentShardId and records are required, and noth",
        ),
        (lambda found: found["shards"][1].pop("records"), "shard 2: shardId, parentShardId and records are required"),
        (lambda found: found["shards"][1].update(parentShardId=7), "shard 2: shardId"),
        (lambda found: found["shards"][1]["records"][1].pop("eventName"), "shard 2, record 2: not a record"),
        (lambda found: found["shards"].reverse(), "before its parent"),
        (lambda found: found["shards"].append(found["shards"][0]), "appears twice"),
        (lambda found: found["shards"][0]["records"].reverse(), "they must increase"),
    ],
)
def test_a_recording_that_was_tampered_with_is_refused(
    change: Callable[[Any], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=rf"s\.json.*{message}"):
        from_recording(changed(change, tmp_path / "s.json"))


class Trimming(FakeStreams):
    """On its second read the iterator has expired and the checkpoint is trimmed, so it returns records again."""

    reads = 0

    def get_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- the SDK's keywords
        self.reads += 1
        self.faults = [client_error("ExpiredIteratorException")] if self.reads == 2 else []
        return super().get_records(**request)

    def get_shard_iterator(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- the SDK's keywords
        if request["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            raise client_error("TrimmedDataAccessException")
        return super().get_shard_iterator(**request)


def test_records_that_are_read_twice_are_recorded_once(tmp_path: Path) -> None:
    client = Trimming(streams(SPLIT).shards, read_limit=3)
    assert recorded(client, tmp_path / "s.json").shards[0] == SPLIT.shards[0]
    assert "TRIM_HORIZON" in [kind for _, kind, _ in client.opened[1:]]


def test_a_table_stream_of_an_emulator_can_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    images = table_stream("ab", 12).images()
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        table = dynamodb.create_table(
            TableName="accounts",
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            AttributeDefinitions=[
                {"AttributeName": "AccountId", "AttributeType": "S"},
                {"AttributeName": "Version", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "AccountId", "KeyType": "HASH"},
                {"AttributeName": "Version", "KeyType": "RANGE"},
            ],
        )["TableDescription"]
        for image in images:
            dynamodb.put_item(TableName="accounts", Item=image)
        record(boto3.client("dynamodbstreams"), table["LatestStreamArn"], tmp_path / "s.json", sleep=lambda _: None)
    stream = from_recording(tmp_path / "s.json")
    assert stream.images() == images
    MemoryProjector().replay(stream, batch_sizes=6).assert_delivered()
