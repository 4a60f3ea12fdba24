"""A real stream, of every shard, ends up in a file and comes back as it was."""

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
from tests.unit.testing.streams import bank

SPLIT = bank("abcdef", 6).split(7)
LONG_AGO = "shardId-trimmed"


def sdk(told: StreamRecord) -> dict[str, Any]:
    """As GetRecords gives it: times are times, and no ARN."""
    change = told["dynamodb"]
    at = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
    return {k: v for k, v in told.items() if k != "eventSourceARN"} | {
        "dynamodb": change | {"ApproximateCreationDateTime": at}
    }


def streams(stream: TableStream, *, read_limit: int = 3) -> FakeStreams:
    """Children listed before their parents, which are closed; the first's parent is trimmed."""
    shards = {
        shard.shard_id: FakeShard(
            shard.parent_id or LONG_AGO, shard.parent_id is None, list(map(sdk, copy.deepcopy(shard.records)))
        )
        for shard in reversed(stream.shards)
    }
    return FakeStreams(shards, read_limit=read_limit)


def recorded(
    client: FakeStreams, path: Path, progress: Callable[[str, int], None] = lambda _shard_id, _records: None
) -> TableStream:
    return record(cast("Any", client), STREAM_ARN, path, key=KEY, sleep=lambda _: None, progress=progress)


def test_every_shard_is_recorded_and_replays_as_it_was(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    answer = recorded(streams(SPLIT), tmp_path / "s.json", progress=lambda shard_id, n: told.append((shard_id, n)))
    stream = from_recording(tmp_path / "s.json", KEY)
    assert stream == answer
    assert {shard.shard_id: shard for shard in stream.shards} == {shard.shard_id: shard for shard in SPLIT.shards}
    assert stream.shards[0] == SPLIT.shards[0]
    assert told[0] == (SPLIT.shards[0].shard_id, 3)
    assert list(tmp_path.iterdir()) == [tmp_path / "s.json"]
    done = MemoryProjector().replay(stream, batch_sizes=4)
    done.assert_delivered()


def test_binary_is_text_as_lambda_has_it(tmp_path: Path) -> None:
    client = streams(SPLIT)
    client.shards[SPLIT.shards[0].shard_id].records[0]["dynamodb"]["NewImage"]["Blob"] = {"B": b"\x00\xff"}
    first = recorded(client, tmp_path / "s.json").records[0]
    assert first["dynamodb"]["NewImage"].pop("Blob") == {"B": "AP8="}


def test_an_iterator_that_expires_loses_and_doubles_nothing(tmp_path: Path) -> None:
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


def test_an_empty_stream_is_one(tmp_path: Path) -> None:
    assert recorded(FakeStreams(), tmp_path / "s.json").records == from_recording(tmp_path / "s.json").records == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"StreamViewType": "KEYS_ONLY", "NewImage": None}, "record 1: its StreamViewType KEYS_ONLY"),
        ({"Keys": {"Id": {"S": "x"}}}, "record 1: not a record of this table: its Keys are not AccountId and Version"),
    ],
)
def test_a_stream_that_proves_nothing_is_not_recorded(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    client = streams(SPLIT)
    client.shards[SPLIT.shards[0].shard_id].records[0]["dynamodb"].update(change)
    with pytest.raises(BadSource, match=said):
        recorded(client, tmp_path / "s.json")
    assert list(tmp_path.iterdir()) == []


def changed(change: Callable[[Any], object], path: Path) -> Path:
    write(SPLIT, path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "said"),
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
    change: Callable[[Any], object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSource, match=rf"s\.json.*{said}"):
        from_recording(changed(change, tmp_path / "s.json"))


class Trimming(FakeStreams):
    """Its second read finds its iterator expired, and its checkpoint trimmed: what is left is given anew."""

    reads = 0

    def get_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- the SDK's keywords
        self.reads += 1
        self.faults = [client_error("ExpiredIteratorException")] if self.reads == 2 else []
        return super().get_records(**request)

    def get_shard_iterator(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- the SDK's keywords
        if request["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            raise client_error("TrimmedDataAccessException")
        return super().get_shard_iterator(**request)


def test_records_that_are_given_again_are_recorded_once(tmp_path: Path) -> None:
    client = Trimming(streams(SPLIT).shards, read_limit=3)
    assert recorded(client, tmp_path / "s.json").shards[0] == SPLIT.shards[0]
    assert "TRIM_HORIZON" in [kind for _, kind, _ in client.opened[1:]]


def test_a_table_s_stream_is_recorded_as_an_emulator_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    images = bank("ab", 12).images()
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
