"""The domain events as dataclasses: the working schemas' fields, by their names, as Python's types.

What each field means is in the schemas (`schemas/*.avsc`); a test compares the two.
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
    """An account was opened: its event 1."""

    owner: str
    currency: str
    balance: Decimal


@dataclass(frozen=True)
class BalanceCredited(_AccountEvent):
    """Money was put into an account."""

    amount: Decimal
    currency: str
    balance: Decimal


@dataclass(frozen=True)
class BalanceWithdrawn(_AccountEvent):
    """Money was taken from an account."""

    amount: Decimal
    currency: str
    balance: Decimal


@dataclass(frozen=True)
class OtherEvent(_AccountEvent):
    """An event that this release has no class for, of a schema that it knows: a later release's.

    Pass over it only if whatever it says is nothing to you; otherwise raise, and the account waits for the release.

    Attributes:
        name: the schema's.
        fields: by the schema's names, all of them.
    """

    name: str
    fields: Mapping[str, Any]


KnownEvent = AccountCreated | BalanceCredited | BalanceWithdrawn
"""Those of this release."""
Event = KnownEvent | OtherEvent
"""Every event there is: match on it, and a type checker names those that you forgot."""

EVENTS: dict[str, type[KnownEvent]] = {
    "AccountCreated": AccountCreated,
    "BalanceCredited": BalanceCredited,
    "BalanceWithdrawn": BalanceWithdrawn,
}
"""By the names in the schemas."""
