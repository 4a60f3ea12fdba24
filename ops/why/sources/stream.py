"""Events on the Kinesis stream. The table's stream is never read: it allows only two readers."""

from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import Codec
from account_events.avro.errors import ContractError
from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.kinesis_source import RECORDS_PER_READ_MAX
from ops.doctor.finding import named
from ops.doctor.published import ShardPages, stream_reader
from ops.doctor.stack_view import StackView
from ops.why.facts import EventKey, OnStream

COMPRESSED = b"\x03\x05"
"""The header of Glue's framing with compression; this project's encoders never compress."""


@dataclass(frozen=True, slots=True)
class Carried:
    """An event on the stream: its fields, and its first record within what was read."""

    fields: Mapping[str, Any]
    record: OnStream


@dataclass(slots=True)
class StreamSearch:
    """What was found on the event stream.

    Attributes:
        events: the events found.
        start: the time from which records were read.
        shards: the number of shards that were read.
        unread: why an event may be on the stream although it was not found; empty if it is not there.
    """

    start: datetime
    shards: int = 0
    events: dict[EventKey, Carried] = field(default_factory=dict)
    unread: str = ""


def search(
    view: StackView,
    texts: Sequence[str],
    is_wanted: Callable[[Mapping[str, Any]], bool],
    *,
    start: datetime,
    shard_ids: Sequence[str] | None = None,
    expected: Collection[EventKey] | None = None,
    records_max: int = RECORDS_PER_READ_MAX,
) -> StreamSearch:
    """Reads shards from a time on, and keeps the wanted events.

    A record is decoded only if it contains one of the texts, which is fast: Avro writes strings as they are.

    Args:
        view: the stack.
        texts: strings of which each wanted event has at least one.
        is_wanted: whether an event with these fields is wanted.
        start: records that arrived before are not read.
        shard_ids: the shards to read; None for all.
        expected: all wanted events, if they are known: reading ends when they are found.
        records_max: how many records each request reads at most.
    """
    found, codec, reader = StreamSearch(start), view.deployment.codec(), stream_reader(view, records_max)
    needles = [text.encode() for text in texts]
    unread = []
    for shard_id in [shard.shard_id for shard in reader.shards()] if shard_ids is None else shard_ids:
        pages = ShardPages(view, reader, shard_id, start)
        for records in pages:
            for record in records:
                try:
                    for fields in _events_in(record, needles, codec):
                        if is_wanted(fields):
                            _add(found, fields, record, shard_id)
                except ContractError as error:
                    found.unread = f"the record {record.sequence_number} of {shard_id} cannot be read: {error}"
            if expected is not None and found.events.keys() >= set(expected):
                return found
        found.shards += 1
        if not pages.is_read_to_the_end:
            unread.append(shard_id)
    if unread:
        found.unread = f"{named(unread)} could not be read to the end"
    return found


def shards_of(view: StackView, account_id: str) -> list[str]:
    """The shards that can have an account's events: several after a reshard."""
    buckets = int(view.deployment.outputs["Buckets"])
    key = int(hash_key(bucket_of(account_id, buckets), buckets))
    arn = view.deployment.outputs["EventStreamArn"]
    pages = view.client("kinesis").get_paginator("list_shards").paginate(StreamARN=arn)
    return [
        shard["ShardId"]
        for page in pages
        for shard in page["Shards"]
        if int(shard["HashKeyRange"]["StartingHashKey"]) <= key <= int(shard["HashKeyRange"]["EndingHashKey"])
    ]


def retention(view: StackView) -> timedelta:
    """How long the event stream keeps its records."""
    name = view.deployment.outputs["EventStreamName"]
    described = view.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return timedelta(hours=described["RetentionPeriodHours"])


def _events_in(record: StreamRecord, needles: Sequence[bytes], codec: Codec) -> Iterator[Mapping[str, Any]]:
    whole = b64decode(record.event["kinesis"]["data"])
    if not _may_have(whole, needles):
        return
    for data in unpack(whole):
        if _may_have(data, needles):
            yield codec.decode(data).fields


def _may_have(data: bytes, needles: Sequence[bytes]) -> bool:
    return COMPRESSED in data[:2] or any(needle in data for needle in needles)


def _add(found: StreamSearch, fields: Mapping[str, Any], record: StreamRecord, shard_id: str) -> None:
    key = EventKey(str(fields["account_id"]), int(fields["sequence"]))
    arrived_at = datetime.fromtimestamp(record.created_at_s, UTC)
    if key not in found.events or arrived_at < found.events[key].record.arrived_at:
        found.events[key] = Carried(fields, OnStream(shard_id, record.sequence_number, arrived_at))
