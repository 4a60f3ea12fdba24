"""The events that the ledger stores, in the past tense.

Other teams never see these events: the projector translates them into the domain events of `schemas/`.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Created:
    owner: str
    currency: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """The transfer that an event belongs to.

    Attributes:
        transfer_id: the same in the withdrawal and the credit of the transfer, and in no other event.
        counterparty: the id of the transfer's other account.
    """

    transfer_id: str
    counterparty: str


@dataclass(frozen=True, slots=True)
class Credited:
    """Attributes: `transfer` is None unless the money came from another account of this service."""

    amount: Decimal
    transfer: Transfer | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Attributes: `transfer` is None unless the money went to another account of this service."""

    amount: Decimal
    transfer: Transfer | None = None


Event = Created | Credited | Withdrawn


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it is stored.

    Attributes:
        version: the row's number within the account, 1.. without gaps; never a multiple of ten.
        sequence: the event's number within the account, 1.. without gaps (snapshots are rows, not events).
        occurred_at: the time on the writer's clock, but not earlier than the previous event; ISO 8601 UTC with six
            decimals, "2026-01-31T09:30:00.000001Z". Order events by `sequence`: two may have the same time.
        balance: the account's balance after the event, scale 2.
        currency: the account's currency, ISO 4217.
        correlation_id: the caller's id for the work that the command belongs to. On the receiving account of a
            transfer, it is the transfer's id: ids of the paying account's owner are not for the receiver.
        request_id: the id of the request that caused the event; None in rows of format 1, which did not record it, and
            on the receiving account of a transfer.
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
    """The state after event `sequence`. Every tenth row is a snapshot, so that a read needs at most ten rows."""

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
    """A snapshot that cannot be used, because its format is not the current one or because it is damaged.

    Nothing is lost: the state is rebuilt from the events.
    """

    account_id: str
    version: int
    reason: str
    is_damaged: bool


StoredRow = Row | IgnoredSnapshot
"""What a read of the ledger can return; only a `Row` is ever written."""
