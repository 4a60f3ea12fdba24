"""The in-memory store: for tests, and for whoever wants the account without a table. Holds items, as a table would."""

from collections import defaultdict
from collections.abc import Sequence
from threading import Lock

from account_core.events import Row
from account_core.head import ROWS_MAX
from account_core.items import Item, from_item, to_item
from account_core.ports import LostRace


class MemoryAccountStore:
    def __init__(self) -> None:
        self._items: defaultdict[str, dict[int, Item]] = defaultdict(dict)
        self._lock = Lock()

    def newest(self, account_id: str) -> Sequence[Row]:
        with self._lock:
            items = self._items.get(account_id, {})
            return [from_item(items[version]) for version in sorted(items, reverse=True)[:ROWS_MAX]]

    def append(self, rows: Sequence[Row]) -> None:
        with self._lock:
            for row in rows:
                taken = self._items[row.account_id].get(row.version)
                if taken is not None:
                    raise LostRace(from_item(taken))
            for row in rows:
                self._items[row.account_id][row.version] = to_item(row)
