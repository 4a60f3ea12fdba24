"""The records of a table stream's batch, and which of them are events to publish.

A batch is what Lambda hands to a function on a DynamoDB stream with NEW_IMAGE
(docs.aws.amazon.com/lambda/latest/dg/with-ddb.html): `{"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": {...},
"NewImage": {...}, "SequenceNumber": "..."}}, ...]}`, oldest first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from account_core.errors import Corrupt
from account_core.events import EventRow
from account_core.items import SNAPSHOT, from_item
from projector.errors import NotATableStream


@dataclass(frozen=True, slots=True)
class Insert:
    """A stored event, and the stream's own name for its record."""

    sequence_number: str
    row: EventRow


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An inserted row that is no event this code can read.

    Attributes:
        account_id: None where not even the key can be read: it may then be anyone's.
        reason: for the log; never an amount.
    """

    sequence_number: str
    account_id: str | None
    reason: str


def parse(event: Mapping[str, Any]) -> list[Insert | Unreadable]:
    """The inserted events of a batch, in its order.

    Events are only ever inserted. So MODIFY and REMOVE are an operator's work or an expiry, and never published; no
    more are snapshots, which the trigger's filter leaves out already where it is set.

    Raises:
        NotATableStream: the payload is something else.
    """
    try:
        inserted = [record["dynamodb"] for record in event["Records"] if record["eventName"] == "INSERT"]
        return [_read(change["SequenceNumber"], change) for change in inserted if not _is_snapshot(change)]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotATableStream(f"not a batch of DynamoDB stream records: {type(error).__name__}: {error}") from error


def _is_snapshot(change: Mapping[str, Any]) -> bool:
    image = change.get("NewImage")
    return isinstance(image, Mapping) and bool(image.get("Type") == {"S": SNAPSHOT})


def _read(sequence_number: str, change: Mapping[str, Any]) -> Insert | Unreadable:
    account_id = _account_id(change)
    image = change.get("NewImage")
    if not isinstance(image, Mapping):
        return Unreadable(sequence_number, account_id, "the record has no NewImage")
    try:
        row = from_item(image)
    except Corrupt as error:
        return Unreadable(sequence_number, account_id, f"the row cannot be read: {error}")
    if isinstance(row, EventRow) and row.account_id == account_id:
        return Insert(sequence_number, row)
    return Unreadable(sequence_number, account_id, "the row is not the one that its key names")


def _account_id(change: Mapping[str, Any]) -> str | None:
    """The account of a record, from its key: that is there whatever state the image is in."""
    for item in (change.get("Keys"), change.get("NewImage")):
        match item:
            case {"AccountId": {"S": str(account_id)}}:
                return account_id
    return None
