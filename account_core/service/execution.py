"""One command: load the state, decide, append; on a version conflict, fold the competing event and decide again.

`Execution.run` has the whole flow.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from account_core.domain.account import decide, event_of
from account_core.domain.commands import Command, CreateAccount
from account_core.domain.errors import (
    AccountNotFound,
    Conflict,
    IdempotencyKeyReused,
    PreconditionFailed,
    Rejected,
)
from account_core.domain.events import Event, EventRow, StoredRow
from account_core.service.head import Head, Origin, advance, rows_for
from account_core.service.head_cache import HeadCache
from account_core.service.loading import load
from account_core.service.ports import AccountStore, VersionConflict
from account_core.service.usage import Usage

ATTEMPTS_MAX = 10
"""An attempt fails if another writer changes the account meanwhile. Ten failures in a row mean a very busy account."""

COMPETING_EVENTS_FOLDED_MAX, STALE_COMPETING_EVENTS_MAX = 2, 1
"""How many competing events are folded before the account is read again: onto a head that was read, and onto a head
from the cache. More conflicts mean that the account is busy, and a read costs a fifth of a failed write."""

BACKOFF_FIRST_S = 0.01
BACKOFF_MAX_S = 0.5


def backoff_s(conflicts: int, jitter: float) -> float:
    """How many seconds to wait before the next attempt. Full jitter keeps competing writers from retrying together.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        conflicts: the number of version conflicts so far, at least 1.
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
    """

    balance: Decimal
    currency: str
    sequence: int
    is_replay: bool = False


@dataclass(slots=True)
class Execution:
    """One command while it is carried out.

    Attributes:
        head: the state on which the next decision is made, and its position in the ledger.
        is_fresh: True if `head` was the newest state at some moment since the command arrived. A command is refused
            only if this is True.
        is_key_checked: True once the index was searched for this idempotency key since the last read. A later event
            with this key would cause a version conflict.
    """

    store: AccountStore
    heads: HeadCache
    pause: Callable[[int], None]
    account_id: str
    command: Command
    origin: Origin
    conditions: Conditions
    used: Usage
    head: Head = field(default_factory=Head)
    is_fresh: bool = False
    is_key_checked: bool = False

    def run(self, has_time: Callable[[], bool]) -> Receipt:
        self._start()
        conflicts = 0
        while True:
            event, refusal = self._decide()
            if event is None and not self.is_fresh:  # a cached head is not enough for a refusal
                self._read()
                continue
            if earlier := self._find_earlier():
                return self._replay(earlier)
            if refusal is not None:
                raise refusal
            if event is None:
                return receipt_of(self.head)
            try:
                return self._append(event)
            except VersionConflict as conflict:
                conflicts += 1
                self.used.conflicts += 1
                if earlier := self._same_command(conflict.competing):
                    return self._replay(earlier)
                if conflicts == ATTEMPTS_MAX or not has_time():
                    raise Conflict(
                        "Other commands changed the account during every attempt. Nothing was written."
                    ) from None
                self._continue_after(conflict.competing, conflicts)

    def _start(self) -> None:
        """Start from a cached head or, to create an account, from an empty head; otherwise read the account.

        If the head is out of date, the append meets a version conflict. An account of another owner is read even if it
        is in the cache: the response time must not reveal that the account exists.
        """
        known = Head() if isinstance(self.command, CreateAccount) else self.heads.get(self.account_id)
        if known is None or has_other_owner(known, self.conditions.owner):
            self._read()
        else:
            self.head = known

    def _read(self) -> None:
        self.head, self.is_fresh, self.is_key_checked = load(self.store, self.account_id, self.used), True, False
        self.heads.put(self.account_id, self.head)
        hide_from_others(self.head, self.conditions.owner)

    def _decide(self) -> tuple[Event | None, Rejected | PreconditionFailed | None]:
        """Return an event, a refusal, or neither if there is nothing to do."""
        try:
            self._check_precondition()
            events = decide(self.head.account, self.command)
        except (Rejected, PreconditionFailed) as refusal:
            return None, refusal
        assert len(events) <= 1, "one event per transaction: DynamoDB promises no stream order within one"  # noqa: S101 -- programmer error
        return (events[0] if events else None), None

    def _check_precondition(self) -> None:
        sequences = self.conditions.sequences
        if sequences is not None and self.head.account is not None and self.head.sequence not in sequences:
            advice = ": read it and decide again." if sequences else "."  # without valid sequences, reading cannot help
            raise PreconditionFailed(f"The account is at sequence {self.head.sequence}{advice}")

    def _find_earlier(self) -> EventRow | None:
        """The event that this command caused when it was sent before, from the index."""
        key = self.origin.command_id
        if key is None or self.is_key_checked or self.head.account is None:
            return None
        self.is_key_checked = True
        return self.store.find(self.account_id, key, self.used)

    def _same_command(self, competing: StoredRow | None) -> EventRow | None:
        """The competing event if it has this command's idempotency key."""
        key = self.origin.command_id
        if isinstance(competing, EventRow) and key is not None and competing.command_id == key:
            return competing
        return None

    def _append(self, event: Event) -> Receipt:
        rows = rows_for(self.account_id, self.head, event, self.origin)
        self.store.append(rows, self.used)
        self.head = advance(self.head, rows[0])
        self.heads.put(self.account_id, self.head)
        return receipt_of(self.head)

    def _continue_after(self, competing: StoredRow | None, conflicts: int) -> None:
        """Fold the competing event; read the account if the store did not return it, or after several conflicts."""
        folded_max = COMPETING_EVENTS_FOLDED_MAX if self.is_fresh else STALE_COMPETING_EVENTS_MAX
        if competing is None or conflicts > folded_max:
            self.pause(conflicts)
            self._read()
        else:
            self.head = advance(self.head, competing)
            self.heads.put(self.account_id, self.head)

    def _replay(self, earlier: EventRow) -> Receipt:
        """The first result of this command."""
        if earlier.event != event_of(self.command):
            raise IdempotencyKeyReused(
                "This Idempotency-Key belongs to another command on this account. Use a new key for each command."
            )
        return Receipt(earlier.balance, earlier.currency, earlier.sequence, is_replay=True)


def has_other_owner(head: Head, owner: str | None) -> bool:
    """Whether the account belongs to another owner. An old head is enough: the owner never changes."""
    return owner is not None and head.account is not None and head.account.owner != owner


def hide_from_others(head: Head, owner: str | None) -> None:
    """Raise AccountNotFound if the account belongs to another owner."""
    if has_other_owner(head, owner):
        raise AccountNotFound


def receipt_of(head: Head) -> Receipt:
    if head.account is None:
        raise AccountNotFound
    return Receipt(head.account.balance, head.account.currency, head.sequence)
