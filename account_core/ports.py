"""What the service needs from a store. Every store passes tests/contract."""

from collections.abc import Sequence
from typing import Protocol

from account_core.events import Row


class LostRace(Exception):
    """Another writer was first: the version is taken.

    Attributes:
        winner: the row that took it, where the store could tell; otherwise the account has to be read again.
    """

    def __init__(self, winner: Row | None = None) -> None:
        super().__init__("another writer was first")
        self.winner = winner


class AccountStore(Protocol):
    def newest(self, account_id: str) -> Sequence[Row]:
        """The account's newest ten rows (all, if it has fewer), newest first, strongly consistent.

        Raises:
            Unavailable: throttled or timed out.
            Corrupt: a row cannot be read.
        """
        ...

    def append(self, rows: Sequence[Row]) -> None:
        """Store one row, or an event and its snapshot, all or none, on condition that every version is free.

        Raises:
            LostRace: a version was taken; nothing was stored.
            Unavailable: throttled or timed out; whether the rows were stored is unknown.
        """
        ...
