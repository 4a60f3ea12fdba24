"""Records a table's real stream to a file, and reads the file."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from account_events.lambda_mapping.config import MappingConfig
from account_events.streams.dynamodb_source import DynamoDBSource
from account_events.streams.lineage import Shard, readable_shards
from account_events.streams.reader import ShardReader
from account_events.streams.source import TRIM_HORIZON
from account_events.testing.errors import BadReplay, BadSource
from account_events.testing.files import documents
from account_events.testing.lambda_events import RecordCheck
from account_events.testing.record_stream import FIRST_SHARD, StreamShard
from account_events.testing.records import StreamRecord, number_of
from account_events.testing.table_key import TableKey
from account_events.testing.table_stream import TableStream

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

FORMAT = "a recorded table stream, 1"
QUIET_READS = 4
"""An open shard is read until so many reads in a row return no records: one empty read does not prove its end."""
PAUSE_S = 0.25  # a shard allows five reads per second


def record(
    client: "DynamoDBStreamsClient",
    stream_arn: str,
    path: str | os.PathLike[str],
    *,
    key: TableKey | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[str, int], None] = lambda _shard_id, _records: None,
) -> TableStream:
    """Write the current records of a table's stream to a file: all shards, parents before children.

    The file appears when it is complete. Changes to the table during the recording may be missing at its end.

    Args:
        client: a boto3 client for DynamoDB Streams.
        stream_arn: the table's `LatestStreamArn`.
        path: the file, which is replaced if it exists.
        key: the table's key; required to split or shuffle the stream if the key has two attributes.
        sleep: waits for a number of seconds.
        progress: called with a shard's id and the number of its records that have been read.

    Raises:
        botocore.exceptions.ClientError: for example, the stream does not exist.
        account_events.lambda_mapping.errors.UnsupportedMapping: `stream_arn` is not the ARN of a stream.
        BadSource: the stream belongs to another table, or contains only the items' keys.
    """
    config = MappingConfig(uuid="recording", stream_arn=stream_arn, function_arn="nobody")
    reader = ShardReader(DynamoDBSource(client, config), clock=lambda: 0.0)  # only Kinesis would need a time
    listed = reader.shards()
    ids = {shard.shard_id for shard in listed}
    check = RecordCheck(key)
    shards = {
        shard.shard_id: StreamShard(
            shard.shard_id,
            _checked(f"{stream_arn}, {shard.shard_id}", _read(reader, shard, sleep, progress), check),
            _parent(shard, ids),
        )
        for shard in _parents_first(listed)
    }
    stream = TableStream(tuple(shards.values()) or (StreamShard("none", ()),), key=check.key)
    write(stream, path)
    return stream


def write(stream: TableStream, path: str | os.PathLike[str]) -> None:
    """Write a stream in the format of `from_recording`, one record per line."""
    target = Path(path)
    shards = ",\n".join(_shard_text(shard) for shard in stream.shards)
    text = f'{{"format": {json.dumps(FORMAT)}, "shards": [\n{shards}\n]}}\n'
    partial = target.with_name(f"{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)


def from_recording(path: str | os.PathLike[str], key: TableKey | None = None) -> TableStream:
    """Read a file that `record` wrote, or a list of stream records, which becomes one shard.

    Args:
        path: the file.
        key: the table's key; required to split or shuffle the stream if the key has two attributes.

    Raises:
        BadSource: the file is not valid; the message names the file, shard and record.
    """
    [(where, found), *more] = documents(Path(path))
    check = RecordCheck(key)
    try:
        match found:
            case list(records) if not more:
                shards: tuple[StreamShard, ...] = (StreamShard(FIRST_SHARD, _checked(where, records, check)),)
                return TableStream(shards, key=check.key)
            case {"format": format_, "shards": list(listed), **others} if (
                format_ == FORMAT and listed and not more and not others
            ):
                shards = tuple(_shard(f"{where}, shard {n}", one, check) for n, one in enumerate(listed, 1))
                return TableStream(shards, key=check.key)
    except BadReplay as error:
        raise BadSource(f"{where}: {error}") from error
    raise BadSource(f"{where}: not {FORMAT!r}; read captured events of Lambda with from_lambda_events")


def _parents_first(listed: tuple[Shard, ...]) -> list[Shard]:
    by_id = {shard.shard_id: shard for shard in listed}
    ordered: list[str] = []
    while readable := readable_shards(listed, finished=ordered):
        ordered += readable
    return [by_id[shard_id] for shard_id in ordered]


def _read(
    reader: ShardReader, shard: Shard, sleep: Callable[[float], None], progress: Callable[[str, int], None]
) -> list[StreamRecord]:
    found: list[StreamRecord] = []
    quiet = 0
    while quiet < QUIET_READS:
        last = number_of(found[-1]) if found else None
        read = reader.read(shard.shard_id, last, TRIM_HORIZON)
        # A new iterator may return records that were read before.
        fresh = [dict(one.event) for one in read.records if last is None or int(one.sequence_number) > int(last)]
        found += fresh
        progress(shard.shard_id, len(found))
        if read.ended:
            break
        quiet = 0 if fresh or shard.closed else quiet + 1
        if not fresh:
            sleep(PAUSE_S)
    return found


def _parent(shard: Shard, there: set[str]) -> str | None:
    """The parent, unless it was trimmed and therefore cannot be replayed."""
    return shard.parent_id if shard.parent_id in there else None


def _shard_text(shard: StreamShard) -> str:
    records = ",\n".join(json.dumps(record, separators=(",", ":")) for record in shard.records)
    head = f'"shardId": {json.dumps(shard.shard_id)}, "parentShardId": {json.dumps(shard.parent_id)}'
    return f'{{{head}, "records": [\n{records}\n]}}'


def _shard(where: str, shard: Any, check: RecordCheck) -> StreamShard:  # noqa: ANN401 -- any JSON value
    match shard:
        case {"shardId": str(shard_id), "records": list(records), **others}:
            parent_id = others.pop("parentShardId", None)
            if not others and (parent_id is None or isinstance(parent_id, str)):
                return StreamShard(shard_id, _checked(where, records, check), parent_id)
    raise BadSource(f"{where}: shardId, parentShardId and records are required, and nothing else")


def _checked(where: str, records: list[Any], check: RecordCheck) -> tuple[StreamRecord, ...]:
    return tuple(check(f"{where}, record {n}", one) for n, one in enumerate(records, 1))
