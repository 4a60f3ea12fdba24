"""What a table's stream makes known: the events that have to reach Kinesis, read from the rows themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from account_core.errors import Corrupt
from account_core.events import Created, Credited, EventRow, Withdrawn
from account_core.items import SNAPSHOT, from_item, is_snapshot_version
from account_events.testing.records import StreamRecord
from account_events.testing.table_stream import TableStream, account_of
from projector.errors import Unpublishable
from projector.parse import sequence_from
from projector.translate import translate
from schemas.codec import DomainEvent, decode, encode
from schemas.errors import InvalidEvent


@dataclass(slots=True)
class Account:
    """What the stream's rows say of an account.

    Attributes:
        events: by sequence, each as it has to be published.
        balances: by sequence, the ledger's after each event.
        stops_at: the sequence of the first event that can never be published; None: there is none.
    """

    events: dict[int, DomainEvent] = field(default_factory=dict)
    balances: dict[int, Decimal] = field(default_factory=dict)
    stops_at: int | None = None

    def due(self) -> dict[int, DomainEvent]:
        """The events in front of a poison, if there is one."""
        return {n: event for n, event in self.events.items() if self.stops_at is None or n < self.stops_at}

    def poison(self, sequence: int) -> None:
        self.stops_at = sequence if self.stops_at is None else min(self.stops_at, sequence)


def accounts_in(stream: TableStream) -> dict[str, Account]:
    """By account; a record that does not tell its account is nobody's."""
    found: dict[str, Account] = {}
    for record in stream.records:
        if record.get("eventName") == "INSERT" and "AccountId" in (record["dynamodb"].get("Keys") or {}):
            _add(found.setdefault(account_of(record), Account()), record)
    return found


def change_of(event: DomainEvent) -> Decimal:
    """By how much an event changes its account's balance."""
    match event.name:
        case "BalanceCredited":
            return Decimal(event.fields["amount"])
        case "BalanceWithdrawn":
            return -Decimal(event.fields["amount"])
    return Decimal(0)


def _add(account: Account, record: StreamRecord) -> None:
    change = record["dynamodb"]
    version = _version(change["Keys"])
    image = change.get("NewImage")
    if version is None:
        account.poison(1)
        return
    if not isinstance(image, Mapping):
        account.poison(sequence_from(version))
        return
    if is_snapshot_version(version) and image.get("Type") == {"S": SNAPSHOT}:
        return
    try:
        row = from_item(image)
        if not isinstance(row, EventRow) or (row.account_id, row.version) != (account_of(record), version):
            account.poison(sequence_from(version))
            return
        event = decode(encode(*translate(row)))
    except (Corrupt, Unpublishable, InvalidEvent, UnicodeEncodeError):
        account.poison(sequence_from(version))
        return
    if row.event.__class__ is not _STORED[event.name]:
        raise AssertionError(f"{row.account_id}:{row.sequence} is translated to another event, {event.name}")
    account.events[row.sequence] = event
    account.balances[row.sequence] = row.balance


_STORED = {"AccountCreated": Created, "BalanceCredited": Credited, "BalanceWithdrawn": Withdrawn}


def _version(keys: Mapping[str, Any]) -> int | None:
    match keys.get("Version"):
        case {"N": str(number)} if number.isdecimal():
            return int(number)
    return None
