"""Look up, decide, append; on a lost race, fold the winner and decide again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from account_core.account import decide, event_of
from account_core.commands import Command, CreateAccount
from account_core.errors import (
    AccountNotFound,
    Conflict,
    Corrupt,
    IdempotencyKeyReused,
    PreconditionFailed,
    Rejected,
    VersionNotFound,
)
from account_core.events import Event, EventRow, StoredRow
from account_core.head import Head, Origin, advance, rows_for, version_after
from account_core.head_cache import HeadCache
from account_core.history import events_after
from account_core.loading import load, load_moment
from account_core.ports import AccountStore, LostRace
from account_core.usage import Usage

ATTEMPTS_MAX = 10
"""A lost race means that another writer was on the account just then; ten in a row mean a very busy account."""

STALE_WINNERS_MAX = 1
"""After so many winners have been folded onto a cached head it is read anew: a read costs a fifth of a failed write."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a command may be carried out.

    Attributes:
        versions: the account has to be at one of these (client-side locking); None: at any.
        owner: only this owner's accounts exist for the caller; None: all do.
    """

    versions: frozenset[int] | None = None
    owner: str | None = None


ALWAYS = Conditions()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a command, or what was read.

    Attributes:
        currency: ISO 4217.
        is_replay: the command had been carried out before; this is its first result.
    """

    balance: Decimal
    currency: str
    version: int
    sequence: int
    is_replay: bool = False


class AccountService:
    """The use cases.

    Args:
        store: the ledger.
        heads: the heads seen last; share it between commands to spare their reads.
    """

    def __init__(self, store: AccountStore, heads: HeadCache | None = None) -> None:
        self._store = store
        self._heads = heads or HeadCache()

    def read(
        self,
        account_id: str,
        owner: str | None = None,
        used: Usage | None = None,
        *,
        version: int | None = None,
        moment: str | None = None,
    ) -> Receipt:
        """The account now, strongly consistent, or as of a version or a moment.

        Raises:
            AccountNotFound, VersionNotFound, Unavailable, Corrupt.
        """
        used = used or Usage()
        if version is not None:
            head = load(self._store, account_id, used, up_to=version)
        elif moment is not None:
            head = load_moment(self._store, account_id, moment, used)
        else:
            head = load(self._store, account_id, used)
            self._heads.put(account_id, head)
        _refuse_stranger(head, owner)
        if version is None or head.account is None:
            return _receipt(head)
        if head.version < version:
            raise VersionNotFound(f"The account is only at version {head.version}.")
        return _receipt(replace(head, version=version))  # a decade's ninth event and its snapshot are stored as one

    def events(
        self, account_id: str, after: int | None, limit: int, owner: str | None, used: Usage, *, newest_first: bool
    ) -> list[EventRow]:
        """A page of the account's events; see `history.events_after`.

        Raises:
            AccountNotFound, Unavailable, Corrupt.
        """
        if owner is not None:
            _refuse_stranger(self._heads.get(account_id) or load(self._store, account_id, used), owner)
        rows = events_after(self._store, account_id, after, limit, used, newest_first=newest_first)
        if rows is None:
            raise AccountNotFound("There is no such account.")
        return rows

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
            Rejected: the domain said no, or the key belongs to another command; decided on the newest state.
            PreconditionFailed: the account is at none of the versions of `conditions`.
            Conflict: every one of ATTEMPTS_MAX attempts lost its race, or there was no time for the next.
            Unavailable: the outcome of the last attempt is unknown.
            Corrupt: the account's rows contradict each other.
        """
        return _Execution(self._store, self._heads, account_id, command, origin, conditions, used or Usage()).run(
            has_time
        )


@dataclass(slots=True)
class _Execution:
    """One command on its way.

    Attributes:
        head: the state that the next decision is made on.
        is_fresh: that state was the newest at some moment since the command came; a refusal needs no less.
        first: the event of an earlier command with the same idempotency key. It is looked for after `head` is known:
            one that is stored later than that takes a version this command needs, and is met as a winner.
    """

    store: AccountStore
    heads: HeadCache
    account_id: str
    command: Command
    origin: Origin
    conditions: Conditions
    used: Usage
    head: Head = field(default_factory=Head)
    is_fresh: bool = False
    first: EventRow | None = None

    def run(self, has_time: Callable[[], bool]) -> Receipt:
        self._start()
        conflicts = 0
        while self.first is None:
            try:
                event = self._decide()
            except (Rejected, PreconditionFailed):
                if self.is_fresh:
                    raise
                event = None
            if event is None and self.is_fresh:
                return _receipt(self.head)
            if event is None:
                self._read()
                continue
            try:
                return self._append(event)
            except LostRace as lost:
                conflicts += 1
                self.used.conflicts += 1
                self._take_if_first(lost.winner)
                if self.first is None and (conflicts == ATTEMPTS_MAX or not has_time()):
                    raise Conflict("Other commands on this account came first, again and again.") from None
                if self.first is None:
                    self._continue_after(lost.winner, conflicts)
        return self._replay(self.first)

    def _start(self) -> None:
        """From a cached head, if there is one. A new account's is empty: if that is wrong, the append will tell."""
        known = Head() if isinstance(self.command, CreateAccount) else self.heads.get(self.account_id)
        if known is None:
            self._read()
        else:
            self.head = known
            self._look_for_first()

    def _read(self) -> None:
        self.head, self.is_fresh = load(self.store, self.account_id, self.used), True
        self.heads.put(self.account_id, self.head)
        self._look_for_first()

    def _look_for_first(self) -> None:
        _refuse_stranger(self.head, self.conditions.owner)
        key = self.origin.command_id
        if key is not None and self.head.account is not None:
            self.first = self.store.find(self.account_id, key, self.used)

    def _decide(self) -> Event | None:
        versions = self.conditions.versions
        if versions is not None and self.head.account is not None and self.head.version not in versions:
            raise PreconditionFailed(f"The account is at version {self.head.version}: read it and decide again.")
        events = decide(self.head.account, self.command)
        assert len(events) <= 1, "one event per transaction: DynamoDB promises no stream order within one"  # noqa: S101 -- programmer error
        return events[0] if events else None

    def _append(self, event: Event) -> Receipt:
        rows = rows_for(self.account_id, self.head, event, self.origin)
        self.store.append(rows, self.used)
        self.head = advance(self.head, rows[0])
        self.heads.put(self.account_id, self.head)
        return _receipt(self.head)

    def _take_if_first(self, winner: StoredRow | None) -> None:
        key = self.origin.command_id
        if isinstance(winner, EventRow) and key is not None and winner.command_id == key:
            self.first = winner

    def _continue_after(self, winner: StoredRow | None, conflicts: int) -> None:
        """Fold the winner, or read anew where it is not told or where there may be many more behind it."""
        if winner is None or (conflicts > STALE_WINNERS_MAX and not self.is_fresh):
            self._read()
        else:
            try:
                self.head = advance(self.head, winner)
            except Corrupt:
                self._read()  # not the next row, so not enough to fold: the rows themselves will tell
            else:
                _refuse_stranger(self.head, self.conditions.owner)
                self.heads.put(self.account_id, self.head)

    def _replay(self, first: EventRow) -> Receipt:
        if first.event != event_of(self.command):
            raise IdempotencyKeyReused("This Idempotency-Key was used for another command: take a new one for this.")
        return Receipt(first.balance, first.currency, version_after(first.version), first.sequence, is_replay=True)


def _refuse_stranger(head: Head, owner: str | None) -> None:
    """Whether an account exists is the business of its owner alone; that never changes, so any head will do."""
    if owner is not None and head.account is not None and head.account.owner != owner:
        raise AccountNotFound("There is no such account.")


def _receipt(head: Head) -> Receipt:
    if head.account is None:
        raise AccountNotFound("There is no such account.")
    return Receipt(head.account.balance, head.account.currency, head.version, head.sequence)
