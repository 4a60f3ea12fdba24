"""The decider: given a history, when a command, then events or an error."""

from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.account import INITIAL, Account, decide, evolve
from account_core.domain.commands import AccountCommand, CreateAccount, Credit, Withdraw
from account_core.domain.errors import AccountExists, AccountNotFound, BalanceLimitExceeded, InsufficientFunds, Rejected
from account_core.domain.events import Created, Credited, Event, Withdrawn
from account_core.domain.money import MONEY_MAX
from tests.support.amounts import cents

OPENED = Created("owner-1", "EUR")


def given_history(events: Iterable[Event]) -> Account | None:
    account = INITIAL
    for event in events:
        account = evolve(account, event)
    return account


@pytest.mark.parametrize(
    ("history", "command", "expected"),
    [
        ([], CreateAccount("owner-1", "EUR"), [OPENED]),
        ([OPENED], CreateAccount("owner-1", "EUR"), []),
        ([OPENED], Credit(Decimal("10.00")), [Credited(Decimal("10.00"))]),
        ([OPENED, Credited(Decimal("10.00"))], Withdraw(Decimal("10.00")), [Withdrawn(Decimal("10.00"))]),
        ([OPENED], Credit(MONEY_MAX), [Credited(MONEY_MAX)]),
    ],
)
def test_an_accepted_command_causes_its_event(
    history: list[Event], command: AccountCommand, expected: list[Event]
) -> None:
    assert decide(given_history(history), command) == expected


@pytest.mark.parametrize(
    ("history", "command", "expected"),
    [
        ([], Credit(Decimal("0.01")), AccountNotFound),
        ([], Withdraw(Decimal("0.01")), AccountNotFound),
        ([OPENED], CreateAccount("owner-2", "EUR"), AccountExists),
        ([OPENED], CreateAccount("owner-1", "USD"), AccountExists),
        ([OPENED], Withdraw(Decimal("0.01")), InsufficientFunds),
        ([OPENED, Credited(Decimal("9.99"))], Withdraw(Decimal("10.00")), InsufficientFunds),
        ([OPENED, Credited(MONEY_MAX)], Credit(Decimal("0.01")), BalanceLimitExceeded),
    ],
)
def test_a_refused_command_raises_its_error(
    history: list[Event], command: AccountCommand, expected: type[Rejected]
) -> None:
    with pytest.raises(expected):
        decide(given_history(history), command)


AMOUNTS = cents()


@given(st.lists(st.one_of(st.builds(Credit, AMOUNTS), st.builds(Withdraw, AMOUNTS)), max_size=40))
def test_the_balance_is_the_sum_of_accepted_commands_and_within_limits(
    commands: list[Credit | Withdraw],
) -> None:
    account = given_history([OPENED])
    total = Decimal("0.00")
    for command in commands:
        try:
            events = decide(account, command)
        except Rejected:
            continue
        for event in events:
            account = evolve(account, event)
        total += command.amount if isinstance(command, Credit) else -command.amount
        assert account is not None
        assert account.balance == total
        assert Decimal(0) <= account.balance <= MONEY_MAX


@pytest.mark.parametrize("kind", [Credit, Withdraw])
@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "1e17", "NaN", "Infinity"])
def test_a_command_with_an_invalid_amount_is_refused(kind: type[Credit | Withdraw], amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        kind(Decimal(amount))
