"""Fold an account's newest rows into its state, and make the rows of a new event. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from account_core.domain.account import INITIAL, Account, evolve
from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Credited, Event, EventRow, IgnoredSnapshot, Row, SnapshotRow, StoredRow
from account_core.rows.items import is_snapshot_version, version_of


@dataclass(frozen=True, slots=True)
class Head:
    """An account's state and its position in the ledger.

    Attributes:
        account: the state, or None for an account that has no rows.
        version: the newest row's version; 0 without rows.
        sequence: the newest event's sequence; 0 without events.
        occurred_at: the newest event's time; empty without events.
    """

    account: Account | None = INITIAL
    version: int = 0
    sequence: int = 0
    occurred_at: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from; recorded with the event. `command_id` is the idempotency key (docs/glossary.md).

    The attributes are those of EventRow.
    """

    occurred_at: str
    correlation_id: str
    request_id: str | None
    command_id: str | None = None


def timestamp(moment: datetime) -> str:
    """An aware datetime as stored in `occurred_at`: ISO 8601 UTC with six decimals, "2026-01-31T09:30:00.000001Z"."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_enough(newest: Sequence[StoredRow]) -> bool:
    """Whether the state follows from these rows: they include a snapshot or the first row, or there are no rows."""
    return not newest or newest[-1].version == 1 or any(isinstance(row, SnapshotRow) for row in newest)


def fold(newest: Sequence[StoredRow]) -> Head:
    """The head that follows from an account's newest rows: newest first, as many as `is_enough` requires.

    Raises:
        Corrupt: the rows have a gap, a wrong sequence or a balance that does not follow from the events.
    """
    start = next((n for n, row in enumerate(newest) if isinstance(row, SnapshotRow)), len(newest))
    head = _from_snapshot(newest[start]) if start < len(newest) else Head()
    for row in reversed(newest[:start]):
        if not isinstance(row, IgnoredSnapshot):
            head = advance(head, row)
        elif row.version != head.version:
            raise Corrupt(f"row {row.account_id}/{row.version}: a snapshot cannot follow version {head.version}")
    return head


def advance(head: Head, row: StoredRow) -> Head:
    """The head after the next event row; if the row ends a snapshot interval, `version` counts the snapshot as well.

    Raises:
        Corrupt: `row` cannot follow `head`.
    """
    if not isinstance(row, EventRow):
        raise Corrupt(f"row {row.account_id}/{row.version}: expected an event, found a snapshot")
    sequence = head.sequence + 1
    if (row.version, row.sequence) != (version_of(sequence), sequence):
        raise Corrupt(f"row {row.account_id}/{row.version}: sequence {row.sequence} cannot follow {head.sequence}")
    if isinstance(row.event, Created) != (head.account is None):
        raise Corrupt(
            f"row {row.account_id}/{row.version}: an account must be created by its first event, and only once"
        )
    account = evolve(head.account, row.event)
    if (account.balance, account.currency) != (row.balance, row.currency):
        raise Corrupt(f"row {row.account_id}/{row.version}: its balance or currency does not follow from the events")
    return Head(account, version_after(row.version), sequence, row.occurred_at)


def rows_for(account_id: str, head: Head, event: Event, origin: Origin) -> list[Row]:
    """The rows that append `event` to `head`: the event and, after the ninth event of an interval, the snapshot.

    Store both in one transaction, each on the condition that its version is free. If the writer's clock is behind the
    newest event's time, the new event takes that time, so the times of an account never go back.
    """
    occurred_at = max(origin.occurred_at, head.occurred_at)
    account = evolve(head.account, event)
    sequence = head.sequence + 1
    version = version_of(sequence)
    row = EventRow(
        account_id=account_id,
        version=version,
        sequence=sequence,
        occurred_at=occurred_at,
        event=event,
        balance=account.balance,
        currency=account.currency,
        correlation_id=origin.correlation_id,
        request_id=origin.request_id,
        command_id=origin.command_id,
    )
    if not is_snapshot_version(version + 1):
        return [row]
    return [row, snapshot_of(account_id, Head(account, version + 1, sequence, occurred_at))]


def rows_of_transfer(
    payer: tuple[str, Head], receiver: tuple[str, Head], events: Sequence[Event], origin: Origin
) -> list[list[Row]]:
    """The rows of a transfer's two events, one list for each account: see `rows_for`. Store all in one transaction.

    Both events have the same time, the latest of the writer's clock and both heads, so they are on the same day. The
    ids of the payer's request and the idempotency key are only in the payer's row: the receiving account may belong to
    somebody else, whose own keys are stored there.

    Args:
        payer: the paying account's id and head.
        receiver: the receiving account's id and head.
        events: the withdrawal and the credit.
        origin: of the paying owner's command.
    """
    transfer = events[1].transfer if isinstance(events[1], Credited) else None
    assert transfer is not None, "`decide_transfer` returns a withdrawal and a credit of one transfer"  # noqa: S101 -- programmer error
    at = max(origin.occurred_at, payer[1].occurred_at, receiver[1].occurred_at)
    paying = replace(origin, occurred_at=at)
    receiving = Origin(at, correlation_id=transfer.transfer_id, request_id=None)
    return [rows_for(*payer, events[0], paying), rows_for(*receiver, events[1], receiving)]


def snapshot_of(account_id: str, head: Head) -> SnapshotRow:
    """The snapshot that ends a snapshot interval; `head` is the account after the interval's last event."""
    assert head.account is not None  # noqa: S101 -- a snapshot follows nine events
    return SnapshotRow(
        account_id=account_id,
        version=head.version,
        sequence=head.sequence,
        occurred_at=head.occurred_at,
        owner=head.account.owner,
        currency=head.account.currency,
        balance=head.account.balance,
    )


def _from_snapshot(row: StoredRow) -> Head:
    if not isinstance(row, SnapshotRow):
        raise Corrupt(f"row {row.account_id}/{row.version}: a snapshot cannot have this version")
    return Head(Account(row.owner, row.currency, Decimal(row.balance)), row.version, row.sequence, row.occurred_at)


def version_after(version: int) -> int:
    """The account's version after event row `version` is stored, counting the snapshot that ends an interval."""
    return version + 1 if is_snapshot_version(version + 1) else version
