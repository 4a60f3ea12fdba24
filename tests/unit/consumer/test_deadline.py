"""A batch that takes longer than the function may run: what is done counts, and the rest is redelivered."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from math import inf
from typing import Any
from unittest.mock import MagicMock

import pytest

from account_events.aggregation.packing import aggregate
from account_events.consumer import Consumer, Event, Gap, Inbox, KinesisRecord, LambdaHandler, MemoryInbox, Outcome
from account_events.consumer.errors import NotAttempted
from account_events.consumer.lambda_handler import RESERVE_S
from account_events.consumer.position import Position
from account_events.lambda_mapping.records import PAYLOAD_BYTES_MAX
from account_events.lambda_mapping.records import encoded as as_json
from consumers.owners.settings import THREADS
from tests.unit.consumer.given import encoded, records
from tests.unit.consumer.timed_workers import TimedWorkers

NOW = 1_000.0
TIMEOUT_S = 120.0
OF_A_RECORD = 100
[OPENED] = encoded("account-0000000", 1)


class Context:
    """Lambda's context, on the workers' clock."""

    def __init__(self, workers: TimedWorkers, timeout_s: float = TIMEOUT_S) -> None:
        self._workers, self._ends_s = workers, workers.now_s + timeout_s

    def get_remaining_time_in_millis(self) -> float:
        return (self._ends_s - self._workers.now_s) * 1_000


class Counting(MemoryInbox):
    """Attributes: `written` counts the writes."""

    written = 0

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        super().advance(account_id, before, after, effect)
        self.written += 1


def ignore(_: Sequence[Event]) -> None:
    pass


def new_accounts() -> Iterator[bytes]:
    """The first events of accounts whose ids have the same length."""
    return (OPENED.replace(b"account-0000000", b"account-%07d" % number) for number in count(1))


def batch_of(datas: Sequence[bytes]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "partitionKey": "7",
                    "sequenceNumber": str(number + 1),
                    "data": base64.b64encode(aggregate("7", "1", datas[start : start + OF_A_RECORD])).decode(),
                }
            }
            for number, start in enumerate(range(0, len(datas), OF_A_RECORD))
        ]
    }


def rest(event: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """What Lambda delivers next."""
    [first, *_] = [int(each["itemIdentifier"]) for each in response["batchItemFailures"]] or [10**9]
    return {"Records": [one for one in event["Records"] if int(one["kinesis"]["sequenceNumber"]) >= first]}


def test_the_largest_batch_ends_before_its_timeout_and_makes_progress() -> None:
    """6 MB with one event per account, when a request takes a second, with the threads of this project's function."""
    datas = list(islice(new_accounts(), 45_500))
    event = batch_of(datas)
    assert 0.9 * PAYLOAD_BYTES_MAX < len(as_json(event)) <= PAYLOAD_BYTES_MAX
    store, workers, outcomes = Counting(), TimedWorkers(THREADS, takes_s=lambda: 1.0), list[Outcome]()
    handler = LambdaHandler(Consumer(Inbox(store, ignore), workers=workers), now=lambda: NOW, report=outcomes.append)
    response = handler(event, Context(workers))
    assert workers.now_s <= TIMEOUT_S - RESERVE_S / 2
    assert store.written > (TIMEOUT_S - RESERVE_S - 5) * THREADS
    [failure, of_the_gaps] = outcomes[0].failures
    assert isinstance(failure.error, NotAttempted)
    assert isinstance(of_the_gaps.error, NotAttempted)
    assert str(failure.error).startswith(f"{len(datas) - store.written} accounts of the batch could not be completed")
    [unsafe] = response["batchItemFailures"]
    assert int(unsafe["itemIdentifier"]) > store.written // OF_A_RECORD - 2, "the first records are done first"


def test_a_batch_is_done_after_some_deliveries_each_event_once() -> None:
    event, store = batch_of(list(islice(new_accounts(), 2_000))), Counting()
    workers, deliveries = TimedWorkers(4, takes_s=lambda: 1.0), 0
    handler = LambdaHandler(Consumer(Inbox(store, ignore), workers=workers), now=lambda: NOW, report=lambda _: None)
    while event["Records"]:
        deliveries += 1
        event = rest(event, handler(event, Context(workers)))
    assert (store.written, deliveries) == (2_000, 5)


def test_without_threads_the_time_is_checked_between_calls() -> None:
    """Half of a function's time of three seconds is left: Lambda's default."""
    clock = TimedWorkers(1)

    class Slow(Counting):
        def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
            clock.now_s += 1.0
            super().advance(account_id, before, after, effect)

    store = Slow()
    handler = LambdaHandler(Consumer(Inbox(store, ignore)), now=lambda: NOW, report=lambda _: None)
    event = batch_of(list(islice(new_accounts(), 300)))
    assert handler(event, Context(clock, 3.0)) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert store.written == 2


def test_an_account_is_interrupted_between_its_runs() -> None:
    store, workers = Counting(), TimedWorkers(2, takes_s=lambda: 1.0)
    consumer = Consumer(Inbox(store, ignore), workers=workers)
    outcome = consumer.receive(records(*encoded("a", 9)), NOW, time_left_s=lambda: 4.0 - workers.now_s)
    assert (outcome.applied, outcome.checkpoint, outcome.unsafe) == (3, "3", ["4"])
    assert store.position("a").last == 3


class Hanging:
    """How long calls take: that of the third one has no end."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return inf if self.calls == 3 else 0.005


def test_a_call_that_hangs_is_not_awaited_until_the_timeout() -> None:
    """Its write may be carried out later, and then its redelivered events are duplicates."""
    store, workers, outcomes = Counting(), TimedWorkers(8, takes_s=Hanging()), list[Outcome]()
    handler = LambdaHandler(Consumer(Inbox(store, ignore), workers=workers), now=lambda: NOW, report=outcomes.append)
    event = batch_of(list(islice(new_accounts(), 250)))
    response = handler(event, Context(workers))
    assert workers.now_s == pytest.approx(TIMEOUT_S - RESERVE_S / 2)
    assert (outcomes[0].applied, response) == (249, {"batchItemFailures": [{"itemIdentifier": "1"}]})
    [hanging] = workers.calls
    workers.end(hanging)
    handler(rest(event, response), Context(workers))
    assert (outcomes[1].applied, outcomes[1].duplicates, store.written) == (0, 250, 250)


def test_a_late_write_changes_nothing_after_its_redelivery() -> None:
    store, workers = Counting(), TimedWorkers(8, takes_s=Hanging())
    handler = LambdaHandler(Consumer(Inbox(store, ignore), workers=workers), now=lambda: NOW, report=lambda _: None)
    event = batch_of(list(islice(new_accounts(), 250)))
    assert rest(event, handler(event, Context(workers)))["Records"]
    [hanging] = workers.calls
    assert handler(event, Context(workers)) == {"batchItemFailures": []}
    workers.end(hanging)
    assert hanging.exception() is not None, "the account is no longer at the position that was read"
    assert store.written == 250


def test_gaps_are_not_queried_once_the_time_is_over() -> None:
    class Queried(Counting):
        def gaps(self, before_s: float) -> Sequence[Gap]:
            raise AssertionError(before_s)

    consumer = Consumer(Inbox(Queried(), ignore))
    outcome = consumer.receive([], NOW, time_left_s=lambda: 0.0)
    [failure] = outcome.failures
    assert (failure.sequence_number, outcome.gaps) == (None, ())
    assert isinstance(failure.error, NotAttempted)


@pytest.mark.parametrize("context", [None, object(), MagicMock()])
def test_without_a_context_there_is_no_deadline(context: object) -> None:
    """As a test of a consumer calls its handler."""
    workers = TimedWorkers(2, takes_s=lambda: 1_000.0)
    handler = LambdaHandler(
        Consumer(Inbox(Counting(), ignore), workers=workers), now=lambda: NOW, report=lambda _: None
    )
    assert handler(batch_of(list(islice(new_accounts(), 150))), context) == {"batchItemFailures": []}


def test_a_failed_account_before_the_deadline_is_reported_too() -> None:
    def refuse(events: Sequence[Event]) -> None:
        if events[0].account_id == "a":
            raise RuntimeError("refused")

    workers = TimedWorkers(2, takes_s=lambda: 1.0)
    batch: list[KinesisRecord] = records(*(data for name in "abcdefg" for data in encoded(name, 1)))
    consumer = Consumer(Inbox(MemoryInbox(), refuse), workers=workers)
    outcome = consumer.receive(batch, NOW, time_left_s=lambda: 2.5 - workers.now_s)
    assert [(each.account_id, each.sequence_number) for each in outcome.failures[:2]] == [("a", "1"), (None, "3")]
    assert outcome.unsafe == ["1", "3"]
