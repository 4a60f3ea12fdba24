"""The KCL's record processor: what it checkpoints, what it reports, and when it ends the process."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from account_events.aggregation.unpacking import MAGIC
from account_events.avro.errors import Undecodable
from account_events.consumer import Consumer, Inbox, KinesisRecord, MemoryInbox, Outcome
from account_events.consumer.errors import NotAttempted, Unavailable
from account_events.consumer.kcl import (
    ATTEMPTS_MAX,
    CHECKPOINTS_MAX,
    REFUSALS_MAX,
    KclProcessor,
    NotCheckpointed,
    NotProcessed,
)
from account_events.consumer.position import Position
from account_events.consumer.receiving import UNANSWERED_MAX
from tests.unit.consumer.given import encoded
from tests.unit.consumer.test_get_records import Sequences

NOW = 1_000.0
A, B = encoded("a", 9), encoded("b", 9)
UNREADABLE = MAGIC + bytes(20)
FIRST_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
DeadLetter = Callable[[KinesisRecord, Undecodable], object]


@pytest.fixture
def sequences() -> Sequences:
    return Sequences()


class CheckpointError(Exception):
    """Like amazon_kclpy's error: its value is the name of the KCL's exception."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class Checkpointer:
    """A checkpointer that raises each of `errors` in turn."""

    def __init__(self, *errors: str) -> None:
        self.at: list[tuple[str | None, int | None]] = []
        self.errors = list(errors)
        self.calls = 0

    def checkpoint(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        self.calls += 1
        if self.errors:
            raise CheckpointError(self.errors.pop(0))
        self.at.append((sequence_number, sub_sequence_number))


def numbers_of(position: int) -> tuple[str, int]:
    """The sequence numbers of a record in a batch. Two records share one, as if the KCL had unpacked an aggregate."""
    return str(FIRST_NUMBER + position // 2), position % 2


def kcl_input(datas: list[bytes], checkpointer: Checkpointer) -> SimpleNamespace:
    records = [
        SimpleNamespace(binary_data=data, sequence_number=number, sub_sequence_number=sub_number)
        for data, (number, sub_number) in zip(datas, map(numbers_of, range(len(datas))), strict=True)
    ]
    return SimpleNamespace(records=records, checkpointer=checkpointer)


class Processing:
    """A record processor, with counters of its pauses and reports."""

    def __init__(
        self, handle: Sequences, dead_letter: DeadLetter | None = None, store: MemoryInbox | None = None
    ) -> None:
        self.pauses, self.outcomes = 0, list[Outcome]()
        consumer = Consumer(Inbox(store or MemoryInbox(), handle), dead_letter=dead_letter)
        self.processor = KclProcessor(consumer, now=lambda: NOW, pause=self._pause, report=self.outcomes.append)

    def _pause(self) -> None:
        self.pauses += 1

    def process(self, datas: list[bytes], checkpointer: Checkpointer) -> None:
        self.processor.process_records(kcl_input(datas, checkpointer))

    def end_shard(self, checkpointer: Checkpointer) -> None:
        self.processor.shard_ended(SimpleNamespace(checkpointer=checkpointer))

    def failures(self) -> Sequence[Exception]:
        return [failure.error for outcome in self.outcomes for failure in outcome.failures]


def test_only_safe_records_are_checkpointed(sequences: Sequences) -> None:
    checkpointer = Checkpointer()
    sequences.refusals = {"a:1": 1, "a:4": 2}
    processing = Processing(sequences)
    processing.process(A[:5], checkpointer)
    assert sequences.seen == [f"a:{number}" for number in range(1, 6)]
    assert checkpointer.at == [numbers_of(2), numbers_of(4)]
    assert processing.pauses == 3
    assert [outcome.duplicates for outcome in processing.outcomes] == [0] * 4, "safe records are not received again"
    processing.end_shard(checkpointer)
    assert checkpointer.at[-1] == (None, None)


def test_an_undecodable_record_ends_the_process(sequences: Sequences) -> None:
    checkpointer = Checkpointer()
    number, sub_number = numbers_of(1)
    processing = Processing(sequences)
    with pytest.raises(NotProcessed, match=f"Record {number}, sub-sequence number {sub_number}, .*checksum"):
        processing.process([A[0], UNREADABLE, A[1]], checkpointer)
    assert checkpointer.at == [numbers_of(0)]
    assert processing.pauses == ATTEMPTS_MAX - 1
    assert issubclass(NotProcessed, SystemExit), "the KCL ignores every other exception"


def test_the_dead_letter_callback_gets_both_kinesis_numbers(sequences: Sequences) -> None:
    """An index is not unique across batches, and the records of one aggregate share a sequence number."""
    dead_letters: list[KinesisRecord] = []
    checkpointer = Checkpointer()
    processing = Processing(sequences, dead_letter=lambda record, _error: dead_letters.append(record))
    processing.process([A[0], B[0], UNREADABLE, UNREADABLE, A[1]], checkpointer)
    assert [(each.sequence_number, each.sub_sequence_number) for each in dead_letters] == [numbers_of(2), numbers_of(3)]
    assert checkpointer.at == [numbers_of(4)]
    [outcome] = processing.outcomes
    assert (outcome.checkpoint, outcome.checkpoint_sub_sequence_number) == numbers_of(4)


def test_a_failure_is_reported_with_both_kinesis_numbers(sequences: Sequences) -> None:
    sequences.refusals = {"b:1": 1}
    processing = Processing(sequences)
    processing.process([A[0], B[0]], Checkpointer())
    [failure] = processing.outcomes[0].failures
    assert (failure.sequence_number, failure.sub_sequence_number) == numbers_of(1)
    assert (failure.account_id, str(failure.error)) == ("b", "no")


def test_the_kcl_continues_after_ten_refusals(sequences: Sequences) -> None:
    checkpointer = Checkpointer()
    sequences.refusals = {"a:2": 1_000}
    processing = Processing(sequences)
    processing.process([A[0], A[1], B[0], A[2]], checkpointer)
    assert sequences.seen == ["a:1", "b:1"]
    assert processing.pauses == REFUSALS_MAX
    assert checkpointer.at == [numbers_of(0), numbers_of(3)]


class Unanswering(MemoryInbox):
    """A store that answers only some of the writes.

    Args:
        answers: whether it answers the write with this number, from 0, to an account.
    """

    def __init__(self, answers: Callable[[int, str], bool]) -> None:
        super().__init__()
        self.answers, self.writes = answers, 0

    def advance(self, account_id: str, before: Position, after: Position, effect: object) -> None:
        self.writes += 1
        if not self.answers(self.writes - 1, account_id):
            raise Unavailable("throttled")
        super().advance(account_id, before, after, effect)


def many(accounts: int) -> list[bytes]:
    return [data for number in range(accounts) for data in encoded(f"c-{number:03}", 1)]


def test_an_account_that_was_not_attempted_keeps_its_ten_attempts(sequences: Sequences) -> None:
    """The store answers no write during twelve attempts. Then the handler refuses an event three times."""
    sequences.refusals = {"a:1": 3}
    processing = Processing(sequences, store=Unanswering(lambda number, _: number >= 12 * UNANSWERED_MAX))
    checkpointer = Checkpointer()
    processing.process([*many(200), A[0], A[1]], checkpointer)
    assert sequences.seen[-2:] == ["a:1", "a:2"]
    assert sum(outcome.buffered for outcome in processing.outcomes) == 0
    assert any(isinstance(error, NotAttempted) for error in processing.failures())
    assert checkpointer.at[-1] == numbers_of(201)


def test_the_process_goes_on_while_some_accounts_advance(sequences: Sequences) -> None:
    """Each attempt advances one account, and the store answers ten others not: more attempts than are allowed."""
    accounts = ATTEMPTS_MAX + 20
    store = Unanswering(lambda number, _: number % (UNANSWERED_MAX + 1) == 0)
    processing = Processing(sequences, store=store)
    checkpointer = Checkpointer()
    processing.process(many(accounts), checkpointer)
    assert len(processing.outcomes) > ATTEMPTS_MAX
    assert sum(outcome.applied for outcome in processing.outcomes) == accounts
    assert checkpointer.at[-1] == numbers_of(accounts - 1)


def test_a_store_that_never_answers_ends_the_process(sequences: Sequences) -> None:
    """The message names a record that was attempted."""
    processing = Processing(sequences, store=Unanswering(lambda _number, _account: False))
    with pytest.raises(
        NotProcessed, match=f"^Record .*: throttled {ATTEMPTS_MAX} attempts in a row made no progress.$"
    ):
        processing.process(many(30), Checkpointer())
    assert len(processing.outcomes) == ATTEMPTS_MAX
    assert processing.pauses == ATTEMPTS_MAX - 1


def test_any_other_error_ends_the_process(sequences: Sequences) -> None:
    """Otherwise the KCL would continue with the next records."""

    def fail(_outcome: Outcome) -> None:
        raise OSError("the log is full")

    consumer = Consumer(Inbox(MemoryInbox(), sequences))
    failing = KclProcessor(consumer, now=lambda: NOW, pause=lambda: None, report=fail)
    with pytest.raises(NotProcessed, match="the log is full"):
        failing.process_records(kcl_input(A[:1], Checkpointer()))
    throttled = Checkpointer(*["ThrottlingException"] * CHECKPOINTS_MAX)
    with pytest.raises(NotProcessed, match="the log is full"):
        failing.shard_ended(SimpleNamespace(checkpointer=throttled))


def test_a_failed_checkpoint_is_retried(sequences: Sequences) -> None:
    checkpointer = Checkpointer("ThrottlingException", "KinesisClientLibDependencyException")
    processing = Processing(sequences)
    processing.process(A[:2], checkpointer)
    assert (checkpointer.at, processing.pauses, processing.failures()) == ([numbers_of(1)], 2, [])
    assert KclProcessor.version == 3


def test_a_checkpoint_that_keeps_failing_is_reported(sequences: Sequences) -> None:
    checkpointer = Checkpointer(*["ThrottlingException"] * CHECKPOINTS_MAX)
    processing = Processing(sequences)
    processing.process(A[:2], checkpointer)
    assert (checkpointer.calls, checkpointer.at) == (CHECKPOINTS_MAX, [])
    [error] = processing.failures()
    assert isinstance(error, NotCheckpointed)
    number, sub_number = numbers_of(1)
    assert f"sequence number {number}, sub-sequence number {sub_number}" in str(error)
    assert "CheckpointError: ThrottlingException" in str(error)
    assert processing.outcomes[-1].unsafe == [], "no record has to be redelivered"
    processing.process(A[2:4], checkpointer)
    assert checkpointer.at == [numbers_of(1)], "the next batch's checkpoint"


def test_a_shard_end_without_checkpoint_ends_the_process(sequences: Sequences) -> None:
    processing = Processing(sequences)
    with pytest.raises(NotProcessed, match="the end of the shard could not be checkpointed"):
        processing.end_shard(Checkpointer(*["ThrottlingException"] * CHECKPOINTS_MAX))
    [error] = processing.failures()
    assert isinstance(error, NotCheckpointed)
    assert str(error).startswith("The checkpoint at the end of the shard failed")


def test_a_lost_lease_stops_the_batch(sequences: Sequences) -> None:
    """If the process ended, the worker would end too, and its other shards would stop."""
    checkpointer = Checkpointer("ShutdownException")
    sequences.refusals = {"a:2": 1_000}
    processing = Processing(sequences)
    processing.process(A[:3], checkpointer)
    assert (checkpointer.calls, processing.pauses) == (1, 0)
    assert sequences.seen == ["a:1"]
    assert sequences.refusals == {"a:2": 999}, "there is only one attempt"
    processing.processor.lease_lost(SimpleNamespace())
    assert len(processing.outcomes) == 1, "a lost lease is not a failure"


def test_a_lease_lost_at_the_shard_end_does_not_end_the_process(sequences: Sequences) -> None:
    checkpointer = Checkpointer("ShutdownException")
    processing = Processing(sequences)
    processing.end_shard(checkpointer)
    assert (checkpointer.calls, processing.pauses, processing.outcomes) == (1, 0, [])


def test_after_a_restart_a_memory_inbox_applies_nothing(sequences: Sequences) -> None:
    """Why docs/consuming.md requires a durable inbox: the KCL continues after its checkpoint."""
    Processing(sequences).process(A[:4], Checkpointer())
    restarted = Processing(sequences)
    restarted.process(A[4:], Checkpointer())
    [outcome] = restarted.outcomes
    assert (outcome.applied, outcome.buffered, len(sequences.seen)) == (0, 5, 4)
