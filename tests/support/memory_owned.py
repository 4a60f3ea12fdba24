"""The accounts by owner, looked up in the ledger itself instead of a read model, so always up to date."""

from collections.abc import Sequence

from account_core.domain.events import EventRow
from account_core.service.loading import load
from account_core.service.owned_accounts import OwnedAccount
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore


class MemoryOwnedAccounts:
    """An in-memory `OwnedAccounts`."""

    def __init__(self, store: MemoryAccountStore) -> None:
        self._store = store

    def page(self, owner: str, after: str | None, limit: int, used: Usage) -> Sequence[OwnedAccount]:
        ids = sorted(self._store._items)  # noqa: SLF001 -- the port has no method that lists accounts
        owned = [self._account(account_id, owner, used) for account_id in ids if account_id > (after or "")]
        return [account for account in owned if account][:limit]

    def _account(self, account_id: str, owner: str, used: Usage) -> OwnedAccount | None:
        account = load(self._store, account_id, used).account
        if account is None or account.owner != owner:
            return None
        [first] = self._store.newest(account_id, used, 1, up_to=1)
        if not isinstance(first, EventRow):
            return None
        last = next(row for row in self._store.newest(account_id, used) if isinstance(row, EventRow))
        return OwnedAccount(
            account_id, account.currency, account.balance, last.sequence, first.occurred_at, last.occurred_at
        )
