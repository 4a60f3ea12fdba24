"""A model of one account: the required result of every command, without a store, a cache or concurrency."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from account_core.domain.commands import Command, CreateAccount, Credit, TransferMoney
from account_core.domain.money import MONEY_MAX
from account_core.service.execution import Conditions, Receipt


@dataclass(frozen=True)
class Entry:
    """An accepted command and the account after it."""

    command: Command
    key: str | None
    occurred_at: str
    receipt: Receipt

    @property
    def shown(self) -> Receipt:
        """The account as it is read."""
        return replace(self.receipt, transfer_id=None)


@dataclass
class Ledger:
    """The expected account: every accepted command with its result."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def now(self) -> Receipt | None:
        return self.entries[-1].shown if self.entries else None

    def expected(
        self, command: Command, key: str | None, conditions: Conditions, receiver: "Ledger | None" = None
    ) -> Receipt | str:
        """The required result of a command: the account after it, or the code of the refusal.

        Args:
            command: of this account.
            key: the idempotency key.
            conditions: under which the command is carried out.
            receiver: for a transfer, the receiving account.
        """
        now = self.now
        if now is None:
            return self._next(Decimal("0.00"), command) if isinstance(command, CreateAccount) else "account_not_found"
        if conditions.owner not in (None, self._opened.owner):
            return "account_not_found"
        for entry in self.entries:
            if key is not None and entry.key == key:
                return _as_replay(entry.receipt) if _is_same(entry.command, command) else "idempotency_key_reused"
        if conditions.sequences is not None and now.sequence not in conditions.sequences:
            return "precondition_failed"
        return self._decided(now, command, receiver)

    def accept(self, command: Command, key: str | None, moment: str, receipt: Receipt) -> None:
        self.entries.append(Entry(command, key, max(moment, self.latest), receipt))

    def accept_transfer(self, command: TransferMoney, key: str | None, moment: str, receiver: "Ledger") -> None:
        """Both accounts change, at the same time; the key is the paying account's."""
        assert self.now is not None
        assert receiver.now is not None
        at = max(moment, self.latest, receiver.latest)
        paid = self._next(self.now.balance - command.amount, command)
        self.accept(command, key, at, replace(paid, transfer_id=command.transfer_id))
        credit = Credit(command.amount)
        receiver.accept(credit, None, at, receiver._next(receiver.now.balance + command.amount, credit))  # noqa: SLF001 -- another ledger

    @property
    def latest(self) -> str:
        """The newest entry's time."""
        return self.entries[-1].occurred_at if self.entries else ""

    @property
    def _opened(self) -> CreateAccount:
        command = self.entries[0].command
        assert isinstance(command, CreateAccount)
        return command

    def _decided(self, now: Receipt, command: Command, receiver: "Ledger | None") -> Receipt | str:
        if isinstance(command, CreateAccount):
            return now if command == self._opened else "account_exists"
        if isinstance(command, TransferMoney) and receiver is self:
            return "transfer_to_itself"
        balance = now.balance + (command.amount if isinstance(command, Credit) else -command.amount)
        if balance < 0:
            return "insufficient_funds"
        if isinstance(command, TransferMoney):
            may_receive = receiver is not None and receiver.may_receive(command.amount, now.currency)
            paid = replace(self._next(balance, command), transfer_id=command.transfer_id)
            return paid if may_receive else "receiver_refused"
        return "balance_limit_exceeded" if balance > MONEY_MAX else self._next(balance, command)

    def may_receive(self, amount: Decimal, currency: str) -> bool:
        now = self.now
        return now is not None and now.currency == currency and now.balance + amount <= MONEY_MAX

    def _next(self, balance: Decimal, command: Command) -> Receipt:
        sequence = len(self.entries) + 1
        currency = command.currency if isinstance(command, CreateAccount) else self._opened.currency
        return Receipt(balance, currency, sequence)


def _is_same(first: Command, command: Command) -> bool:
    """Whether a command repeats the first one. The transfer's id is new whenever it is sent."""
    if isinstance(first, TransferMoney) and isinstance(command, TransferMoney):
        return replace(first, transfer_id=command.transfer_id) == command
    return first == command


def _as_replay(receipt: Receipt) -> Receipt:
    return replace(receipt, is_replay=True)
