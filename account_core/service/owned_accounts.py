"""An owner's accounts, from the read model of `consumers/owners`, which lags behind the ledger."""

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
    """Attributes: `balance` includes the events up to `sequence`; times are ISO 8601."""

    account_id: str
    currency: str
    balance: Decimal
    sequence: int
    opened_at: str
    updated_at: str


class OwnedAccounts(Protocol):
    """The port to the read model of accounts by owner."""

    def page(self, owner: str, after: str | None, limit: int, used: Usage) -> Sequence[OwnedAccount]:
        """At most `limit` of the owner's accounts, by id, after the account `after`; the cost is added to `used`.

        Raises:
            Unavailable: the read was throttled or timed out.
            Corrupt: a row cannot be read.
        """


def from_row(item: Mapping[str, Any]) -> OwnedAccount:
    """The account of a row in DynamoDB JSON.

    Raises:
        Corrupt: an attribute is missing or malformed.
    """
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
