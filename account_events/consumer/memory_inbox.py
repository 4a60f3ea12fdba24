"""An inbox store in memory. Positions are lost with the process, which must then read its stream from the start."""

from collections.abc import Mapping, Sequence

from account_events.consumer.errors import StaleRevision
from account_events.consumer.position import GAPS_MAX, Gap, Position, gap


class MemoryInbox:
    """An InboxStore for tests and single-threaded processes.

    It ignores the effect that `handle` returns, so `handle` must carry out its effects itself.
    """

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    def position(self, account_id: str) -> Position:
        return self._positions.get(account_id, Position())

    def positions(self, account_ids: Sequence[str]) -> Mapping[str, Position]:
        return {account_id: self.position(account_id) for account_id in account_ids}

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        """Raises StaleRevision: see InboxStore."""
        del effect  # `handle` has carried it out
        if self.position(account_id).revision != before.revision:
            raise StaleRevision(account_id)
        self._positions[account_id] = after

    def gaps(self, before_s: float) -> Sequence[Gap]:
        waiting = [gap(account_id, position) for account_id, position in self._positions.items()]
        overdue = [each for each in waiting if each and each.since_s <= before_s]
        return sorted(overdue, key=lambda each: each.since_s)[:GAPS_MAX]
