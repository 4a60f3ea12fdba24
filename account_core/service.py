"""Load, decide, append; on a lost race, fold the winner and decide again."""

from collections.abc import Callable
from dataclasses import dataclass

from account_core.account import Account, decide
from account_core.commands import Command
from account_core.errors import AccountNotFound, Conflict, Corrupt
from account_core.head import Head, Origin, advance, fold, rows_for
from account_core.ports import AccountStore, LostRace

ATTEMPTS_MAX = 10
"""A lost race means that another writer was on the account just then; ten in a row mean a very busy account."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a command.

    Attributes:
        conflicts: how many races were lost on the way.
    """

    account: Account
    version: int
    sequence: int
    conflicts: int = 0


class AccountService:
    def __init__(self, store: AccountStore) -> None:
        self._store = store

    def read(self, account_id: str) -> Receipt:
        """The account now, strongly consistent, from at most ten rows.

        Raises:
            AccountNotFound, Unavailable, Corrupt.
        """
        return _receipt(fold(self._store.newest(account_id)), conflicts=0)

    def execute(
        self, account_id: str, command: Command, origin: Origin, has_time: Callable[[], bool] = lambda: True
    ) -> Receipt:
        """Carry out `command` exactly once or not at all.

        Args:
            account_id: the account's, or for CreateAccount a new one.
            command: decided on the newest state, again after every lost race.
            origin: recorded with the event.
            has_time: asked before each further attempt whether there is time for a whole one.

        Raises:
            Rejected: the domain said no; decided on the newest state.
            Conflict: every one of ATTEMPTS_MAX attempts lost its race, or there was no time for the next.
            Unavailable: the outcome of the last attempt is unknown.
            Corrupt: the account's rows contradict each other.
        """
        head = fold(self._store.newest(account_id))
        for conflicts in range(ATTEMPTS_MAX):
            events = decide(head.account, command)
            if not events:
                return _receipt(head, conflicts)
            [event] = events  # one event per transaction: DynamoDB promises no stream order within one
            rows = rows_for(account_id, head, event, origin)
            try:
                self._store.append(rows)
            except LostRace as lost:
                if not has_time():
                    break
                head = self._head_after(account_id, head, lost)
            else:
                return _receipt(advance(head, rows[0]), conflicts)
        raise Conflict("Other commands on this account came first, again and again; send the command again.")

    def _head_after(self, account_id: str, head: Head, lost: LostRace) -> Head:
        if lost.winner is not None:
            try:
                return advance(head, lost.winner)
            except Corrupt:
                pass  # not the next row, so not enough to fold: the rows themselves will tell
        return fold(self._store.newest(account_id))


def _receipt(head: Head, conflicts: int) -> Receipt:
    if head.account is None:
        raise AccountNotFound("There is no such account.")
    return Receipt(head.account, head.version, head.sequence, conflicts)
