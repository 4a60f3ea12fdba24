"""The events of a table's stream that must reach Kinesis, read from the rows themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Credited, EventRow, Withdrawn
from account_core.rows.items import SNAPSHOT, from_item, is_snapshot_version, sequence_from, version_in
from account_events.avro.codec import DomainEvent, decode, encode
from account_events.avro.errors import InvalidEvent
from account_events.testing.records import StreamRecord
from account_events.testing.table_stream import TableStream
from projector.errors import Unpublishable
from projector.translate import translate
from tests.support.rows import account_of


@dataclass(slots=True)
class Account:
    """An account according to the stream's rows.

    Attributes:
        events: by sequence, each as it must be published.
        balances: by sequence, the ledger's balance after the event.
        stops_at: the sequence of the first event that can never be published; None if there is none.
    """

    events: dict[int, DomainEvent] = field(default_factory=dict)
    balances: dict[int, Decimal] = field(default_factory=dict)
    stops_at: int | None = None

    def publishable(self) -> dict[int, DomainEvent]:
        """The events before the poison; all of them if there is none."""
        return {n: event for n, event in self.events.items() if self.stops_at is None or n < self.stops_at}

    def stop_at(self, sequence: int) -> None:
        """Record a poison."""
        self.stops_at = sequence if self.stops_at is None else min(self.stops_at, sequence)


def accounts_in(stream: TableStream) -> dict[str, Account]:
    """The accounts by id; records without an account are ignored."""
    found: dict[str, Account] = {}
    for record in stream.records:
        if record.get("eventName") == "INSERT" and _has_account(record):
            _add(found.setdefault(account_of(record), Account()), _row_in(record))
    return found


def is_poisonous(record: StreamRecord) -> bool:
    """Whether the record inserts a row that is not a snapshot and cannot become an event."""
    return record.get("eventName") == "INSERT" and not (
        _has_account(record) and isinstance(_row_in(record), Publishable)
    )


def change_of(event: DomainEvent) -> Decimal:
    """The change of the account's balance by an event."""
    match event.name:
        case "BalanceCredited":
            return Decimal(event.fields["amount"])
        case "BalanceWithdrawn":
            return -Decimal(event.fields["amount"])
    return Decimal(0)


def _add(account: Account, row: "Publishable | int") -> None:
    match row:
        case int(sequence):
            account.stop_at(sequence)
        case Publishable(event, balance) if event is not None:
            sequence = event.fields["sequence"]
            account.events[sequence], account.balances[sequence] = event, balance


@dataclass(frozen=True, slots=True)
class Publishable:
    """The event and balance of an intact row.

    Attributes:
        event: None for a snapshot.
        balance: after the event.
    """

    event: DomainEvent | None = None
    balance: Decimal = Decimal(0)


def _row_in(record: StreamRecord) -> Publishable | int:
    """The row's content; for a poison, the first sequence that cannot be published."""
    change = record["dynamodb"]
    version = _version(change["Keys"])
    image = change.get("NewImage")
    if version is None:
        return 1
    if not isinstance(image, Mapping):
        return sequence_from(version)
    if is_snapshot_version(version) and image.get("Type") == {"S": SNAPSHOT}:
        return Publishable()
    try:
        row = from_item(image)
        if not isinstance(row, EventRow) or (row.account_id, row.version) != (account_of(record), version):
            return sequence_from(version)
        event = decode(encode(*translate(row)))
    except (Corrupt, Unpublishable, InvalidEvent, UnicodeEncodeError, OverflowError):  # Python's JSON accepts Infinity
        return sequence_from(version)
    if row.event.__class__ is not _STORED[event.name]:
        raise AssertionError(f"{row.account_id}:{row.sequence} is translated to an event of another type, {event.name}")
    return Publishable(event, row.balance)


def _has_account(record: StreamRecord) -> bool:
    return "AccountId" in (record["dynamodb"].get("Keys") or {})


_STORED = {"AccountCreated": Created, "BalanceCredited": Credited, "BalanceWithdrawn": Withdrawn}


def _version(keys: Mapping[str, Any]) -> int | None:
    match keys.get("Version"):
        case {"N": str(number)}:
            return version_in(number)
    return None
