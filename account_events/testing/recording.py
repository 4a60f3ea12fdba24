"""A table's real stream in a file, and back."""

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
from account_events.testing.lambda_events import checked_record
from account_events.testing.records import StreamRecord, number_of
from account_events.testing.table_stream import StreamShard, TableStream

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

FORMAT = "a recorded table stream, 1"
QUIET_READS = 4
"""An open shard has no end, and GetRecords may give nothing though more follows: so many such reads end it."""
PAUSE_S = 0.25  # a shard takes five reads a second


def record(
    client: "DynamoDBStreamsClient",
    stream_arn: str,
    path: str | os.PathLike[str],
    *,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[str, int], None] = lambda _shard_id, _records: None,
) -> TableStream:
    """Write what a table's stream holds now, of every shard, parents before children, into a file that replays.

    The file appears when it is complete. What was written to the table while this ran may be missing at the end.

    Args:
        client: for DynamoDB Streams.
        stream_arn: the table's `LatestStreamArn`.
        path: of the file; replaced if it is there.
        sleep: waits so many seconds.
        progress: is told the shard, and how many records of it there are so far.

    Raises:
        botocore.exceptions.ClientError: for example there is no such stream.
        account_events.lambda_mapping.errors.UnsupportedMapping: the ARN is no stream's.
        BadSource: it is another table's, or brings only the rows' keys.
    """
    config = MappingConfig(uuid="recording", stream_arn=stream_arn, function_arn="nobody")
    reader = ShardReader(DynamoDBSource(client, config), clock=lambda: 0.0)  # a time, only Kinesis would need
    listed = reader.shards()
    ids = {shard.shard_id for shard in listed}
    shards = {
        shard.shard_id: StreamShard(
            shard.shard_id,
            tuple(_checked(f"{stream_arn}, {shard.shard_id}", _read(reader, shard, sleep, progress))),
            _parent(shard, ids),
        )
        for shard in _parents_first(listed)
    }
    stream = TableStream(tuple(shards.values()) or (StreamShard("none", ()),))
    write(stream, path)
    return stream


def write(stream: TableStream, path: str | os.PathLike[str]) -> None:
    """A stream as `from_recording` reads it, one record on a line."""
    target = Path(path)
    shards = ",\n".join(_shard_text(shard) for shard in stream.shards)
    text = f'{{"format": {json.dumps(FORMAT)}, "shards": [\n{shards}\n]}}\n'
    partial = target.with_name(f"{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)


def from_recording(path: str | os.PathLike[str]) -> TableStream:
    """What `record` wrote; or a bare list of stream records, which is one shard.

    Raises:
        BadSource: the file is neither; with its name, and the shard and record.
    """
    [(where, found), *more] = documents(Path(path))
    try:
        match found:
            case list(records) if not more:
                return TableStream.of(_checked(where, records))
            case {"format": format_, "shards": list(shards), **others} if (
                format_ == FORMAT and shards and not more and not others
            ):
                return TableStream(tuple(_shard(f"{where}, shard {n}", one) for n, one in enumerate(shards, 1)))
    except BadReplay as error:
        raise BadSource(f"{where}: {error}") from error
    raise BadSource(f"{where}: not {FORMAT!r}; for captured events of Lambda there is from_lambda_events")


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
        # An iterator opened anew may give again what was read before.
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
    """Not one that was trimmed: nothing of it is left to be replayed."""
    return shard.parent_id if shard.parent_id in there else None


def _shard_text(shard: StreamShard) -> str:
    records = ",\n".join(json.dumps(record, separators=(",", ":")) for record in shard.records)
    head = f'"shardId": {json.dumps(shard.shard_id)}, "parentShardId": {json.dumps(shard.parent_id)}'
    return f'{{{head}, "records": [\n{records}\n]}}'


def _shard(where: str, shard: Any) -> StreamShard:  # noqa: ANN401 -- whatever was in the file
    match shard:
        case {"shardId": str(shard_id), "records": list(records), **others}:
            parent_id = others.pop("parentShardId", None)
            if not others and (parent_id is None or isinstance(parent_id, str)):
                return StreamShard(shard_id, tuple(_checked(where, records)), parent_id)
    raise BadSource(f"{where}: shardId, parentShardId and records are due, and nothing else")


def _checked(where: str, records: list[Any]) -> list[StreamRecord]:
    return [checked_record(f"{where}, record {n}", one) for n, one in enumerate(records, 1)]
