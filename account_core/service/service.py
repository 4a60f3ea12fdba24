"""The use cases: read an account, list its events, make a statement, carry out a command (see `execution`)."""

from collections.abc import Callable

from account_core.domain.commands import Command, TransferMoney
from account_core.domain.errors import AccountNotFound, SequenceNotFound
from account_core.domain.events import EventRow
from account_core.rows.items import version_of
from account_core.service.execution import (
    ALWAYS,
    Conditions,
    Execution,
    Receipt,
    receipt_of,
)
from account_core.service.head import Origin
from account_core.service.head_cache import HeadCache
from account_core.service.history import events_after
from account_core.service.loading import load, load_moment
from account_core.service.ports import AccountStore
from account_core.service.statement import Days, Place, StatementPage, statement_page
from account_core.service.usage import Usage
from account_core.service.working_head import WorkingHead, has_other_owner, hide_from_others


class AccountService:
    """The use cases: read an account, list its events, make a statement, carry out a command.

    Args:
        store: the ledger.
        heads: a cache of heads; a command on a cached account needs no read.
        pause: called with the number of version conflicts before the account is read again; see `backoff_s`.
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
        """The account now (strongly consistent), or as of a sequence or a moment.

        Raises:
            AccountNotFound, SequenceNotFound, Unavailable, Corrupt.
        """
        used = used or Usage()
        if owner is not None and (sequence is not None or moment is not None):
            self._require_owner(account_id, owner, used)
        if sequence is not None:
            head = load(self._store, account_id, used, up_to=version_of(sequence))
        elif moment is not None:
            head = load_moment(self._store, account_id, moment, used)
        else:
            head = load(self._store, account_id, used)
            self._heads.put(account_id, head)
            hide_from_others(head, owner)
        if sequence is not None and head.account is not None and head.sequence < sequence:
            raise SequenceNotFound(f"The account has no event {sequence} yet: it is at sequence {head.sequence}.")
        return receipt_of(head)

    def events(
        self, account_id: str, after: int | None, limit: int, owner: str | None, used: Usage, *, newest_first: bool
    ) -> list[EventRow]:
        """A page of the account's events; see `history.events_after`.

        Raises:
            AccountNotFound, Unavailable, Corrupt.
        """
        if owner is not None:
            self._require_owner(account_id, owner, used)
        rows = events_after(self._store, account_id, after, limit, used, newest_first=newest_first)
        if rows is None:
            raise AccountNotFound
        return rows

    def statement(
        self, account_id: str, days: Days, place: Place | None, *, limit: int, owner: str | None, used: Usage
    ) -> StatementPage:
        """A page of the account's statement; see `statement.statement_page`.

        Raises:
            AccountNotFound, InvalidRequest, Unavailable, Corrupt.
        """
        if owner is not None:
            self._require_owner(account_id, owner, used)
        page = statement_page(self._store, account_id, days, place, limit=limit, used=used)
        if page is None:
            raise AccountNotFound
        return page

    def _require_owner(self, account_id: str, owner: str, used: Usage) -> None:
        """Raise AccountNotFound unless the owner has this account.

        The caller does this before any request whose duration depends on the account. A refusal always costs a read:
        otherwise its response time would reveal that the account exists.
        """
        head = self._heads.get(account_id)
        if head is None or has_other_owner(head, owner):
            head = load(self._store, account_id, used)
            self._heads.put(account_id, head)
        if head.account is None or has_other_owner(head, owner):
            raise AccountNotFound

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
        """Carry out `command` once or not at all. With an idempotency key, repetitions have no further effect.

        Args:
            account_id: the account's id; for CreateAccount a new one, for TransferMoney the paying account's.
            command: decided on the newest state, and again after every version conflict.
            origin: recorded with the event of this account; its `command_id` is the idempotency key.
            conditions: ignored if the command is a repetition, which returns the first result.
            used: the cost is added to it.
            has_time: called before each further attempt; returns whether there is enough time for a whole attempt.

        Raises:
            Rejected: a rule of the domain refused the command on the newest state, the key belongs to another command,
                or the store cannot hold more rows of the account.
            PreconditionFailed: the account is at none of the sequences of `conditions`.
            Conflict: all ATTEMPTS_MAX attempts met a version conflict, or there was no time for another attempt.
            Unavailable: the outcome of the last attempt is unknown.
            Corrupt: the account's rows contradict each other.
        """
        used = used or Usage()

        def working_head(account_id: str) -> WorkingHead:
            return WorkingHead(self._store, self._heads, used, account_id)

        receiver = working_head(command.to) if isinstance(command, TransferMoney) else None
        account = working_head(account_id)
        return Execution(account, receiver, self._pause, command, origin, conditions, used).run(has_time)
