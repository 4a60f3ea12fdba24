"""The domain events as dataclasses, with the fields of the current schemas as Python types.

The schemas (`schemas/*.avsc`) document each field; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class _AccountEvent:
    event_id: str
    account_id: str
    sequence: int
    occurred_at: datetime
    correlation_id: str
    causation_id: str | None
    request_id: str | None


@dataclass(frozen=True)
class AccountCreated(_AccountEvent):
    """An account was opened. Always the account's event 1."""

    owner: str
    currency: str
    balance: Decimal


@dataclass(frozen=True)
class BalanceCredited(_AccountEvent):
    """Money was put into an account."""

    amount: Decimal
    currency: str
    balance: Decimal
    transfer_id: str | None = None
    counterparty_account_id: str | None = None


@dataclass(frozen=True)
class BalanceWithdrawn(_AccountEvent):
    """Money was taken from an account."""

    amount: Decimal
    currency: str
    balance: Decimal
    transfer_id: str | None = None
    counterparty_account_id: str | None = None


@dataclass(frozen=True)
class OtherEvent(_AccountEvent):
    """An event of a type that a later release added, for which this release has no class.

    Its schema came from the registry. Skip such an event only if no new type can matter to you. Otherwise raise an
    exception: the account then waits until you upgrade.

    Attributes:
        name: the schema's name.
        fields: all of the event's fields, by name.
    """

    name: str
    fields: Mapping[str, Any]


KnownEvent = AccountCreated | BalanceCredited | BalanceWithdrawn
"""The events of this release."""
Event = KnownEvent | OtherEvent
"""Every possible event. If you `match` on it, a type checker reports the cases that you forgot."""

EVENTS: dict[str, type[KnownEvent]] = {
    "AccountCreated": AccountCreated,
    "BalanceCredited": BalanceCredited,
    "BalanceWithdrawn": BalanceWithdrawn,
}
"""The classes by schema name."""
