"""The commands that a caller can send, in the imperative.

An invalid amount raises ValueError here, before anything is decided or stored. `account_core/api/requests.py` checks
what callers send over HTTP and reports errors in more detail.
"""

from dataclasses import dataclass
from decimal import Decimal

from account_core.domain.money import MONEY_MAX, is_amount


@dataclass(frozen=True, slots=True)
class CreateAccount:
    owner: str
    currency: str


@dataclass(frozen=True, slots=True)
class Credit:
    amount: Decimal

    def __post_init__(self) -> None:
        _require_amount(self.amount)


@dataclass(frozen=True, slots=True)
class Withdraw:
    amount: Decimal

    def __post_init__(self) -> None:
        _require_amount(self.amount)


@dataclass(frozen=True, slots=True)
class TransferMoney:
    """Move money from the account that the command is sent to.

    Attributes:
        to: the receiving account's id.
        transfer_id: a new id. A command that is sent again has another one, but is the same command.
    """

    to: str
    amount: Decimal
    transfer_id: str

    def __post_init__(self) -> None:
        _require_amount(self.amount)


AccountCommand = CreateAccount | Credit | Withdraw
"""The commands that change one account."""
Command = AccountCommand | TransferMoney


def _require_amount(amount: Decimal) -> None:
    if not is_amount(amount):
        raise ValueError(f"An amount must be positive, exact to the cent and at most {MONEY_MAX}.")
