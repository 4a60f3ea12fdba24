"""What the console remembers of the event stream: the newest events, and the newest accounts. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

EVENTS_MAX = 2_000
ACCOUNTS_MAX = 500
SEQUENCES_MAX = 50_000
"""Accounts whose newest sequence is remembered, which needs less memory: about ten megabytes."""

Order = Literal["first", "next", "repeat", "gap"]
"""How an event follows the one before it of its account: the first that the console sees, the next in sequence, a
repetition of an earlier one, or one after a gap."""


class Ring:
    """The newest items, numbered from 1 in the order in which they were added."""

    def __init__(self, size_max: int = EVENTS_MAX) -> None:
        self._items: deque[Mapping[str, Any]] = deque(maxlen=size_max)
        self.last = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Add items; the oldest ones are dropped."""
        for item in items:
            self._items.append(item)
            self.last += 1

    def after(self, number: int, most: int) -> tuple[list[Mapping[str, Any]], int]:
        """The oldest items after this number, at most `most` of them, and the number of the last one returned."""
        first = max(number, self.last - len(self._items))
        found = list(islice(self._items, first - (self.last - len(self._items)), None))[:most]
        return found, first + len(found)


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account after its newest event. `owner` is None if the event that opened it was not seen."""

    account_id: str
    owner: str | None
    currency: str
    balance: str
    sequence: int
    at: str


class RecentAccounts:
    """The accounts that had the newest events, and the newest sequence of many more."""

    def __init__(self, size_max: int = ACCOUNTS_MAX, sequences_max: int = SEQUENCES_MAX) -> None:
        self._size_max, self._sequences_max = size_max, sequences_max
        self._accounts: OrderedDict[str, KnownAccount] = OrderedDict()
        self._sequences: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def add(self, account_id: str, sequence: int, at: str, fields: Mapping[str, str | None]) -> Order:
        """Add an event's account; return how the event follows the account's newest one."""
        before = self._sequences.get(account_id)
        if before is not None and sequence <= before:
            return "repeat"
        known = self._accounts.get(account_id)
        owner = fields.get("owner") or (known.owner if known else None)
        currency, balance = fields.get("currency") or "", fields.get("balance") or ""
        self._accounts[account_id] = KnownAccount(account_id, owner, currency, balance, sequence, at)
        self._sequences[account_id] = sequence
        for newest, size_max in ((self._accounts, self._size_max), (self._sequences, self._sequences_max)):
            newest.move_to_end(account_id)
            while len(newest) > size_max:
                newest.popitem(last=False)
        if before is None:
            return "first"
        return "next" if sequence == before + 1 else "gap"

    def newest(self, beginning: str, most: int) -> Sequence[KnownAccount]:
        """The accounts whose id begins so, newest first, at most `most`."""
        found = (each for name, each in reversed(self._accounts.items()) if name.startswith(beginning))
        return list(islice(found, most))
