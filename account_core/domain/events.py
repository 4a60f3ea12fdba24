"""The events that the ledger stores, in the past tense.

Other teams never see these: the projector translates them into the domain events of `schemas/`.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Created:
    owner: str
    currency: str


@dataclass(frozen=True, slots=True)
class Credited:
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Withdrawn:
    amount: Decimal


Event = Created | Credited | Withdrawn


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it is stored.

    Attributes:
        version: the row's number within the account, 1.. without gaps; never a multiple of ten.
        sequence: the event's number within the account, 1.. without gaps (snapshots are rows, not events).
        occurred_at: the writer's clock, ISO 8601 UTC with six decimals, "2026-01-31T09:30:00.000001Z"; never earlier
            than the event before. Order events by `sequence`: two may have the same time.
        balance: the account's balance after the event, scale 2.
        currency: ISO 4217, the account's.
        correlation_id: the caller's id for the work that the command belongs to.
        request_id: the request that caused the event; None in rows of format 1, which did not record it.
        command_id: the caller's idempotency key, if one was sent (docs/glossary.md).
    """

    account_id: str
    version: int
    sequence: int
    occurred_at: str
    event: Event
    balance: Decimal
    currency: str
    correlation_id: str
    request_id: str | None = None
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """The state after event `sequence`, stored on every tenth row so that a read never needs more than ten."""

    account_id: str
    version: int
    sequence: int
    occurred_at: str
    owner: str
    currency: str
    balance: Decimal


Row = EventRow | SnapshotRow


@dataclass(frozen=True, slots=True)
class IgnoredSnapshot:
    """A snapshot that cannot be used: it has another format than this code writes, or is damaged.

    Nothing is lost: the state is rebuilt from the events.
    """

    account_id: str
    version: int
    reason: str
    is_damaged: bool


StoredRow = Row | IgnoredSnapshot
"""What a read of the ledger can return; only a `Row` is ever written."""
