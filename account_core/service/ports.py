"""The port to a store. Every store passes tests/contract."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import SNAPSHOT_EVERY
from account_core.service.usage import Usage

ROWS_MAX = SNAPSHOT_EVERY
"""The newest ten rows always include a snapshot or the account's first row. A read needs more only if the snapshot
cannot be used."""

APPENDED_MAX = 2
"""The rows of one account in an append: an event and, with every ninth event, a snapshot."""
ACCOUNTS_MAX = 2
"""The accounts in an append: those of a transfer."""


class VersionConflict(Exception):
    """A version is taken: another writer appended first. Nothing was written.

    Attributes:
        competing: the rows that took versions, the first one of each account. It is empty if the store did not return
            them: then read the accounts again.
    """

    def __init__(self, *competing: StoredRow) -> None:
        super().__init__("another writer appended first")
        first_ones = {row.account_id: row for row in reversed(competing)}
        self.competing = [row for row in competing if first_ones[row.account_id] is row]


class WriteConflict(Exception):
    """The store is carrying out another write of the same keys. Nothing was written, perhaps by neither of the two.

    Wait, and append the same rows again.
    """


def check_rows(rows: Sequence[Row]) -> None:
    """Check the rows of an append. Every store calls it first.

    DynamoDB refuses a transaction with two operations on one item, and one without operations
    (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).

    Raises:
        ValueError: there are no rows, more than an event and its snapshot of an account, more than two accounts, or two
            rows with one key.
    """
    keys = [f"{row.account_id}/{row.version}" for row in rows]
    of_accounts = Counter(row.account_id for row in rows)
    if (
        not 1 <= len(of_accounts) <= ACCOUNTS_MAX
        or max(of_accounts.values()) > APPENDED_MAX
        or len(set(keys)) < len(keys)
    ):
        raise ValueError(
            "An append takes an event, or an event and its snapshot, of one or two accounts, each with its own key: "
            f"{keys}"
        )


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

        For a transfer, store those of both accounts.

        Raises:
            VersionConflict: a version was taken; nothing was stored.
            WriteConflict: another write of the same keys is in progress; nothing was stored.
            AccountFull: the store cannot hold more rows of an account; nothing was stored.
            ValueError: see `check_rows`; nothing was stored.
        """
        ...
