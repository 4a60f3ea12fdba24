"""What a caller may ask for: imperatives.

An amount that is none raises ValueError here, before anything can be decided or stored; what a caller over HTTP may
send is checked, with better words, in `http_requests`.
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


Command = CreateAccount | Credit | Withdraw


def _require_amount(amount: Decimal) -> None:
    if not is_amount(amount):
        raise ValueError(f"An amount is positive, has two decimals and is at most {MONEY_MAX}.")
