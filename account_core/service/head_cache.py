"""A cache of the heads that this process used last. A command on a cached account needs no read. Pure.

A cached head may be out of date, which is safe. An event decided on an old head cannot be appended, because its version
is taken; and no command is refused on a cached head alone.
"""

from collections.abc import Callable
from math import inf

from account_core.service.head import Head

GENERATION_MAX = 10_000
"""The maximum number of heads in each of the two generations; both together take about 12 MB."""
TRANSFER_AGE_MAX_S = 0.1
"""The oldest head on which a transfer is decided without a read. If many environments serve the same accounts, nearly
every older head is out of date, and a failed transfer costs ten times as much as reading both accounts
(docs/performance.md). Another command has one account, and a failed one costs five times as much as a read, so it is
decided on a head of any age."""


class HeadCache:
    """A bounded cache of two generations: when the young one is full, it replaces the old one.

    Threads may share it. Each step is one operation on a dict; at worst a race loses an entry.

    Args:
        now_s: a clock, in seconds, that goes on while an execution environment is frozen. It may be set back. By
            default, heads do not age.
        generation_max: see GENERATION_MAX.
    """

    def __init__(self, now_s: Callable[[], float] = lambda: 0.0, generation_max: int = GENERATION_MAX) -> None:
        self._young: dict[str, tuple[Head, float]] = {}
        self._old: dict[str, tuple[Head, float]] = {}
        self._now_s = now_s
        self._generation_max = generation_max

    def get(self, account_id: str, age_max_s: float = inf) -> Head | None:
        """The account's head, unless it is not known or was remembered more than `age_max_s` seconds ago."""
        known = self._young.get(account_id) or self._old.get(account_id)
        if known is None or abs(self._now_s() - known[1]) > age_max_s:
            return None
        return known[0]

    def put(self, account_id: str, head: Head) -> None:
        """Remember `head` unless a newer one is known. An account that does not exist (yet) is not remembered."""
        known = self.get(account_id)
        if head.account is None or (known is not None and known.version > head.version):
            return
        if len(self._young) >= self._generation_max:
            self._old, self._young = self._young, {}
        self._young[account_id] = head, self._now_s()
