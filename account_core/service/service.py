"""Look up, decide, append; on a lost race, fold the winner and decide again."""

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
    SequenceNotFound,
)
from account_core.domain.events import Event, EventRow, StoredRow
from account_core.rows.items import version_of
from account_core.service.head import Head, Origin, advance, rows_for
from account_core.service.head_cache import HeadCache
from account_core.service.history import events_after
from account_core.service.loading import load, load_moment
from account_core.service.ports import AccountStore, VersionConflict
from account_core.service.usage import Usage

ATTEMPTS_MAX = 10
"""A lost race means that another writer was on the account just then; ten in a row mean a very busy account."""

COMPETING_EVENTS_FOLDED_MAX, STALE_COMPETING_EVENTS_MAX = 2, 1
"""After so many winners have been folded, onto a head that was read or a cached one, the account is read anew: others
are busy on it, and a read costs a fifth of a failed write."""

BACKOFF_FIRST_S = 0.01
BACKOFF_MAX_S = 0.5


def backoff_s(conflicts: int, jitter: float) -> float:
    """How long to wait after so many lost races, that not all losers come back at once: full jitter.

    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

    Args:
        conflicts: from 1.
        jitter: a random number, 0 <= roll < 1.
    """
    return jitter * min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**conflicts)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a command may be carried out.

    Attributes:
        sequences: the account has to be at one of these (client-side locking); None: at any.
        owner: only this owner's accounts exist for the caller; None: all do.
    """

    sequences: frozenset[int] | None = None
    owner: str | None = None


ALWAYS = Conditions()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a command, or what was read.

    Attributes:
        currency: ISO 4217.
        sequence: of the last event in the balance.
        is_replay: the command had been carried out before; this is its first result.
    """

    balance: Decimal
    currency: str
    sequence: int
    is_replay: bool = False


class AccountService:
    """The use cases.

    Args:
        store: the ledger.
        heads: the heads seen last; share it between commands to spare their reads.
        pause: waits after so many lost races, before the account is read again; see `backoff_s`.
    """

    def __init__(
        self, store: AccountStore, heads: HeadCache | None = None, pause: Callable[[int], None] = lambda _: None
    ) -> None:
        self._store = store
        self._heads = heads or HeadCache()
        self._pause = pause

    def read(
        self,
        account_id: str,
        owner: str | None = None,
        used: Usage | None = None,
        *,
        sequence: int | None = None,
        moment: str | None = None,
    ) -> Receipt:
        """The account now, strongly consistent, or as of a sequence or a moment.

        Raises:
            AccountNotFound, SequenceNotFound, Unavailable, Corrupt.
        """
        used = used or Usage()
        if owner is not None and (sequence is not None or moment is not None):
            self._refuse_stranger(account_id, owner, used)
        if sequence is not None:
            head = load(self._store, account_id, used, up_to=version_of(sequence))
        elif moment is not None:
            head = load_moment(self._store, account_id, moment, used)
        else:
            head = load(self._store, account_id, used)
            self._heads.put(account_id, head)
            _refuse_stranger(head, owner)
        if sequence is not None and head.account is not None and head.sequence < sequence:
            raise SequenceNotFound(f"The account is only at sequence {head.sequence}.")
        return _receipt(head)

    def events(
        self, account_id: str, after: int | None, limit: int, owner: str | None, used: Usage, *, newest_first: bool
    ) -> list[EventRow]:
        """A page of the account's events; see `history.events_after`.

        Raises:
            AccountNotFound, Unavailable, Corrupt.
        """
        if owner is not None:
            self._refuse_stranger(account_id, owner, used)
        rows = events_after(self._store, account_id, after, limit, used, newest_first=newest_first)
        if rows is None:
            raise AccountNotFound("There is no such account.")
        return rows

    def _refuse_stranger(self, account_id: str, owner: str, used: Usage) -> None:
        """Before anything that takes longer on an account than on none, and never at once: time would tell as well."""
        head = self._heads.get(account_id)
        if head is None or _is_strangers(head, owner):
            head = load(self._store, account_id, used)
            self._heads.put(account_id, head)
        if head.account is None or _is_strangers(head, owner):
            raise AccountNotFound("There is no such account.")

    def execute(
        self,
        account_id: str,
        command: Command,
        origin: Origin,
        conditions: Conditions = ALWAYS,
        *,
        used: Usage | None = None,
        has_time: Callable[[], bool] = lambda: True,
    ) -> Receipt:
        """Carry out `command` once or not at all; with an idempotency key, once however often it is sent.

        Args:
            account_id: the account's, or for CreateAccount a new one.
            command: decided on the newest state, again after every lost race.
            origin: recorded with the event; its `command_id` is the idempotency key.
            conditions: under which it may be carried out. A repeated command meets its first result whatever they say.
            used: what it cost is added to it.
            has_time: asked before each further attempt whether there is time for a whole one.

        Raises:
            Rejected: the domain said no, or the key belongs to another command; decided on the newest state. Or the
                store can hold no more of the account.
            PreconditionFailed: the account is at none of the sequences of `conditions`.
            Conflict: every one of ATTEMPTS_MAX attempts lost its race, or there was no time for the next.
            Unavailable: the outcome of the last attempt is unknown.
            Corrupt: the account's rows contradict each other.
        """
        execution = _Execution(
            self._store, self._heads, self._pause, account_id, command, origin, conditions, used or Usage()
        )
        return execution.run(has_time)


@dataclass(slots=True)
class _Execution:
    """One command on its way.

    Attributes:
        head: the state that the next decision is made on.
        is_fresh: that state was the newest at some moment since the command came; a refusal needs no less.
        has_looked: whether an earlier command with the same idempotency key has been looked for since `head` was read,
            which is before anything follows from `head`: one that is stored later than that takes a version this
            command needs, and is met as a winner.
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
    has_looked: bool = False

    def run(self, has_time: Callable[[], bool]) -> Receipt:
        self._start()
        conflicts = 0
        while True:
            event, refusal = self._judge()
            if event is None and not self.is_fresh:
                self._read()
                continue
            if first := self._look_for_first():
                return self._replay(first)
            if refusal is not None:
                raise refusal
            if event is None:
                return _receipt(self.head)
            try:
                return self._append(event)
            except VersionConflict as lost:
                conflicts += 1
                self.used.conflicts += 1
                if first := self._if_first(lost.competing):
                    return self._replay(first)
                if conflicts == ATTEMPTS_MAX or not has_time():
                    raise Conflict("Other commands on this account came first, again and again.") from None
                self._continue_after(lost.competing, conflicts)

    def _start(self) -> None:
        """From a cached head, if there is one. A new account's is empty: if that is wrong, the append will tell."""
        known = Head() if isinstance(self.command, CreateAccount) else self.heads.get(self.account_id)
        if known is None or _is_strangers(known, self.conditions.owner):
            self._read()  # for a stranger, too: what takes no time would tell that the account exists
        else:
            self.head = known

    def _read(self) -> None:
        self.head, self.is_fresh, self.has_looked = load(self.store, self.account_id, self.used), True, False
        self.heads.put(self.account_id, self.head)
        _refuse_stranger(self.head, self.conditions.owner)

    def _look_for_first(self) -> EventRow | None:
        key = self.origin.command_id
        if key is None or self.has_looked or self.head.account is None:
            return None
        self.has_looked = True
        return self.store.find(self.account_id, key, self.used)

    def _judge(self) -> tuple[Event | None, Rejected | PreconditionFailed | None]:
        """What the command comes to on this head: an event, a refusal, or nothing to do."""
        try:
            return self._decide(), None
        except (Rejected, PreconditionFailed) as refusal:
            return None, refusal

    def _decide(self) -> Event | None:
        sequences = self.conditions.sequences
        if sequences is not None and self.head.account is not None and self.head.sequence not in sequences:
            advice = ": read it and decide again." if sequences else "."  # where no sequence would do, that cannot help
            raise PreconditionFailed(f"The account is at sequence {self.head.sequence}{advice}")
        events = decide(self.head.account, self.command)
        assert len(events) <= 1, "one event per transaction: DynamoDB promises no stream order within one"  # noqa: S101 -- programmer error
        return events[0] if events else None

    def _append(self, event: Event) -> Receipt:
        rows = rows_for(self.account_id, self.head, event, self.origin)
        self.store.append(rows, self.used)
        self.head = advance(self.head, rows[0])
        self.heads.put(self.account_id, self.head)
        return _receipt(self.head)

    def _if_first(self, competing: StoredRow | None) -> EventRow | None:
        key = self.origin.command_id
        return (
            competing if isinstance(competing, EventRow) and key is not None and competing.command_id == key else None
        )

    def _continue_after(self, competing: StoredRow | None, conflicts: int) -> None:
        """Fold the winner, or read anew where it is not told or where there may be many more behind it."""
        if competing is None or conflicts > (
            COMPETING_EVENTS_FOLDED_MAX if self.is_fresh else STALE_COMPETING_EVENTS_MAX
        ):
            self.pause(conflicts)
            self._read()
        else:
            self.head = advance(self.head, competing)
            self.heads.put(self.account_id, self.head)

    def _replay(self, first: EventRow) -> Receipt:
        if first.event != event_of(self.command):
            raise IdempotencyKeyReused("This Idempotency-Key was used for another command: take a new one for this.")
        return Receipt(first.balance, first.currency, first.sequence, is_replay=True)


def _is_strangers(head: Head, owner: str | None) -> bool:
    """That never changes, so any head will do."""
    return owner is not None and head.account is not None and head.account.owner != owner


def _refuse_stranger(head: Head, owner: str | None) -> None:
    """Whether an account exists is the business of its owner alone."""
    if _is_strangers(head, owner):
        raise AccountNotFound("There is no such account.")


def _receipt(head: Head) -> Receipt:
    if head.account is None:
        raise AccountNotFound("There is no such account.")
    return Receipt(head.account.balance, head.account.currency, head.sequence)
