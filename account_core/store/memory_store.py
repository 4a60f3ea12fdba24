"""The in-memory store, for tests. It keeps items, as a table does."""

from collections import defaultdict
from collections.abc import Sequence
from threading import Lock

from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import Item, from_item, to_item
from account_core.rows.layout import COMMAND_ID
from account_core.service.ports import ROWS_MAX, VersionConflict, check_rows
from account_core.service.usage import Usage


class MemoryAccountStore:
    def __init__(self) -> None:
        self._items: defaultdict[str, dict[int, Item]] = defaultdict(dict)
        self._lock = Lock()

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        used.requests += 1
        with self._lock:
            items = self._items.get(account_id, {})
            versions = sorted((version for version in items if up_to is None or version <= up_to), reverse=True)
            return [from_item(items[version]) for version in versions[:limit]]

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        used.requests += 1
        with self._lock:
            for _, item in sorted(self._items.get(account_id, {}).items()):
                if item.get(COMMAND_ID) == {"S": command_id}:
                    row = from_item(item)
                    return row if isinstance(row, EventRow) else None
        return None

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        check_rows(rows)
        used.requests += 1
        with self._lock:
            taken = [self._items[row.account_id].get(row.version) for row in rows]
            if any(taken):
                raise VersionConflict(*(from_item(item) for item in taken if item is not None))
            for row in rows:
                self._items[row.account_id][row.version] = to_item(row)
