"""Accounts' rows, and the records in which a table's stream tells of them, as Lambda delivers them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from account_core.domain.events import Created, Credited, Event, EventRow, Row, SnapshotRow, Withdrawn
from account_core.rows.items import is_snapshot_version, to_item, version_of
from account_core.service.head import timestamp

StreamRecord = dict[str, Any]
"""One element of a Lambda event's `Records` (docs.aws.amazon.com/lambda/latest/dg/with-ddb.html)."""

Image = Mapping[str, Any]
"""A row as DynamoDB JSON."""

# Across a power of ten, where numbers and their decimal strings sort differently.
FIRST_SEQUENCE_NUMBER = 10**24 - 5_000
LONG_AGO = "1970-01-01T00:00:00.000000Z"
FIRST_INSTANT = datetime(2026, 1, 31, 9, 0, 0, 1, UTC)
STREAM_ARN = "arn:aws:dynamodb:eu-central-1:000000000000:table/accounts/stream/2026-01-31T00:00:00.000"


def history(account_id: str, events: int) -> Iterator[Row]:
    """The rows of an account in the order they are written, snapshots among them; the same in every test."""
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


def stream_records(rows: Iterable[Row], first: int = 0) -> list[StreamRecord]:
    """INSERT records, numbered upwards from the `first`."""
    return [stream_record(row, number) for number, row in enumerate(rows, first)]


def stream_record(row: Row, number: int, event_name: str = "INSERT") -> StreamRecord:
    return image_record(to_item(row), number, event_name)


def image_record(image: Image, number: int, event_name: str = "INSERT") -> StreamRecord:
    """The record of a row as it is in the table, whatever is in it behind its key."""
    return {
        "eventID": f"{number:032x}",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1769851800 + number,
            "Keys": {"AccountId": image["AccountId"], "Version": image["Version"]},
            "NewImage": image,
            "SequenceNumber": sequence_number(number),
            "SizeBytes": 260,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": STREAM_ARN,
    }


def rows_before(images: Iterable[Image]) -> Iterator[Image]:
    """For each account whose rows begin with a later one than its first, the row before, as old as can be.

    A capture from the middle of an account has not what is in the table before it. The projector looks up that row's
    time, so as not to overtake an event that is still on its way; of this one it learns that nothing is.
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


def sequence_number(number: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + 1_000 * number)


def number_of(record: StreamRecord) -> str:
    """The stream's own name for it."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _event(sequence: int, balance: Decimal) -> tuple[Event, Decimal]:
    if sequence == 1:
        return Created("owner-1", "EUR"), balance
    if sequence % 3 == 0:
        return Withdrawn(Decimal("7.77")), balance - Decimal("7.77")
    return Credited(Decimal("10.10")), balance + Decimal("10.10")
