"""The account as a decider: state, evolve, decide. Pure."""

from dataclasses import dataclass, replace
from decimal import Decimal

from account_core.domain.commands import AccountCommand, Command, CreateAccount, Credit, TransferMoney, Withdraw
from account_core.domain.errors import (
    AccountExists,
    AccountNotFound,
    BalanceLimitExceeded,
    InsufficientFunds,
    ReceiverRefused,
    TransferToItself,
)
from account_core.domain.events import Created, Credited, Event, Transfer, Withdrawn
from account_core.domain.money import EXACT, MONEY_MAX, ZERO


@dataclass(frozen=True, slots=True)
class Account:
    owner: str
    currency: str
    balance: Decimal


INITIAL: Account | None = None
"""The state before the first event: the account does not exist."""


def evolve(account: Account | None, event: Event) -> Account:
    """The state after `event`. It never refuses a known event: a rule added tomorrow must not break stored history."""
    match event:
        case Created(owner=owner, currency=currency):
            return Account(owner, currency, ZERO)
        case Credited(amount=amount):
            return replace(_existing(account), balance=EXACT.add(_existing(account).balance, amount))
        case Withdrawn(amount=amount):
            return replace(_existing(account), balance=EXACT.subtract(_existing(account).balance, amount))


def decide(account: Account | None, command: AccountCommand) -> list[Event]:
    """The events that `command` causes: one, or none if the account is already in the requested state.

    Raises:
        Rejected: AccountNotFound, AccountExists, InsufficientFunds or BalanceLimitExceeded.
    """
    match command:
        case CreateAccount(owner=owner, currency=currency):
            if account is None:
                return [event_of(command)]
            if (account.owner, account.currency) == (owner, currency):
                return []
            raise AccountExists("The account already exists with another owner or currency.")
        case Credit(amount=amount):
            if account is None:
                raise AccountNotFound
            if EXACT.add(account.balance, amount) > MONEY_MAX:
                raise BalanceLimitExceeded(f"The balance cannot exceed {MONEY_MAX} {account.currency}.")
            return [event_of(command)]
        case Withdraw(amount=amount):
            if account is None:
                raise AccountNotFound
            if account.balance < amount:
                raise InsufficientFunds("The balance does not cover the amount.")
            return [event_of(command)]


def decide_transfer(
    account_id: str, payer: Account | None, receiver: Account | None, command: TransferMoney
) -> list[Event]:
    """The events that `command` causes: the withdrawal from `account_id`, and the credit to `command.to`.

    Args:
        account_id: the paying account's id.
        payer: the paying account.
        receiver: the receiving account.
        command: the transfer.

    Raises:
        Rejected: AccountNotFound, TransferToItself or InsufficientFunds for the paying account, and ReceiverRefused for
            the receiving one.
    """
    if payer is None:
        raise AccountNotFound
    if command.to == account_id:
        raise TransferToItself
    decide(payer, Withdraw(command.amount))
    if receiver is None or receiver.currency != payer.currency:
        raise ReceiverRefused
    try:
        decide(receiver, Credit(command.amount))
    except BalanceLimitExceeded:
        raise ReceiverRefused from None
    return [event_of(command), Credited(command.amount, Transfer(command.transfer_id, account_id))]


def causes(command: Command, event: Event) -> bool:
    """Whether `event` is the one that `command` causes on its account.

    A transfer's id does not count: it is new whenever the same command is sent again.
    """
    match command, event:
        case TransferMoney(), Withdrawn(transfer=Transfer(transfer_id=transfer_id)):
            command = replace(command, transfer_id=transfer_id)
    return event == event_of(command)


def event_of(command: Command) -> Event:
    """The event that `command` causes on its account if it is accepted."""
    match command:
        case CreateAccount(owner=owner, currency=currency):
            return Created(owner, currency)
        case Credit(amount=amount):
            return Credited(amount)
        case Withdraw(amount=amount):
            return Withdrawn(amount)
        case TransferMoney(to=to, amount=amount, transfer_id=transfer_id):
            return Withdrawn(amount, Transfer(transfer_id, to))


def _existing(account: Account | None) -> Account:
    assert account is not None, "the first event is Created; `head.advance` refuses any other history"  # noqa: S101 -- programmer error
    return account
