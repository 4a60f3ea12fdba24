"""The heads that this process has seen last: what spares a command its read. Pure.

A head in here is true, but may be old. That is safe: what is decided on an old one is appended on the condition that
its version is still free, so it is refused; and what is refused is never refused on the word of this cache.
"""

from account_core.service.head import Head

GENERATION_MAX = 10_000
"""Two generations of so many heads take about 12 MB."""


class HeadCache:
    """Bounded: two generations; when the young one is full it becomes the old one, and the old one is forgotten.

    Each step is one operation on a dict, so that threads may share it; the worst they can do is to forget.
    """

    def __init__(self, generation_max: int = GENERATION_MAX) -> None:
        self._young: dict[str, Head] = {}
        self._old: dict[str, Head] = {}
        self._generation_max = generation_max

    def get(self, account_id: str) -> Head | None:
        return self._young.get(account_id) or self._old.get(account_id)

    def put(self, account_id: str, head: Head) -> None:
        """Remember `head`, unless a newer one is known. That an account does not exist (yet) is not remembered."""
        known = self.get(account_id)
        if head.account is None or (known is not None and known.version > head.version):
            return
        if len(self._young) >= self._generation_max:
            self._old, self._young = self._young, {}
        self._young[account_id] = head
