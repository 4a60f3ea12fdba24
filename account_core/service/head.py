"""From an account's newest rows to its state, and from a new event to its rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from account_core.domain.account import INITIAL, Account, evolve
from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, Event, EventRow, IgnoredSnapshot, Row, SnapshotRow, StoredRow
from account_core.rows.items import is_snapshot_version, version_of


@dataclass(frozen=True, slots=True)
class Head:
    """An account's newest state and where it stands in the ledger.

    Attributes:
        account: the state, or None for an account that has no rows.
        version: of the newest row, 0 without rows.
        sequence: of the newest event, 0 without events.
        occurred_at: of the newest event, empty without events.
    """

    account: Account | None = INITIAL
    version: int = 0
    sequence: int = 0
    occurred_at: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from, recorded with the event it causes. Made at the edge: time and ids are arguments."""

    occurred_at: str
    correlation_id: str
    request_id: str
    command_id: str | None = None


def timestamp(moment: datetime) -> str:
    """`occurred_at` of an aware moment: ISO 8601 UTC with six decimals, "2026-01-31T09:30:00.000001Z"."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_enough(newest: Sequence[StoredRow]) -> bool:
    """Whether the state follows from these rows: they hold a snapshot, the first row, or there are none."""
    return not newest or newest[-1].version == 1 or any(isinstance(row, SnapshotRow) for row in newest)


def fold(newest: Sequence[StoredRow]) -> Head:
    """The head of an account whose newest rows are given, newest first, as many as are enough.

    Raises:
        Corrupt: the rows have a hole, a wrong sequence or a balance that does not follow from the events.
    """
    start = next((n for n, row in enumerate(newest) if isinstance(row, SnapshotRow)), len(newest))
    head = _from_snapshot(newest[start]) if start < len(newest) else Head()
    for row in reversed(newest[:start]):
        if not isinstance(row, IgnoredSnapshot):
            head = advance(head, row)
        elif row.version != head.version:
            raise Corrupt(f"row {row.account_id}/{row.version}: no snapshot belongs behind version {head.version}")
    return head


def advance(head: Head, row: StoredRow) -> Head:
    """The head after the next event row; where the row closes a decade, the snapshot written with it is counted too.

    Raises:
        Corrupt: `row` is not what may come after `head`.
    """
    if not isinstance(row, EventRow):
        raise Corrupt(f"row {row.account_id}/{row.version}: an event was due, a snapshot was found")
    sequence = head.sequence + 1
    if (row.version, row.sequence) != (version_of(sequence), sequence):
        raise Corrupt(f"row {row.account_id}/{row.version}: sequence {row.sequence} cannot follow {head.sequence}")
    if isinstance(row.event, Created) != (head.account is None):
        raise Corrupt(f"row {row.account_id}/{row.version}: an account is created by its first event and only by it")
    account = evolve(head.account, row.event)
    if (account.balance, account.currency) != (row.balance, row.currency):
        raise Corrupt(f"row {row.account_id}/{row.version}: its balance or currency does not follow from the events")
    return Head(account, version_after(row.version), sequence, row.occurred_at)


def rows_for(account_id: str, head: Head, event: Event, origin: Origin) -> list[Row]:
    """The rows that append `event` after `head`: the event, and after a decade's ninth event the snapshot.

    Both have to be stored in one transaction, each on the condition that its version is still free. Where the writer's
    clock is behind the newest event's, the event takes that one's time: the past of an account is in order.
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
    return [
        row,
        SnapshotRow(
            account_id=account_id,
            version=version + 1,
            sequence=sequence,
            occurred_at=occurred_at,
            owner=account.owner,
            currency=account.currency,
            balance=account.balance,
        ),
    ]


def _from_snapshot(row: StoredRow) -> Head:
    if not isinstance(row, SnapshotRow):
        raise Corrupt(f"row {row.account_id}/{row.version}: no snapshot belongs here")
    return Head(Account(row.owner, row.currency, Decimal(row.balance)), row.version, row.sequence, row.occurred_at)


def version_after(version: int) -> int:
    """The account's version once event row `version` is stored: the snapshot that closes a decade counts too."""
    return version + 1 if is_snapshot_version(version + 1) else version
