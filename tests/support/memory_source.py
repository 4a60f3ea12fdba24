"""The accounts' table in memory, as a replay reads it: by segments and by account, in pages, in any order.

`tests/contract/test_replay_source.py` tests this source and the real one with the same suite.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from account_core.domain.events import Row
from account_core.rows.items import to_item
from ops.replay.source import Account, Item, Page, Part

Order = Callable[[str, Decimal], Any]


def by_key(account_id: str, version: Decimal) -> tuple[str, Decimal]:
    return account_id, version


def by_text(account_id: str, version: Decimal) -> tuple[str, str]:
    """Rows 1, 10, 11, 2: the order in which the emulator returns them."""
    return account_id, str(version)


def by_version(account_id: str, version: Decimal) -> tuple[Decimal, str]:
    """Every account's first row, then every account's second: no account's rows are together."""
    return version, account_id


@dataclass
class MemorySource:
    """An in-memory `Source`.

    Attributes:
        page_rows: the maximum number of rows per page.
        order: the order of a segment's rows.
        is_scattered: whether an account's rows are in several segments.
        on_read: called before every request; may add rows, or raise.
    """

    page_rows: int = 1_000
    order: Order = by_key
    is_scattered: bool = False
    on_read: Callable[[Part], None] = lambda _part: None
    rows: dict[tuple[str, Decimal], Item] = field(default_factory=dict)
    requests: list[Part] = field(default_factory=list)

    def put(self, rows: Iterable[Row], **attributes: Mapping[str, Any]) -> None:
        for row in rows:
            self.put_item({**to_item(row), **attributes})

    def put_item(self, item: Item) -> None:
        self.rows[item["AccountId"]["S"], Decimal(item["Version"]["N"])] = item

    def delete(self, account_id: str, version: int) -> None:
        del self.rows[account_id, Decimal(version)]

    def read(self, part: Part, after: Item | None) -> Page:
        self.on_read(part)
        self.requests.append(part)
        order = by_key if isinstance(part, Account) else self.order
        mine = sorted((key for key in self.rows if self._is_in(part, *key)), key=lambda key: order(*key))
        if after is not None:
            behind = order(after["AccountId"]["S"], Decimal(after["Version"]["N"]))
            mine = [key for key in mine if order(*key) > behind]
        page, rest = mine[: self.page_rows], mine[self.page_rows :]
        last = {name: self.rows[page[-1]][name] for name in ("AccountId", "Version")} if rest else None
        return Page([self.rows[key] for key in page], last, len(page) / 4)

    def _is_in(self, part: Part, account_id: str, version: Decimal) -> bool:
        if isinstance(part, Account):
            return part.account_id == account_id and (part.first_version is None or version >= part.first_version)
        return (sum(account_id.encode()) + (int(version) if self.is_scattered else 0)) % part.total == part.index
