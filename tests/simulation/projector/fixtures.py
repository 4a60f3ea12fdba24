"""All rows that the accounts may have: their items, and the exact bytes that each event must become."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from account_core.domain.events import EventRow
from account_core.rows.items import Item, is_snapshot_version, to_item
from account_events.avro.codec import encode
from account_events.testing.records import StreamRecord, image_record
from projector.translate import translate
from tests.support.rows import KEY, history

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
    def of(cls, image: Item) -> "Written":
        version, sequence = int(image["Version"]["N"]), int(image["Sequence"]["N"])
        at_us = round(datetime.fromisoformat(image["Timestamp"]["S"]).timestamp() * 1_000_000)
        number = None if is_snapshot_version(version) else sequence
        return cls(image["AccountId"]["S"], version, number, at_us, image, image_record(image, 0, KEY))

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
            transactions.append([Written.of(to_item(row))])
        else:
            transactions[-1].append(Written.of(to_item(row)))
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
