"""All rows that the accounts may have: their items, and the exact bytes that each event must become."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from account_core.domain.events import EventRow, Row
from account_events.avro.codec import encode
from account_events.testing.records import StreamRecord
from projector.translate import translate
from tests.support.rows import history, stream_record

ACCOUNTS = "abcde"
EVENTS_MAX = 40

Event = tuple[str, int]
"""Account and sequence."""


@dataclass(frozen=True, slots=True)
class Written:
    """A row.

    Attributes:
        sequence: of the event; None for a snapshot.
        at_us: when the event occurred, microseconds since 1970.
        record: the stream record without number and time.
    """

    account_id: str
    version: int
    sequence: int | None
    at_us: int
    image: dict[str, Any]
    record: StreamRecord

    @classmethod
    def of(cls, row: Row) -> "Written":
        record = stream_record(row, 0)
        sequence = row.sequence if isinstance(row, EventRow) else None
        at_us = round(datetime.fromisoformat(row.occurred_at).timestamp() * 1_000_000)
        return cls(row.account_id, row.version, sequence, at_us, record["dynamodb"]["NewImage"], record)

    def spoilt(self, change: dict[str, Any]) -> "Written":
        image = {name: value for name, value in (self.image | change).items() if value is not None}
        record = {**self.record, "dynamodb": {**self.record["dynamodb"], "NewImage": image}}
        return replace(self, image=image, record=record)

    def numbered(self, number: str, now_s: float) -> StreamRecord:
        """Return the record with a number and a time."""
        change = self.record["dynamodb"] | {"SequenceNumber": number, "ApproximateCreationDateTime": now_s}
        return {**self.record, "dynamodb": change}


@cache
def fixtures(account_id: str) -> list[list[Written]]:
    """The account's rows, one list per transaction: an event, or an event and the snapshot after it."""
    transactions: list[list[Written]] = []
    for row in history(account_id, EVENTS_MAX):
        if isinstance(row, EventRow):
            transactions.append([Written.of(row)])
        else:
            transactions[-1].append(Written.of(row))
    return transactions


@cache
def events_by_data() -> dict[bytes, Event]:
    """All events by their bytes."""
    return {
        encode(*translate(row)): (account_id, row.sequence)
        for account_id in ACCOUNTS
        for row in history(account_id, EVENTS_MAX)
        if isinstance(row, EventRow)
    }


POISONS: tuple[dict[str, Any], ...] = (
    {"Type": {"S": "INTEREST"}},
    {"Format": None},
    {"Balance": {"N": "-1"}},
    {"CorrelationId": {"S": "\ud800"}},
    {"Timestamp": {"S": "yesterday"}},
)
"""Changes that make it impossible to create an event from a row."""

INSTEAD_OF_A_SNAPSHOT: dict[str, Any] = {"Type": {"S": "INTEREST"}}
"""A change that makes a snapshot's row neither a snapshot nor an event."""
