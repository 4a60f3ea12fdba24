"""One command: load the state, decide, append; on a version conflict, fold the competing event and decide again.

`Execution.run` has the whole flow. A transfer has two accounts, and an event for each; every other command has one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf

from account_core.domain.account import causes, decide, decide_transfer
from account_core.domain.commands import Command, CreateAccount, TransferMoney
from account_core.domain.errors import (
    AccountFull,
    AccountNotFound,
    Conflict,
    IdempotencyKeyReused,
    PreconditionFailed,
    ReceiverRefused,
    Rejected,
)
from account_core.domain.events import Created, Event, EventRow, Row, StoredRow
from account_core.service.head import Head, Origin, rows_for, rows_of_transfer
from account_core.service.head_cache import TRANSFER_AGE_MAX_S
from account_core.service.ports import VersionConflict, WriteConflict
from account_core.service.usage import Usage
from account_core.service.working_head import WorkingHead

ATTEMPTS_MAX = 10
"""An attempt fails if another writer changes the account meanwhile. Ten failures in a row mean a very busy account."""

BACKOFF_FIRST_S = 0.01
BACKOFF_MAX_S = 0.5


def backoff_s(conflicts: int, jitter: float) -> float:
    """How many seconds to wait before the next attempt. Full jitter keeps competing writers from retrying together.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        conflicts: the number of conflicts so far, at least 1.
        jitter: a random number, 0 <= jitter < 1.
    """
    return jitter * min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**conflicts)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions under which a command may be carried out.

    Attributes:
        sequences: the account must be at one of these sequences (`If-Match`); None: at any sequence.
        owner: the caller sees only this owner's accounts; None: all accounts.
    """

    sequences: frozenset[int] | None = None
    owner: str | None = None


ALWAYS = Conditions()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The account after a command, or as it was read.

    Attributes:
        currency: ISO 4217.
        sequence: the sequence of the last event that `balance` includes.
        is_replay: the command was carried out before, and this is its first result.
        transfer_id: the transfer that the command carried out; None after any other command.
    """

    balance: Decimal
    currency: str
    sequence: int
    is_replay: bool = False
    transfer_id: str | None = None


@dataclass(slots=True)
class Execution:
    """One command while it is carried out.

    Attributes:
        account: the account that the command was sent to; for a transfer, the paying account.
        receiver: the receiving account of a transfer; None for any other command.
    """

    account: WorkingHead
    receiver: WorkingHead | None
    pause: Callable[[int], None]
    command: Command
    origin: Origin
    conditions: Conditions
    used: Usage

    def run(self, has_time: Callable[[], bool]) -> Receipt:
        self._start()
        conflicts = 0
        while True:
            events, refusal = self._decide()
            if not events and self._read_stale():  # cached heads are not enough for a refusal
                continue
            if earlier := self._find_earlier():
                return self._replay(earlier)
            if refusal is not None:
                raise refusal
            if not events:
                return receipt_of(self.account.head)
            try:
                return self._append(events)
            except (VersionConflict, WriteConflict) as conflict:
                conflicts += 1
                self.used.conflicts += 1
                if earlier := self._same_command(conflict):
                    return self._replay(earlier)
                if conflicts == ATTEMPTS_MAX or not has_time():
                    raise Conflict(
                        "Other commands changed the account during every attempt. Nothing was written."
                    ) from None
                self._continue_after(conflict, conflicts)

    def _accounts(self) -> list[WorkingHead]:
        return [self.account] if self.receiver is None else [self.account, self.receiver]

    def _start(self) -> None:
        """Start from cached heads or, to create an account, from an empty head; otherwise read the accounts.

        A transfer starts from recent heads only. The receiving account is not touched for a caller who may not see the
        paying one.
        """
        if isinstance(self.command, CreateAccount):
            return
        age_max_s = inf if self.receiver is None else TRANSFER_AGE_MAX_S
        self.account.start(self.conditions.owner, age_max_s)
        if self.account.head.account is None:
            raise AccountNotFound
        if self.receiver is not None:
            self.receiver.start(None, age_max_s)

    def _decide(self) -> tuple[Sequence[Event], Rejected | PreconditionFailed | None]:
        """Return an event for each account, a refusal, or neither if there is nothing to do."""
        try:
            self._check_precondition()
            if isinstance(self.command, TransferMoney):
                assert self.receiver is not None  # noqa: S101 -- see `AccountService.execute`
                accounts = self.account.head.account, self.receiver.head.account
                return decide_transfer(self.account.account_id, *accounts, self.command), None
            return decide(self.account.head.account, self.command), None
        except (Rejected, PreconditionFailed) as refusal:
            return [], refusal

    def _check_precondition(self) -> None:
        sequences, head = self.conditions.sequences, self.account.head
        if sequences is not None and head.account is not None and head.sequence not in sequences:
            advice = ": read it and decide again." if sequences else "."  # without valid sequences, reading cannot help
            raise PreconditionFailed(f"The account is at sequence {head.sequence}{advice}")

    def _read_stale(self) -> bool:
        """Read the accounts whose heads are not fresh; return whether there were any."""
        stale = [account for account in self._accounts() if not account.is_fresh]
        for account in stale:
            account.read()
        return bool(stale)

    def _find_earlier(self) -> EventRow | None:
        """The event that this command caused when it was sent before, from the index of its account."""
        key = self.origin.command_id
        return None if key is None else self.account.find(key)

    def _same_command(self, conflict: VersionConflict | WriteConflict) -> EventRow | None:
        """The competing event if it has this command's idempotency key."""
        key, competing = self.origin.command_id, _competing(conflict).get(self.account.account_id)
        if isinstance(competing, EventRow) and key is not None and competing.command_id == key:
            return competing
        return None

    def _append(self, events: Sequence[Event]) -> Receipt:
        rows = self._rows(events)
        try:
            self.account.store.append([row for own in rows for row in own], self.used)
        except AccountFull as full:
            if full.account_id != self.account.account_id:
                raise ReceiverRefused from None
            raise
        for account, own in zip(self._accounts(), rows, strict=True):
            account.advance(own[0])
        return replace(receipt_of(self.account.head), transfer_id=_transfer_id(events[0]))

    def _rows(self, events: Sequence[Event]) -> Sequence[Sequence[Row]]:
        """The rows of each account."""
        heads = [(account.account_id, account.head) for account in self._accounts()]
        assert len(events) == len(heads), "one event per account: DynamoDB promises no stream order in a transaction"  # noqa: S101 -- programmer error
        if len(heads) == 1:
            return [rows_for(*heads[0], events[0], self.origin)]
        return rows_of_transfer(heads[0], heads[1], events, self.origin)

    def _continue_after(self, conflict: VersionConflict | WriteConflict, conflicts: int) -> None:
        """Fold the competing events; read an account after several of them, or if the store did not return any.

        The store may return the competing snapshot alone, if another write of the event's row is in progress.

        After a WriteConflict, the heads may still be the newest: the same rows are sent again.
        """
        if isinstance(conflict, WriteConflict):
            self.pause(conflicts)
            return
        competing = _competing(conflict)
        behind = [account for account in self._accounts() if account.account_id in competing] or self._accounts()
        for account in behind:
            account.conflicts += 1
        folded = {account_id: row for account_id, row in competing.items() if isinstance(row, EventRow)}
        busy = [account for account in behind if account.account_id not in folded or account.is_busy()]
        if busy:
            self.pause(conflicts)
        for account in behind:
            if account in busy:
                account.read()
            else:
                account.advance(folded[account.account_id])

    def _replay(self, earlier: EventRow) -> Receipt:
        """The first result of this command."""
        if not causes(self.command, earlier.event):
            raise IdempotencyKeyReused(
                "This Idempotency-Key belongs to another command on this account. Use a new key for each command."
            )
        transfer_id = _transfer_id(earlier.event)
        return Receipt(earlier.balance, earlier.currency, earlier.sequence, is_replay=True, transfer_id=transfer_id)


def _competing(conflict: VersionConflict | WriteConflict) -> Mapping[str, StoredRow]:
    """The competing row of each account, as far as the store returned it."""
    return {row.account_id: row for row in conflict.competing} if isinstance(conflict, VersionConflict) else {}


def _transfer_id(event: Event) -> str | None:
    return None if isinstance(event, Created) or event.transfer is None else event.transfer.transfer_id


def receipt_of(head: Head) -> Receipt:
    if head.account is None:
        raise AccountNotFound
    return Receipt(head.account.balance, head.account.currency, head.sequence)
