"""An inbox's positions in memory: gone with the process, which then has to read its stream from the beginning."""

from collections.abc import Sequence

from account_events.consumer.errors import StaleRevision
from account_events.consumer.position import GAPS_MAX, Gap, Position, gap


class MemoryInbox:
    """An InboxStore whose effects are what `handle` does by itself. For one thread."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    def position(self, account_id: str) -> Position:
        return self._positions.get(account_id, Position())

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        """Raises StaleRevision: see InboxStore."""
        del effect  # `handle` has done it
        if self.position(account_id).revision != before.revision:
            raise StaleRevision(account_id)
        self._positions[account_id] = after

    def gaps(self, before_s: float) -> Sequence[Gap]:
        found = [gap(account_id, position) for account_id, position in self._positions.items()]
        due = [each for each in found if each and each.since_s <= before_s]
        return sorted(due, key=lambda each: each.since_s)[:GAPS_MAX]
