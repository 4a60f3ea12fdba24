"""Accounts whose items are throttled delay no other account for long, and nothing is applied twice or out of order."""

from math import ceil
from random import Random
from typing import TYPE_CHECKING

import pytest

from account_events.consumer import Consumer, Inbox, KinesisRecord
from account_events.consumer.errors import Unavailable
from account_events.consumer.position import Position
from account_events.consumer.receiving import UNANSWERED_MAX
from account_events.consumer.workers import CallingThread
from consumers.owners.rows import changes
from tests.simulation.consumers import NOW, Store, check_read_model
from tests.simulation.seeded_workers import SeededWorkers
from tests.support.seeds import play_each, seeds_of
from tests.unit.consumer.given import encoded, records

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS, SEEDS_PER_TEST = seeds_of("throttled accounts", 100), 50
LOST_MAX = 3


class Throttled(Store):
    """Attributes: `hot`, the accounts for which it answers no write; `lost`, how many other answers are still lost."""

    def __init__(self, hot: set[str], random: Random) -> None:
        super().__init__()
        self.hot, self._random, self.lost = hot, random, LOST_MAX

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if account_id in self.hot:
            raise Unavailable("throttled")
        super().advance(account_id, before, after, effect)
        if self.lost and self._random.random() < 0.05:
            self.lost -= 1
            raise Unavailable("lost")


class Scenario:
    """The scenario of a seed: one shard, whose trigger delivers from the first record to redeliver on."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- seeded
        self.accounts = {f"account-{number}": self.random.randint(1, 3) for number in range(self.random.randint(1, 60))}
        share = self.random.choice([0.1, 0.5, 0.9])
        hot = {each for each in self.accounts if self.random.random() < share}
        self.store = Throttled(hot, self.random)
        threads = self.random.choice([None, 2, 32])
        inbox = Inbox(self.store, changes, run_max=self.random.choice([1, 500]))
        workers = SeededWorkers(self.random, threads) if threads else CallingThread()
        self.consumer = Consumer(inbox, workers=workers)
        self.rest: Sequence[KinesisRecord] = records(*self._stream())

    def play(self) -> None:
        hot = self.store.hot
        turns = 1 + ceil((len(hot) + LOST_MAX) / UNANSWERED_MAX)  # deliveries in which each account is attempted once
        for _ in range(turns * (1 + LOST_MAX)):
            self._deliver()
        behind = {each for each, events in self.accounts.items() if self.store.position(each).last < events}
        assert behind == hot, "all other accounts have had their turn"
        self.store.hot = set()
        while self.rest:
            self._deliver()
        check_read_model(self.store, self.accounts)

    def _deliver(self) -> None:
        unsafe = self.consumer.receive(self.rest, NOW).unsafe
        numbers = [record.sequence_number for record in self.rest]
        self.rest = self.rest[min(map(numbers.index, unsafe), default=len(numbers)) :]

    def _stream(self) -> list[list[bytes]]:
        """Aggregated records, with each account's events in order. Half of the streams begin with the hot accounts."""
        names = [each for each, events in self.accounts.items() for _ in range(events)]
        self.random.shuffle(names)
        if self.random.random() < 0.5:
            names.sort(key=lambda each: each not in self.store.hot)
        left = {account_id: encoded(account_id, events) for account_id, events in self.accounts.items()}
        datas = [left[account_id].pop(0) for account_id in names]
        size = self.random.choice([1, 5])
        return [datas[start : start + size] for start in range(0, len(datas), size)]


@pytest.mark.parametrize("first", range(0, len(SEEDS), SEEDS_PER_TEST))
def test_accounts_that_are_not_throttled_all_advance(first: int) -> None:
    play_each(lambda seed: Scenario(seed).play(), "throttled accounts", SEEDS[first : first + SEEDS_PER_TEST])
