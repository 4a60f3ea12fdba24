"""What a caller may ask for: imperatives. Amounts are positive decimals of scale 2; `http_api` saw to it."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CreateAccount:
    owner: str
    currency: str


@dataclass(frozen=True, slots=True)
class Credit:
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Withdraw:
    amount: Decimal


Command = CreateAccount | Credit | Withdraw
