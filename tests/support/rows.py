"""The accounts' table: its key, rows of accounts, and the stream records of their insertion."""

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from account_core.domain.events import Created, Credited, Event, EventRow, Row, SnapshotRow, Transfer, Withdrawn
from account_core.rows.items import is_snapshot_version, to_item, version_in, version_of
from account_core.service.head import Head, Origin, advance, rows_for, timestamp
from account_events.testing.records import Image, StreamRecord, image_record, number_of
from account_events.testing.table_key import TableKey

KEY = TableKey("AccountId", "Version")
LONG_AGO = "1970-01-01T00:00:00.000000Z"
FIRST_INSTANT = datetime(2026, 1, 31, 9, 0, 0, 1, UTC)


def history(account_id: str, events: int) -> Iterator[Row]:
    """The rows of an account, with snapshots, in the order in which they are written; the same in every test."""
    balance = Decimal("0.00")
    for sequence in range(1, events + 1):
        event, balance = _event(sequence, balance)
        version = version_of(sequence)
        at = timestamp(FIRST_INSTANT + timedelta(seconds=sequence))
        yield EventRow(
            account_id=account_id,
            version=version,
            sequence=sequence,
            occurred_at=at,
            event=event,
            balance=balance,
            currency="EUR",
            correlation_id=f"c-{sequence}",
            command_id=f"k-{account_id}-{sequence}" if sequence % 2 else None,
        )
        if is_snapshot_version(version + 1):
            yield SnapshotRow(account_id, version + 1, sequence, at, owner="owner-1", currency="EUR", balance=balance)


def head_of(rows: Iterable[Row]) -> Head:
    """The state of an account after these rows, which are all of its rows."""
    head = Head()
    for row in rows:
        if isinstance(row, EventRow):
            head = advance(head, row)
    return head


def transfer_rows(
    heads: MutableMapping[str, Head], paying: str, receiving: str, amount: str, *, transfer_id: str, at: datetime
) -> list[Row]:
    """The rows of a transfer, the paying account's first, with snapshots. `heads` then has the states after it."""
    occurred_at = max(timestamp(at), heads[paying].occurred_at, heads[receiving].occurred_at)
    withdrawn = Withdrawn(Decimal(amount), Transfer(transfer_id, receiving))
    credited = Credited(Decimal(amount), Transfer(transfer_id, paying))
    payer = Origin(occurred_at, f"c-{transfer_id}", f"r-{transfer_id}", f"k-{transfer_id}")
    paid = rows_for(paying, heads[paying], withdrawn, payer)
    received = rows_for(receiving, heads[receiving], credited, Origin(occurred_at, transfer_id, ""))
    received = [replace(row, request_id=None) if isinstance(row, EventRow) else row for row in received]
    for account_id, rows in ((paying, paid), (receiving, received)):
        heads[account_id] = advance(heads[account_id], rows[0])
    return [*paid, *received]


def stream_records(rows: Iterable[Row], first: int = 0) -> list[StreamRecord]:
    """INSERT records of the rows, with numbers from `first`."""
    return [stream_record(row, number) for number, row in enumerate(rows, first)]


def stream_record(row: Row, number: int, event_name: str = "INSERT") -> StreamRecord:
    return image_record(to_item(row), number, KEY, event_name)


def rows_before(images: Iterable[Image]) -> Iterator[Image]:
    """For each account whose first rows are missing, the row before the others, with the earliest possible time.

    A capture from the middle of an account lacks the earlier rows. The projector reads the time of the row before, in
    order not to overtake an event that is still on its way. This row shows that there is none.
    """
    first: dict[str, int] = {}
    for image in images:
        account_id, number = image["AccountId"]["S"], image["Version"]["N"]
        if number.isdecimal():
            first[account_id] = min(int(number), first.get(account_id, int(number)))
    for account_id, version in first.items():
        before = version - 1 - is_snapshot_version(version - 1)
        if before > 0:
            yield {"AccountId": {"S": account_id}, "Version": {"N": str(before)}, "Timestamp": {"S": LONG_AGO}}


def account_of(record: StreamRecord) -> str:
    """The id of the record's account, or the sequence number of a record without one."""
    match record["dynamodb"].get("Keys"):
        case {"AccountId": {"S": str(account_id)}}:
            return account_id
    return number_of(record)


def has_key(image: object) -> bool:
    """Whether a row of the accounts' table could have this image."""
    match image:
        case {"AccountId": {"S": str(account_id)}, "Version": {"N": str(version)}}:
            return account_id != "" and version_in(version) is not None
    return False


def _event(sequence: int, balance: Decimal) -> tuple[Event, Decimal]:
    if sequence == 1:
        return Created("owner-1", "EUR"), balance
    if sequence % 3 == 0:
        return Withdrawn(Decimal("7.77")), balance - Decimal("7.77")
    return Credited(Decimal("10.10")), balance + Decimal("10.10")
