"""Finds the rows of an account that follow from its published events and are not in the table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import is_snapshot_version
from account_core.service.head import Head, advance, snapshot_of


@dataclass
class Missing:
    """What one account lacks.

    Attributes:
        rows: the missing rows, oldest first. A snapshot directly follows the event that it belongs to.
        finding: why the account's later events cannot be put back; empty if they all can.
    """

    rows: list[Row] = field(default_factory=list)
    finding: str = ""


def missing_rows(head: Head, stored: Mapping[int, StoredRow], events: Sequence[EventRow]) -> Missing:
    """Compares published events of one account with its rows.

    Args:
        head: the account as of the rows before the first of the events.
        stored: the account's rows by version, from `head.version` on.
        events: the published events, each once. They may have gaps that the rows fill.
    """
    missing = Missing()
    if not events:
        return missing
    account_id = events[0].account_id
    _add_snapshot(missing, account_id, head, stored)
    known = {row.sequence: row for row in stored.values() if isinstance(row, EventRow)}
    known |= {event.sequence: event for event in events}
    for sequence in sorted(each for each in known if each > head.sequence):
        event = known[sequence]
        if sequence > head.sequence + 1:
            first, last = head.sequence + 1, sequence - 1
            gap = f"event {first} is" if first == last else f"events {first} to {last} are"
            missing.finding = f"{gap} neither in the table nor published, but event {sequence} exists"
            return missing
        found = stored.get(event.version)
        if found not in (None, event):
            missing.finding = f"event {sequence} was published with values that differ from its row"
            return missing
        try:
            head = advance(head, event)
        except Corrupt as error:
            missing.finding = f"event {sequence} was published, but cannot follow the rows before it: {error}"
            return missing
        if found is None:
            missing.rows.append(event)
        _add_snapshot(missing, account_id, head, stored)
    return missing


def _add_snapshot(missing: Missing, account_id: str, head: Head, stored: Mapping[int, StoredRow]) -> None:
    if head.version and is_snapshot_version(head.version) and head.version not in stored:
        missing.rows.append(snapshot_of(account_id, head))
