"""A cache of the heads that this process used last. A command on a cached account needs no read. Pure.

A cached head may be out of date, which is safe. An event decided on an old head cannot be appended, because its version
is taken; and no command is refused on a cached head alone.
"""

from account_core.service.head import Head

GENERATION_MAX = 10_000
"""The maximum number of heads in each of the two generations; both together take about 12 MB."""


class HeadCache:
    """A bounded cache of two generations: when the young one is full, it replaces the old one.

    Threads may share it. Each step is one operation on a dict; at worst a race loses an entry.
    """

    def __init__(self, generation_max: int = GENERATION_MAX) -> None:
        self._young: dict[str, Head] = {}
        self._old: dict[str, Head] = {}
        self._generation_max = generation_max

    def get(self, account_id: str) -> Head | None:
        return self._young.get(account_id) or self._old.get(account_id)

    def put(self, account_id: str, head: Head) -> None:
        """Remember `head` unless a newer one is known. An account that does not exist (yet) is not remembered."""
        known = self.get(account_id)
        if head.account is None or (known is not None and known.version > head.version):
            return
        if len(self._young) >= self._generation_max:
            self._old, self._young = self._young, {}
        self._young[account_id] = head
