"""What the event stream has of each account."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import Codec
from account_events.avro.errors import ContractError
from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.kinesis_source import RECORDS_PER_READ_MAX, KinesisSource
from account_events.streams.reader import ShardReader
from account_events.streams.source import at_time
from ops.doctor.finding import named
from ops.doctor.stack_view import StackView

WINDOW = timedelta(minutes=15)
"""How far back the event stream is read at most."""
CLOCKS_DIFFER = timedelta(minutes=1)
"""An event may arrive so much before the time that it has."""
PAGES_MAX = 20
"""GetRecords requests per shard."""
PAUSE_S = 0.5
"""Between two GetRecords of a shard, which all of its consumers share five of in a second."""


@dataclass(slots=True)
class Published:
    """The events on the stream within the window.

    Attributes:
        highest: the highest sequence of each account.
        unreadable: what is wrong with the last record that cannot be read; empty if all can.
        unread_shards: the shards that were not read to their end. Their later events are unknown.
    """

    highest: dict[str, int] = field(default_factory=dict)
    unreadable: str = ""
    unread_shards: list[str] = field(default_factory=list)

    @property
    def unknown(self) -> str:
        """Why an event that is not among the highest may be on the stream nevertheless; empty if it cannot."""
        if self.unread_shards:
            return f"{named(self.unread_shards)} could not be read to the end"
        return "a record cannot be read" if self.unreadable else ""


def published(view: StackView, oldest: datetime) -> Published:
    """Read the event stream. It stops after PAGES_MAX requests per shard, so that it ends on any stream.

    Args:
        view: the stack.
        oldest: the time of the oldest event that is looked for.
    """
    found, codec = Published(), view.deployment.codec()
    reader = stream_reader(view)
    start = max(view.now - WINDOW, oldest - CLOCKS_DIFFER)
    for shard in reader.shards():
        pages = ShardPages(view, reader, shard.shard_id, start)
        for records in pages:
            _add(found, records, codec, shard.shard_id)
        if not pages.is_read_to_the_end:
            found.unread_shards.append(shard.shard_id)
    return found


def _is_newer(records: Sequence[StreamRecord], now: datetime) -> bool:
    """Whether the last record arrived after `doctor` began. On a busy stream, there is always another one."""
    return bool(records) and records[-1].created_at_s > now.timestamp()


def stream_reader(view: StackView, records_max: int = RECORDS_PER_READ_MAX) -> ShardReader:
    """A reader of the event stream, with at most so many records per page."""
    arn = view.deployment.outputs["EventStreamArn"]
    source = KinesisSource(view.client("kinesis"), arn, records_max=records_max)
    return ShardReader(source, view.now.timestamp)


class ShardPages:
    """The pages of a shard from a time on, at most PAGES_MAX.

    Attributes:
        is_read_to_the_end: whether the newest record was read; valid after the iteration.
    """

    def __init__(self, view: StackView, reader: ShardReader, shard_id: str, start: datetime) -> None:
        self._view, self._reader, self._shard_id = view, reader, shard_id
        self._start = at_time(start.timestamp())
        self.is_read_to_the_end = False

    def __iter__(self) -> Iterator[Sequence[StreamRecord]]:
        last: str | None = None
        for _ in range(PAGES_MAX):
            read = self._reader.read(self._shard_id, last, self._start)
            yield read.records
            last = read.records[-1].sequence_number if read.records else last
            # MillisBehindLatest of 0: "there are no new records to process at this moment" (API reference, GetRecords).
            if read.ended or not read.behind_ms or _is_newer(read.records, self._view.now):
                self.is_read_to_the_end = True
                return
            self._view.wait(PAUSE_S)


def _add(found: Published, records: Sequence[StreamRecord], codec: Codec, shard_id: str) -> None:
    for record in records:
        try:
            events = [codec.decode(data) for data in unpack(b64decode(record.event["kinesis"]["data"]))]
        except ContractError as error:
            found.unreadable = f"The record {record.sequence_number} of {shard_id} cannot be read: {error}"
            continue
        for event in events:
            account_id = str(event.fields["account_id"])
            found.highest[account_id] = max(found.highest.get(account_id, 0), int(event.fields["sequence"]))
