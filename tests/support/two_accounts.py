"""Two accounts between which money moves, on a store that records its requests."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count

from account_core.domain.commands import Command, CreateAccount, Credit, TransferMoney
from account_core.domain.errors import Unavailable
from account_core.domain.events import EventRow, Row, StoredRow
from account_core.rows.items import to_item
from account_core.service.execution import ALWAYS, Conditions, Receipt
from account_core.service.head import Origin
from account_core.service.head_cache import HeadCache
from account_core.service.ports import ROWS_MAX
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore

ORIGIN = Origin("2026-01-31T09:30:00.000001Z", "correlation-1", "request-1")
FUNDS = Decimal("100.00")
Fault = Callable[[], None]


class WatchedStore(MemoryAccountStore):
    """Records every request. Each append first meets the next fault, if there is one.

    Attributes:
        faults: called one by one, before an append is carried out; None means no fault.
        appended: the rows of each append, as they are sent to DynamoDB.
        asked: the account of each read and of each search of the index.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault | None] = []
        self.loses_answer = False
        self.appended: list[str] = []
        self.asked: list[str] = []

    def newest(
        self, account_id: str, used: Usage, limit: int = ROWS_MAX, up_to: int | None = None
    ) -> Sequence[StoredRow]:
        self.asked.append(account_id)
        return super().newest(account_id, used, limit, up_to)

    def find(self, account_id: str, command_id: str, used: Usage) -> EventRow | None:
        self.asked.append(f"{account_id} {command_id}")
        return super().find(account_id, command_id, used)

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        self.appended.append(json.dumps([to_item(row) for row in rows]))
        if self.faults and (fault := self.faults.pop(0)):
            fault()
        super().append(rows, used)
        if self.loses_answer:
            raise Unavailable("the answer was lost")


class TwoAccounts:
    """Two accounts with 100.00 EUR each, "a" and "b", whose heads are in the cache.

    Attributes:
        now_s: the cache's clock.
    """

    def __init__(self) -> None:
        self.store, self.pauses, self._ids, self.now_s = WatchedStore(), list[int](), count(1), 0.0
        self.service = AccountService(self.store, HeadCache(lambda: self.now_s), pause=self.pauses.append)
        for account_id, owner in (("a", "owner-1"), ("b", "owner-2")):
            self.send(CreateAccount(owner, "EUR"), to=account_id)
            self.send(Credit(FUNDS), to=account_id)
        self.watch()

    def watch(self) -> None:
        self.store.asked, self.store.appended = [], []

    def other(self) -> AccountService:
        """Another instance of the service, with a cache of its own."""
        return AccountService(self.store)

    def send(self, command: Command, to: str = "a", origin: Origin = ORIGIN) -> Receipt:
        return self.service.execute(to, command, origin)

    def transfer(
        self,
        amount: str = "5.00",
        to: str = "b",
        origin: Origin = ORIGIN,
        conditions: Conditions = ALWAYS,
        used: Usage | None = None,
    ) -> Receipt:
        command = TransferMoney(to, Decimal(amount), f"transfer-{next(self._ids)}")
        return self.service.execute("a", command, origin, conditions, used=used)

    def rows(self, account_id: str) -> list[StoredRow]:
        return list(reversed(MemoryAccountStore.newest(self.store, account_id, Usage(), limit=1_000)))

    def last(self, account_id: str) -> EventRow:
        return next(row for row in reversed(self.rows(account_id)) if isinstance(row, EventRow))

    def balances(self) -> tuple[Decimal | int, Decimal | int]:
        return self.last("a").balance, self.last("b").balance

    def grow(self, account_id: str, sequence: int) -> None:
        while self.last(account_id).sequence < sequence:
            self.send(Credit(Decimal("1.00")), to=account_id)
