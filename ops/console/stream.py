"""Reads the event stream for the console: never the table's stream, which has space for two readers only."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import Codec
from account_events.avro.errors import ContractError
from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.lineage import readable_shards
from account_events.streams.reader import ShardReader
from account_events.streams.source import LATEST, TRIM_HORIZON, StreamSource
from ops.console.published import Arrived

LIST_S = 10.0
"""How often the shards are listed, to find those that a reshard adds."""


class StreamReading:
    """The records that arrive after the first `read`, from every shard. A later `read` continues after an error.

    Args:
        source: the stream.
        codec: decodes the events.
        clock: returns seconds since the epoch.

    Attributes:
        unreadable: the number of records that could not be decoded.
        last_unreadable: what is wrong with the last of them; empty if there is none.
    """

    def __init__(self, source: StreamSource, codec: Codec, clock: Callable[[], float]) -> None:
        self._reader, self._codec, self._clock = ShardReader(source, clock), codec, clock
        self._starts: dict[str, bool] = {}
        """The open shards, and whether each is read from its newest record."""
        self._finished: set[str] = set()
        self._last_read: dict[str, str] = {}
        self._listed_s: float | None = None
        self.unreadable = 0
        self.last_unreadable = ""

    def read(self) -> Iterator[Arrived]:
        """Request the records of each shard once, and yield their events, in each shard's order.

        Raises:
            ClientError, BotoCoreError: Kinesis refused or did not answer. The shards before were read.
        """
        if self._listed_s is None or self._clock() - self._listed_s >= LIST_S:
            self._list()
        for shard_id, is_latest in list(self._starts.items()):
            start = LATEST if is_latest else TRIM_HORIZON
            read = self._reader.read(shard_id, self._last_read.get(shard_id), start)
            for record in read.records:
                self._last_read[shard_id] = record.sequence_number
                yield from self._events(record, shard_id)
            if read.ended:
                self._finished.add(shard_id)
                del self._starts[shard_id]
                self._listed_s = None

    @property
    def shards(self) -> int:
        """The number of open shards."""
        return len(self._starts)

    def _list(self) -> None:
        listed = self._reader.shards()
        is_first = not self._starts and not self._finished
        self._finished &= {shard.shard_id for shard in listed}
        if is_first:
            self._finished |= {shard.shard_id for shard in listed if shard.closed}
        for shard_id in readable_shards(listed, finished=self._finished, unfinished=self._starts.keys()):
            self._starts.setdefault(shard_id, is_first)
        self._listed_s = self._clock()

    def _events(self, record: StreamRecord, shard_id: str) -> Iterator[Arrived]:
        arrived_at = datetime.fromtimestamp(record.created_at_s, UTC)
        seen_at = datetime.fromtimestamp(self._clock(), UTC)
        try:
            for data in unpack(b64decode(record.event["kinesis"]["data"])):
                event = self._codec.decode(data)
                yield Arrived(event, shard_id, record.sequence_number, arrived_at, seen_at)
        except ContractError as error:
            self.unreadable += 1
            self.last_unreadable = f"The record {record.sequence_number} of {shard_id} cannot be read: {error}"
