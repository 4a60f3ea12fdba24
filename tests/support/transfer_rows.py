"""Stored rows and answers of transfers, as `serializability` takes them: in cents."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from account_core.domain.events import Created, Credited, EventRow, StoredRow
from account_core.service.execution import Receipt
from account_core.service.ports import AccountStore
from account_core.service.usage import Usage
from tests.support.serializability import Entry, Shown


def euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def in_cents(amount: Decimal) -> int:
    return int(amount.scaleb(2).to_integral_exact())


def entry_of(row: EventRow) -> Entry:
    event, transfer = row.event, None
    cents = 0
    if not isinstance(event, Created):
        transfer = event.transfer
        cents = in_cents(event.amount if isinstance(event, Credited) else -event.amount)
    return Entry(
        row.account_id,
        row.sequence,
        cents,
        in_cents(row.balance),
        transfer.transfer_id if transfer else None,
        transfer.counterparty if transfer else None,
        row.command_id,
    )


def entries_of(rows: Iterable[StoredRow]) -> list[Entry]:
    """The events among an account's rows, by version."""
    events = [row for row in rows if isinstance(row, EventRow)]
    return [entry_of(row) for row in sorted(events, key=lambda row: row.version)]


def ledger_of(store: AccountStore, accounts: Sequence[str]) -> dict[str, list[Entry]]:
    return {account_id: entries_of(store.newest(account_id, Usage(), limit=10_000)) for account_id in accounts}


def shown_of(receipt: Receipt) -> Shown:
    return Shown(receipt.sequence, in_cents(receipt.balance), receipt.transfer_id)
