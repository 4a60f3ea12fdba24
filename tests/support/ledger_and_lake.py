"""A ledger and its lake, made by hand, for tests that damage one of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from account_core.domain.events import Created, Credited, Event, EventRow, Row, Withdrawn
from account_core.service.head import Head, Origin, advance, rows_for, timestamp
from tests.support.lake import LakeRow, event

START = datetime(2026, 8, 1, 9, 30, tzinfo=UTC)
TYPES: dict[type[Event], str] = {
    Created: "AccountCreated",
    Credited: "BalanceCredited",
    Withdrawn: "BalanceWithdrawn",
}


def history(
    account_id: str, *amounts: str, currency: str = "EUR", owner: str = "owner-1", start: datetime = START
) -> list[Row]:
    """An account's rows, with snapshots: its creation, then credits or (amounts with a minus) withdrawals, hourly."""
    head, rows = Head(), list[Row]()
    for number, amount in enumerate(["", *amounts], 1):
        at = timestamp(start + (number - 1) * timedelta(hours=1))
        appended = rows_for(
            account_id,
            head,
            _event(amount, owner, currency),
            Origin(at, f"c-{account_id}-{number}", f"r-{account_id}-{number}", f"k-{number}" if amount else None),
        )
        rows += appended
        head = advance(head, appended[0])
    return rows


def lake_rows(rows: Iterable[Row]) -> list[LakeRow]:
    """The events as they should be in the lake, made without the code under test."""
    return [_lake_row(row) for row in rows if isinstance(row, EventRow)]


def _transfer(event: Event) -> tuple[str, str] | None:
    if isinstance(event, Created) or event.transfer is None:
        return None
    return event.transfer.transfer_id, event.transfer.counterparty


def _event(amount: str, owner: str, currency: str) -> Event:
    if not amount:
        return Created(owner, currency)
    return Withdrawn(Decimal(amount[1:])) if amount.startswith("-") else Credited(Decimal(amount))


def _lake_row(row: EventRow) -> LakeRow:
    made = event(
        row.account_id,
        row.sequence,
        TYPES[type(row.event)],
        datetime.fromisoformat(row.occurred_at).replace(tzinfo=None),
        row.currency,
        None if isinstance(row.event, Created) else row.event.amount,
        row.balance,
        owner=row.event.owner if isinstance(row.event, Created) else None,
        transfer=_transfer(row.event),
    )
    return made | {
        "correlation_id": row.correlation_id,
        "causation_id": row.command_id,
        "request_id": row.request_id,
    }
