"""What the stand-in needs of a stream: its shards, a place in one, and the records from there on."""

from dataclasses import dataclass
from typing import Literal, Protocol

from account_events.lambda_mapping.records import StreamRecord
from account_events.streams.lineage import Shard


@dataclass(frozen=True)
class Position:
    """Where in a shard to read from: `sequence_number` with AFTER_SEQUENCE_NUMBER, `time_s` with AT_TIMESTAMP."""

    kind: Literal["TRIM_HORIZON", "LATEST", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"]
    sequence_number: str = ""
    time_s: float = 0.0


TRIM_HORIZON = Position("TRIM_HORIZON")
LATEST = Position("LATEST")


def after(sequence_number: str) -> Position:
    """Right after a record."""
    return Position("AFTER_SEQUENCE_NUMBER", sequence_number=sequence_number)


def at_time(time_s: float) -> Position:
    """At the first record that arrived then or later."""
    return Position("AT_TIMESTAMP", time_s=time_s)


@dataclass(frozen=True)
class Page:
    """What one GetRecords gave.

    Attributes:
        next_iterator: None when the shard is closed and read to its end.
        behind_ms: Kinesis' MillisBehindLatest; above 0 there is more to read, even where this page is empty. DynamoDB
            does not say, which counts as 0.
    """

    records: tuple[StreamRecord, ...]
    next_iterator: str | None
    behind_ms: int = 0


class StreamSource(Protocol):
    """One stream. Every method may raise botocore's ClientError and BotoCoreError."""

    @property
    def knows_times(self) -> bool:
        """Whether AT_TIMESTAMP is one of its positions."""

    def shards(self) -> tuple[Shard, ...]:
        """The complete list of shards, every page of it."""

    def iterator(self, shard_id: str, position: Position) -> str:
        """A new iterator."""

    def records(self, shard_id: str, iterator: str) -> Page:
        """The records at an iterator of this shard."""
