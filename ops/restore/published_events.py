"""Reads the published events, per account in order, from the lake and from the event stream."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from account_core.domain.events import EventRow
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import Codec
from account_events.streams.reader import ShardReader
from account_events.streams.source import at_time
from consumers.lake import table
from ops.lake.query.duckdb_errors import translated
from ops.restore.published_rows import row_of

if TYPE_CHECKING:
    import duckdb

AccountEvents = tuple[str, list[EventRow]]
"""An account's id and its events, as rows, in order of their sequences, each once."""

FETCHED = 10_000
EVENTS_MAX = 100_000
"""Events of the stream kept in memory, about 100 MB. An account's events may be in several such groups."""
PAUSE_S = 0.2
"""Between two GetRecords of a shard, which all of its consumers share five of in a second."""
_COLUMNS = [column.name for column in table.EVENT_FIELDS]
_EVENTS = f"SELECT event_type, {', '.join(_COLUMNS)} FROM events WHERE dt >= $since ORDER BY account_id, sequence"  # noqa: S608 -- our own names


def in_lake(connection: "duckdb.DuckDBPyConnection", since: datetime) -> Iterator[AccountEvents]:
    """The events in the lake of that day and later ones.

    Args:
        connection: that of a `DuckDBEngine`.
        since: UTC.
    """
    with translated(connection):
        found = connection.execute(_EVENTS, {"since": since.date().isoformat()})
        rows = iter(lambda: found.fetchmany(FETCHED), [])
        events = (row_of(name, dict(zip(_COLUMNS, values, strict=True))) for page in rows for name, *values in page)
        for account_id, account in groupby(events, key=attrgetter("account_id")):
            yield account_id, list(account)


def on_stream(
    reader: ShardReader, codec: Codec, since: datetime, wait: Callable[[float], object]
) -> Iterator[AccountEvents]:
    """The events that arrived on the stream since then. Every shard is read to its end.

    Args:
        reader: reads the stream.
        codec: decodes its events.
        since: UTC.
        wait: waits that many seconds.

    Raises:
        account_events.avro.errors.ContractError: a record cannot be read.
    """
    kept: defaultdict[str, dict[int, EventRow]] = defaultdict(dict)
    count = 0
    for event in _records(reader, codec, since, wait):
        kept[event.account_id].setdefault(event.sequence, event)
        count += 1
        if count == EVENTS_MAX:
            yield from _in_order(kept)
            kept, count = defaultdict(dict), 0
    yield from _in_order(kept)


def _records(reader: ShardReader, codec: Codec, since: datetime, wait: Callable[[float], object]) -> Iterator[EventRow]:
    start = at_time(since.timestamp())
    for shard in reader.shards():
        last: str | None = None
        while True:
            read = reader.read(shard.shard_id, last, start)
            for record in read.records:
                last = record.sequence_number
                for data in unpack(b64decode(record.event["kinesis"]["data"])):
                    event = codec.decode(data)
                    yield row_of(event.name, event.fields)
            if read.ended or not (read.records or read.behind_ms):
                break
            wait(PAUSE_S)


def _in_order(kept: Mapping[str, Mapping[int, EventRow]]) -> Iterable[AccountEvents]:
    return ((account_id, [events[sequence] for sequence in sorted(events)]) for account_id, events in kept.items())
