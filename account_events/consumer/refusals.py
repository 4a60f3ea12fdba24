"""Counts how often the handler has refused each account's events, for adapters without a trigger that counts. Pure."""

from account_events.consumer.consumer import Outcome
from account_events.consumer.errors import Unavailable

_Record = tuple[str, int | None]


class Refusals:
    """The refusals in a row of each account's next record, over the deliveries of a shard.

    A delivery in which the account was not attempted, or in which the store did not answer for it, does not count. A
    failure of no account leaves open which accounts were attempted: a NotAttempted, or a record that was not decoded.

    Args:
        most: after so many refusals, the account's events are to be buffered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._refused: dict[str, tuple[_Record, int]] = {}

    def count(self, outcome: Outcome) -> None:
        """Count the refusals of a delivery. An account that advances, or does not fail, begins again."""
        failed = [each for each in outcome.failures if each.sequence_number is not None]
        kept = dict(self._refused)
        if all(each.account_id is not None for each in failed):
            names = {each.account_id for each in failed}
            kept = {account_id: each for account_id, each in kept.items() if account_id in names}
        for each in failed:
            if each.account_id is None or each.sequence_number is None or isinstance(each.error, Unavailable):
                continue
            record = each.sequence_number, each.sub_sequence_number
            before, times = kept.get(each.account_id, (record, 0))
            kept[each.account_id] = record, times + 1 if before == record else 1
        self._refused = kept

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts that were refused often enough."""
        return frozenset(account_id for account_id, (_, times) in self._refused.items() if times >= self._most)
