"""What the service needs from a store. Every store passes tests/contract."""

from collections.abc import Sequence
from typing import Protocol

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import SNAPSHOT_EVERY
from account_core.service.usage import Usage

ROWS_MAX = SNAPSHOT_EVERY
"""The newest ten rows always hold a snapshot or the account's first row, so no read needs more."""

APPENDED_MAX = 2
"""An event, and after every ninth event a snapshot."""


class VersionConflict(Exception):
    """Another writer was first: the version is taken.

    Attributes:
        winner: the row that took it, where the store could tell; otherwise the account has to be read again.
    """

    def __init__(self, competing: StoredRow | None = None) -> None:
        super().__init__("another writer was first")
        self.competing = competing


def check_rows(rows: Sequence[Row]) -> None:
    """Every store's `append` begins with it, because no store can take other rows.

    A transaction of DynamoDB refuses two operations on one item, and a request without any
    (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).

    Raises:
        ValueError: there are no rows, more than an event and its snapshot, or two with one key.
    """
    keys = [f"{row.account_id}/{row.version}" for row in rows]
    if not 1 <= len(keys) <= APPENDED_MAX or len(set(keys)) < len(keys):
        raise ValueError(f"An append takes an event, or an event and its snapshot, each with a key of its own: {keys}")


class AccountStore(Protocol):
    """Reads are strongly consistent. Each method adds what it cost to `used`.

    Raises:
        Unavailable: throttled or timed out; after an append it is unknown whether the rows were stored.
        Corrupt: a row cannot be read.
    """

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        """The account's newest rows, newest first: at most `limit`, and of versions up to `up_to` if that is given."""
        ...

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        """The event that the command of this idempotency key caused, however long ago."""
        ...

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        """Store one row, or an event and its snapshot, all or none, on condition that every version is free.

        Raises:
            VersionConflict: a version was taken; nothing was stored.
            AccountFull: the store can hold no more rows of the account; nothing was stored.
            ValueError: see `check_rows`; nothing was stored.
        """
        ...
