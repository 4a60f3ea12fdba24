"""A model of one account: the required result of every command, without a store, a cache or concurrency."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from account_core.domain.commands import Command, CreateAccount, Credit
from account_core.domain.money import MONEY_MAX
from account_core.service.execution import Conditions, Receipt


@dataclass(frozen=True)
class Entry:
    """An accepted command and the account after it."""

    command: Command
    key: str | None
    occurred_at: str
    receipt: Receipt


@dataclass
class Ledger:
    """The expected account: every accepted command with its result."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def now(self) -> Receipt | None:
        return self.entries[-1].receipt if self.entries else None

    def expected(self, command: Command, key: str | None, conditions: Conditions) -> Receipt | str:
        """The required result of a command: the account after it, or the code of the refusal."""
        now = self.now
        if now is None:
            return self._next(Decimal("0.00"), command) if isinstance(command, CreateAccount) else "account_not_found"
        if conditions.owner not in (None, self._opened.owner):
            return "account_not_found"
        for entry in self.entries:
            if key is not None and entry.key == key:
                return _as_replay(entry.receipt) if entry.command == command else "idempotency_key_reused"
        if conditions.sequences is not None and now.sequence not in conditions.sequences:
            return "precondition_failed"
        return self._decided(now, command)

    def accept(self, command: Command, key: str | None, moment: str, receipt: Receipt) -> None:
        occurred_at = max(moment, self.entries[-1].occurred_at if self.entries else "")
        self.entries.append(Entry(command, key, occurred_at, receipt))

    @property
    def _opened(self) -> CreateAccount:
        command = self.entries[0].command
        assert isinstance(command, CreateAccount)
        return command

    def _decided(self, now: Receipt, command: Command) -> Receipt | str:
        if isinstance(command, CreateAccount):
            return now if command == self._opened else "account_exists"
        balance = now.balance + (command.amount if isinstance(command, Credit) else -command.amount)
        if balance < 0:
            return "insufficient_funds"
        return "balance_limit_exceeded" if balance > MONEY_MAX else self._next(balance, command)

    def _next(self, balance: Decimal, command: Command) -> Receipt:
        sequence = len(self.entries) + 1
        currency = command.currency if isinstance(command, CreateAccount) else self._opened.currency
        return Receipt(balance, currency, sequence)


def _as_replay(receipt: Receipt) -> Receipt:
    return replace(receipt, is_replay=True)
