"""Compares the ledger with the published events, and the two events of each transfer with each other. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from account_core.domain.events import EventRow, StoredRow
from account_events.avro.codec import DomainEvent
from ops.ledger.check import LedgerCheck, transfer_of
from ops.ledger.transfer_check import TransferCheck, Unpaired
from projector.translate import translate


@dataclass(frozen=True, slots=True)
class AccountAudit:
    """One account, as found in the table and on the stream.

    Attributes:
        published: sequences in the order of first publication.
        duplicates: how often an event was published again.
        findings: differences; empty if table and stream agree. Those of a transfer are with its paying account, unless
            there is none.
    """

    account_id: str
    rows: int
    snapshots: int
    balance: Decimal | None
    published: list[int]
    duplicates: int
    findings: list[str] = field(default_factory=list)


def audit(rows: Iterable[StoredRow], published: Iterable[DomainEvent]) -> dict[str, AccountAudit]:
    """Compares the rows and the published events of every account; results by account id.

    Args:
        rows: the whole table, in any order.
        published: the whole stream, in order per account.
    """
    rows_of: dict[str, list[StoredRow]] = defaultdict(list)
    for row in rows:
        rows_of[row.account_id].append(row)
    events_of: dict[str, list[DomainEvent]] = defaultdict(list)
    for event in published:
        events_of[str(event.fields["account_id"])].append(event)
    audits = {
        account_id: _audit(account_id, sorted(rows_of[account_id], key=lambda row: row.version), events_of[account_id])
        for account_id in sorted({*rows_of, *events_of})
    }
    for each in _unpaired_rows(rows_of):
        audits[each.account_id].findings.append(each.note)
    for each in _unpaired_events(events_of):
        if each.note not in audits[each.account_id].findings:
            audits[each.account_id].findings.append(f"on the stream, {each.note}")
    return audits


def _audit(account_id: str, rows: Sequence[StoredRow], published: Sequence[DomainEvent]) -> AccountAudit:
    first_publications = {event.fields["sequence"]: event for event in reversed(published)}
    order = list(dict.fromkeys(event.fields["sequence"] for event in published))
    check = LedgerCheck(account_id)
    for row in rows:
        check.add(row)
    events = [row for row in rows if isinstance(row, EventRow)]
    findings = check.findings
    if order != [row.sequence for row in events]:
        findings.append(f"the events {order} were published, but {[row.sequence for row in events]} are stored")
    findings += [
        f"event {row.sequence} was published with values that differ from its row"
        for row in events
        if row.sequence in first_publications and not _matches(first_publications[row.sequence], row)
    ]
    return AccountAudit(
        account_id=account_id,
        rows=len(rows),
        snapshots=check.snapshots,
        balance=check.head.account.balance if check.head.account else None,
        published=order,
        duplicates=len(published) - len(order),
        findings=findings,
    )


def _unpaired_rows(rows_of: Mapping[str, Iterable[StoredRow]]) -> list[Unpaired]:
    with TransferCheck() as transfers:
        for rows in rows_of.values():
            transfers.add(row for row in rows if isinstance(row, EventRow) and transfer_of(row))
        return list(transfers.unpaired())


def _unpaired_events(events_of: Mapping[str, Iterable[DomainEvent]]) -> list[Unpaired]:
    with TransferCheck() as transfers:
        for events in events_of.values():
            for event in events:
                if event.fields.get("transfer_id") is not None:
                    transfers.add_published(event.name, event.fields)
        return list(transfers.unpaired())


def _matches(event: DomainEvent, row: EventRow) -> bool:
    name, fields = translate(row)
    return event.name == name and _as_mapping(event.fields) == _as_mapping(fields)


def _as_mapping(fields: Mapping[str, object]) -> dict[str, object]:
    return dict(fields)
