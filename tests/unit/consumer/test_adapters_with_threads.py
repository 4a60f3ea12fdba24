"""Readers of a stream whose consumer has threads: what they read again, and that each event is applied once."""

from typing import Any, cast

import pytest

from account_events.consumer import Consumer, Inbox, MemoryInbox, Outcome, Threads
from account_events.consumer.errors import Unavailable
from account_events.consumer.get_records import StreamReader
from account_events.consumer.kcl import KclProcessor
from account_events.consumer.position import Position
from tests.unit.consumer.given import encoded
from tests.unit.consumer.test_get_records import Sequences, Stream, drain
from tests.unit.consumer.test_kcl import Checkpointer, kcl_input, numbers_of

NOW = 1_000.0
ACCOUNTS = [f"account-{number}" for number in range(12)]
DATAS = [encoded(account_id, 3)[number] for number in range(3) for account_id in ACCOUNTS]


class Throttled(MemoryInbox):
    """A store that does not answer the first writes of half of the accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, int] = dict.fromkeys(ACCOUNTS[5:], 2)

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        if self.refused.get(account_id):
            self.refused[account_id] -= 1
            raise Unavailable("throttled")
        super().advance(account_id, before, after, effect)


@pytest.fixture
def store() -> Throttled:
    return Throttled()


@pytest.fixture
def consumer(store: Throttled) -> Consumer[None]:
    return Consumer(Inbox(store, Sequences()), workers=Threads(4))


def assert_applied(store: Throttled, outcomes: list[Outcome]) -> None:
    """Each event is applied once, although some batches failed."""
    assert sum(outcome.applied for outcome in outcomes) == len(DATAS)
    assert {account_id: store.position(account_id).last for account_id in ACCOUNTS} == dict.fromkeys(ACCOUNTS, 3)
    assert any(outcome.unsafe for outcome in outcomes)


def test_a_stream_reader_reads_again_what_was_not_applied(store: Throttled, consumer: Consumer[None]) -> None:
    outcomes = drain(StreamReader(cast("Any", Stream(one=DATAS)), "events", consumer), polls=100)
    assert_applied(store, outcomes)
    assert outcomes[-1].unsafe == []


def test_the_kcl_processor_retries_until_all_is_applied(store: Throttled, consumer: Consumer[None]) -> None:
    outcomes, checkpointer = list[Outcome](), Checkpointer()
    processor = KclProcessor(consumer, now=lambda: NOW, pause=lambda: None, report=outcomes.append)
    processor.process_records(kcl_input(DATAS, checkpointer))
    assert_applied(store, outcomes)
    assert checkpointer.at[-1] == numbers_of(len(DATAS) - 1)
    assert checkpointer.at == sorted(checkpointer.at), "a checkpoint never goes back"
