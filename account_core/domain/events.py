"""What has happened to an account, in the past tense: the language in which the ledger is written.

These are the stored events. What other teams see are the domain events of `schemas/`, made from these by the projector.
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
    """One event where it is stored.

    Attributes:
        version: the row's number within the account, 1.. without holes; never a multiple of ten.
        sequence: the event's number within the account, 1.. without holes (snapshots are rows, not events).
        occurred_at: the writer's clock, ISO 8601 UTC with six decimals, "2026-01-31T09:30:00.000001Z"; never before
            the event in front of it. The order of events is `sequence`: two may have the same time.
        balance: the account's balance after the event, scale 2.
        currency: ISO 4217, the account's.
        correlation_id: the caller's name for the work this belongs to.
        request_id: the request that caused the event; None in rows of format 1, which did not record it.
        command_id: the caller's idempotency key, where one was given.
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
    """A snapshot that no state may be taken from: of a format this code does not write, or damaged.

    Nothing is lost with it: the state is rebuilt from the events.
    """

    account_id: str
    version: int
    reason: str
    is_damaged: bool


StoredRow = Row | IgnoredSnapshot
"""What is found in the ledger; only a `Row` is ever written."""
