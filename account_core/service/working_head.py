"""An account's head while a command is carried out."""

from dataclasses import dataclass, field
from math import inf

from account_core.domain.errors import AccountNotFound
from account_core.domain.events import EventRow, StoredRow
from account_core.service.head import Head, advance
from account_core.service.head_cache import HeadCache
from account_core.service.loading import load
from account_core.service.ports import AccountStore
from account_core.service.usage import Usage

COMPETING_EVENTS_FOLDED_MAX, STALE_COMPETING_EVENTS_MAX = 2, 1
"""How many competing events are folded before the account is read again: onto a head that was read, and onto a head
from the cache. More conflicts mean that the account is busy, and a read costs a fifth of a failed write."""


@dataclass(slots=True, eq=False)
class WorkingHead:
    """The head of one of a command's accounts.

    Attributes:
        head: the state on which the next decision is made, and its position in the ledger.
        is_fresh: True if `head` was the newest state at some moment since the command arrived. A command is refused
            only if this is True.
        conflicts: the version conflicts on this account.
        is_key_checked: True once the index was searched for the command's idempotency key since the last read. A later
            event with this key would cause a version conflict.
    """

    store: AccountStore
    heads: HeadCache
    used: Usage
    account_id: str
    head: Head = field(default_factory=Head)
    is_fresh: bool = False
    conflicts: int = 0
    is_key_checked: bool = False

    def start(self, owner: str | None, age_max_s: float = inf) -> None:
        """Start from a cached head that is not older than `age_max_s`, or read the account.

        If the head is out of date, the append meets a version conflict. An account of another owner is read even if it
        is in the cache: the response time must not reveal that the account exists.

        Raises:
            AccountNotFound: the account belongs to another owner than `owner`; with None, it may be anyone's.
        """
        known = self.heads.get(self.account_id, age_max_s)
        if known is None or has_other_owner(known, owner):
            self.read()
        else:
            self.head = known
        hide_from_others(self.head, owner)

    def read(self) -> None:
        self.head, self.is_fresh, self.is_key_checked = load(self.store, self.account_id, self.used), True, False
        self.heads.put(self.account_id, self.head)

    def find(self, key: str) -> EventRow | None:
        """The event that the command with this idempotency key caused when it was sent before, from the index."""
        if self.is_key_checked or self.head.account is None:
            return None
        self.is_key_checked = True
        return self.store.find(self.account_id, key, self.used)

    def is_busy(self) -> bool:
        """Whether so many events competed that the account should be read rather than folded."""
        return self.conflicts > (COMPETING_EVENTS_FOLDED_MAX if self.is_fresh else STALE_COMPETING_EVENTS_MAX)

    def advance(self, row: StoredRow) -> None:
        """Fold the account's next event."""
        self.head = advance(self.head, row)
        self.heads.put(self.account_id, self.head)


def has_other_owner(head: Head, owner: str | None) -> bool:
    """Whether the account belongs to another owner. An old head is enough: the owner never changes."""
    return owner is not None and head.account is not None and head.account.owner != owner


def hide_from_others(head: Head, owner: str | None) -> None:
    """Raise AccountNotFound if the account belongs to another owner."""
    if has_other_owner(head, owner):
        raise AccountNotFound
