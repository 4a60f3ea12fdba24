"""The port to a store. Every store passes tests/contract."""

from collections.abc import Sequence
from typing import Protocol

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import SNAPSHOT_EVERY
from account_core.service.usage import Usage

ROWS_MAX = SNAPSHOT_EVERY
"""The newest ten rows always include a snapshot or the account's first row. A read needs more only if the snapshot
cannot be used."""

APPENDED_MAX = 2
"""An event and, with every ninth event, a snapshot."""


class VersionConflict(Exception):
    """The version is taken: another writer appended first.

    Attributes:
        competing: the row that took the version; None if the store did not return it. Then read the account again.
    """

    def __init__(self, competing: StoredRow | None = None) -> None:
        super().__init__("another writer appended first")
        self.competing = competing


def check_rows(rows: Sequence[Row]) -> None:
    """Check the rows of an append. Every store calls it first.

    DynamoDB refuses a transaction with two operations on one item, and one without operations
    (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).

    Raises:
        ValueError: there are no rows, more than an event and its snapshot, or two with one key.
    """
    keys = [f"{row.account_id}/{row.version}" for row in rows]
    if not 1 <= len(keys) <= APPENDED_MAX or len(set(keys)) < len(keys):
        raise ValueError(f"An append takes an event, or an event and its snapshot, each with its own key: {keys}")


class AccountStore(Protocol):
    """A ledger. Reads are strongly consistent. Each method adds its cost to `used`.

    Raises:
        Unavailable: the request was throttled or timed out; after an append, the rows may have been stored.
        Corrupt: a row cannot be read.
    """

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        """The account's newest rows, newest first: at most `limit`, of versions up to `up_to` if it is given."""
        ...

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        """The event that the command with this idempotency key caused, regardless of its age."""
        ...

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        """Store an event, or an event and its snapshot, all or nothing, on the condition that every version is free.

        Raises:
            VersionConflict: a version was taken; nothing was stored.
            AccountFull: the store cannot hold more rows of the account; nothing was stored.
            ValueError: see `check_rows`; nothing was stored.
        """
        ...
