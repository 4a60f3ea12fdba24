"""An owner's accounts, as the read model `consumers/owners` keeps them: behind the ledger while events travel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from account_core.domain.errors import Corrupt
from account_core.domain.money import to_cents
from account_core.rows.attributes import decimal_number, instant, whole_number
from account_core.service.usage import Usage


@dataclass(frozen=True, slots=True)
class OwnedAccount:
    """Attributes: `sequence` is of the last event that is in `balance`; times as ISO 8601."""

    account_id: str
    currency: str
    balance: Decimal
    sequence: int
    opened_at: str
    updated_at: str


class OwnedAccounts(Protocol):
    """Where they are read."""

    def page(self, owner: str, after: str | None, limit: int, used: Usage) -> Sequence[OwnedAccount]:
        """At most `limit` of the owner's accounts by id, behind `after`; adds what it cost to `used`.

        Raises:
            Unavailable: throttled or timed out.
            Corrupt: a row cannot be read.
        """


def from_row(item: Mapping[str, Any]) -> OwnedAccount:
    """Of a row in DynamoDB JSON."""
    try:
        return OwnedAccount(
            account_id=item["AccountId"]["S"],
            currency=item["Currency"]["S"],
            balance=to_cents(decimal_number(item["Balance"]["N"])),
            sequence=whole_number(item["Sequence"]["N"]),
            opened_at=_time(item, "OpenedAt"),
            updated_at=_time(item, "UpdatedAt"),
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise Corrupt(f"a row of the accounts by owner cannot be read: {type(error).__name__}: {error}") from error


def _time(item: Mapping[str, Any], name: str) -> str:
    text: str = item[name]["S"]
    instant(text)
    return text
