"""Table streams that the tests of account_events.testing replay."""

from collections.abc import Iterable
from decimal import Decimal

from account_core.domain.commands import Command, CreateAccount, Credit, Withdraw
from account_events.testing import TableStream, in_turn
from tests.support.given import given

CENTS = Decimal("10.00")


def table_stream(accounts: Iterable[str] = "abc", events: int = 12) -> TableStream:
    """This many events of each account, in turn. A snapshot follows the ninth event of an account."""
    commands: list[Command] = [CreateAccount("owner-1", "EUR"), *(Credit(CENTS) for _ in range(events - 2))]
    commands.append(Withdraw(Decimal("0.01")))
    return given(*in_turn(dict.fromkeys(accounts, commands)))
