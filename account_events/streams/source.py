"""The interface of a stream: its shards, positions in a shard, and the records from a position."""

from dataclasses import dataclass
from typing import Literal, Protocol

from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.lineage import Shard


@dataclass(frozen=True)
class Position:
    """Where to start in a shard. AFTER_SEQUENCE_NUMBER uses `sequence_number`, AT_TIMESTAMP uses `time_s`."""

    kind: Literal["TRIM_HORIZON", "LATEST", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"]
    sequence_number: str = ""
    time_s: float = 0.0


TRIM_HORIZON = Position("TRIM_HORIZON")
LATEST = Position("LATEST")


def after(sequence_number: str) -> Position:
    """The position directly after a record."""
    return Position("AFTER_SEQUENCE_NUMBER", sequence_number=sequence_number)


def at_time(time_s: float) -> Position:
    """The position of the first record that arrived at this time or later; seconds since the epoch."""
    return Position("AT_TIMESTAMP", time_s=time_s)


@dataclass(frozen=True)
class Page:
    """The result of one GetRecords.

    Attributes:
        next_iterator: None if the shard is closed and has no more records.
        behind_ms: MillisBehindLatest of Kinesis. Above 0, there is more to read even if this page is empty. Always 0
            for DynamoDB, which does not report it.
    """

    records: tuple[StreamRecord, ...]
    next_iterator: str | None
    behind_ms: int = 0


class StreamSource(Protocol):
    """One stream. Every method may raise botocore's ClientError and BotoCoreError."""

    @property
    def knows_times(self) -> bool:
        """Whether the stream supports the position AT_TIMESTAMP."""

    def shards(self) -> tuple[Shard, ...]:
        """The complete list of shards, from all pages."""

    def iterator(self, shard_id: str, position: Position) -> str:
        """Request a new iterator."""

    def records(self, shard_id: str, iterator: str) -> Page:
        """Read the records at an iterator of this shard."""
