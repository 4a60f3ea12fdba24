"""Converts the ledger's events to the lake's columns, with the projector's translation. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, key_of, sequence_from, version_in
from account_core.rows.layout import parts_of_key
from ops.ledger.transfers import SEQUENCE_MAX
from projector.errors import Unpublishable
from projector.translate import translate

LedgerEvent = Mapping[str, Any]
"""An event's values by the lake's columns, `event_type` among them; `occurred_at` is UTC without an offset."""


class Unreadable(NamedTuple):
    """A row that is not a valid event.

    Attributes:
        sequence: the sequence that belongs to the row's version; None if the row's key has no valid version.
        reason: why; it never contains an amount.
    """

    account_id: str
    sequence: int | None
    reason: str


def ledger_rows(items: Iterable[Mapping[str, Any]]) -> tuple[list[LedgerEvent], list[Unreadable]]:
    """The events of rows in DynamoDB JSON, and the unreadable rows; snapshots are skipped."""
    events: list[LedgerEvent] = []
    unreadable: list[Unreadable] = []
    for item in items:
        try:
            row = from_item(item)
            if isinstance(row, EventRow) and row.sequence > SEQUENCE_MAX:
                unreadable.append(_unreadable(item, "its sequence is too large for an event"))
            elif isinstance(row, EventRow):
                events.append(_event(row))
        except (Corrupt, Unpublishable) as error:
            unreadable.append(_unreadable(item, str(error)))
    return events, unreadable


def _event(row: EventRow) -> LedgerEvent:
    name, fields = translate(row)
    return fields | {"event_type": name, "occurred_at": fields["occurred_at"].replace(tzinfo=None)}


def _unreadable(item: Mapping[str, Any], reason: str) -> Unreadable:
    """Identifies the row by its key, which DynamoDB guarantees."""
    account_id, number = parts_of_key(item)
    if account_id is None or number is None:
        return Unreadable(key_of(item), None, reason)
    version = version_in(number)
    return Unreadable(account_id, sequence_from(version) if version else None, reason)
