"""A replay delivers records as an event source mapping does, and every requested fault takes place."""

import itertools
from typing import Any

import pytest

from account_events.testing import (
    BadReplay,
    Died,
    Fault,
    MemoryKinesis,
    Settings,
    TableStream,
    random_faults,
    refuse_every,
)
from account_events.testing.records import StreamRecord, number_of
from tests.support import poison
from tests.support.memory_projector import MemoryProjector
from tests.support.poison import POISONS
from tests.support.replay import replay
from tests.support.rows import account_of
from tests.unit.testing.handlers import DONE, failed, one_by_one, put_one
from tests.unit.testing.streams import table_stream

STREAM = table_stream()
NUMBERS = [number_of(record) for record in STREAM.records]


class Scripted:
    """Returns the given answers, one per call, and then success. It raises an answer that is an exception."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 -- anything a handler may answer
        self._answers = list(answers)

    def __call__(self, _: dict[str, Any], __: Any) -> Any:  # noqa: ANN401 -- Lambda's
        answer = self._answers.pop(0) if self._answers else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer


def sizes(stream: TableStream, *answers: Any, **options: Any) -> list[tuple[int, int]]:  # noqa: ANN401 -- replay's
    """The position of the first record, and the number of records, of each delivery."""
    done = replay(stream, Scripted(*answers), kinesis=MemoryKinesis(), **options)
    numbers = [number_of(record) for record in done.stream.records]
    return [(numbers.index(batch[0]), len(batch)) for batch in done.batches]


def test_batches_have_the_requested_size() -> None:
    assert sizes(TableStream.of(STREAM.records[:10]), batch_sizes=4) == [(0, 4), (4, 4), (8, 2)]


def test_several_batch_sizes_take_turns() -> None:
    assert sizes(TableStream.of(STREAM.records[:12]), batch_sizes=[1, 4]) == [
        (0, 1),
        (1, 4),
        (5, 1),
        (6, 4),
        (10, 1),
        (11, 1),
    ]


def test_the_lowest_reported_record_is_the_checkpoint() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": NUMBERS[n]} for n in (3, 1, 2)]}
    assert sizes(TableStream.of(STREAM.records[:4]), answer) == [(0, 4), (1, 3)]


@pytest.mark.parametrize("answer", [None, {}, "", [], {"batchItemFailures": None}, {"batchItemFailures": []}])
def test_a_response_without_failures_is_success(answer: object) -> None:
    assert sizes(TableStream.of(STREAM.records[:4]), answer) == [(0, 4)]


@pytest.mark.parametrize(
    "answer",
    [failed(""), failed("17"), {"batchItemFailures": [{"itemIdentifier": None}]}, {"failures": []}, {1, 2}, OSError()],
)
def test_an_invalid_response_or_an_exception_fails_the_whole_batch(answer: object) -> None:
    whole = Settings(bisects_on_error=False)
    assert sizes(TableStream.of(STREAM.records[:4]), answer, settings=whole) == [(0, 4), (0, 4)]
    assert sizes(TableStream.of(STREAM.records[:4]), answer) == [(0, 4), (0, 2), (2, 2)]


def test_without_reports_the_response_is_ignored() -> None:
    silent = Settings(reports_item_failures=False)
    assert sizes(TableStream.of(STREAM.records[:4]), failed(NUMBERS[0]), settings=silent) == [(0, 4)]


def test_a_record_discarded_after_the_last_retry_fails_the_replay() -> None:
    def handler(_: Any, __: Any) -> None:  # noqa: ANN401 -- Lambda's
        raise ZeroDivisionError("a bug")

    with pytest.raises(
        AssertionError, match=r"1 record, \d+, was discarded .* after 2 retries.*ZeroDivisionError"
    ) as failed_replay:
        replay(STREAM, handler, kinesis=MemoryKinesis(), settings=Settings(retries_max=2))
    assert isinstance(failed_replay.value.__cause__, ZeroDivisionError)


def test_discarded_records_can_be_allowed_and_are_listed() -> None:
    settings = Settings(retries_max=2, discards_allowed=True, bisects_on_error=False)
    answers = [OSError()] * 3
    done = replay(STREAM, Scripted(*answers), kinesis=MemoryKinesis(), batch_sizes=5, settings=settings)
    assert [number_of(record) for record in done.discarded] == NUMBERS[:5]
    assert done.batches[:4] == [tuple(NUMBERS[:5])] * 3 + [tuple(NUMBERS[5:10])]


def test_years_between_records_do_not_make_them_too_old() -> None:
    old: list[StreamRecord] = [dict(record) for record in STREAM.records[:2]]
    old[0] = old[0] | {"dynamodb": old[0]["dynamodb"] | {"ApproximateCreationDateTime": 0}}
    assert sizes(TableStream.of(old), *[OSError()] * 5, settings=Settings(bisects_on_error=False))[-1] == (0, 2)


def test_a_filter_leaves_out_the_records_that_do_not_match() -> None:
    events_only = Settings(filter_patterns=['{"dynamodb": {"NewImage": {"Type": {"S": ["CREATED"]}}}}'])
    assert sizes(STREAM, settings=events_only) == [(0, 3)]


def test_batches_can_be_duplicated_and_can_overlap() -> None:
    stream = TableStream.of(STREAM.records[:6])
    assert sizes(stream, batch_sizes=3, duplicates=[2]) == [(0, 3), (3, 3), (3, 3)]
    assert sizes(stream, batch_sizes=3, duplicates="all") == [(0, 3), (0, 3), (3, 3), (3, 3)]
    assert sizes(stream, batch_sizes=3, overlap=2) == [(0, 3), (1, 5)]


def test_a_split_delivers_the_parent_first_and_then_the_children_in_turn() -> None:
    done = replay(STREAM, Scripted(), kinesis=MemoryKinesis(), batch_sizes=2, split_after=6)
    shards = [delivery.shard_id.removeprefix(done.stream.shards[0].shard_id) for delivery in done.deliveries]
    assert shards[:3] == ["", "", ""]
    assert shards[3:7] == ["-0", "-1", "-0", "-1"]
    assert sum(map(len, done.batches)) == len(STREAM.records)


def test_each_shard_has_an_environment_of_its_own() -> None:
    done = replay(STREAM, new_handler=Scripted, kinesis=MemoryKinesis(), batch_sizes=2, split_after=6)
    assert {(delivery.shard_id, delivery.environment) for delivery in done.deliveries} == {
        (shard.shard_id, number) for number, shard in enumerate(done.stream.shards, 1)
    }


def test_after_a_crash_a_new_environment_gets_the_batch() -> None:
    kinesis = MemoryKinesis()
    made: list[int] = []

    def new_handler() -> Any:  # noqa: ANN401 -- a handler
        made.append(len(kinesis.calls))
        return one_by_one(kinesis)

    done = replay(STREAM, new_handler=new_handler, kinesis=kinesis, batch_sizes=4, crash_after_put=[2, 3])
    assert made == [0, 2, 3]
    assert [type(one.error) for one in done.deliveries[:3]] == [Died, Died, type(None)]
    assert done.batches[1] == tuple(NUMBERS[:2])  # a crash fails the batch, which is bisected
    done.assert_delivered()
    with pytest.raises(AssertionError, match="a: 1 came more than once"):
        done.assert_each_once()


def test_a_handler_that_catches_its_crash_cannot_put_again() -> None:
    kinesis = MemoryKinesis()

    def handler(event: dict[str, Any], _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        try:
            put_one(kinesis, "x", b"1")
        except BaseException:  # noqa: BLE001 -- a handler must not do this
            with pytest.raises(Died):
                put_one(kinesis, "x", b"2")
        return DONE if event else None

    done = replay(STREAM, new_handler=lambda: handler, kinesis=kinesis, crash_after_put=1)
    assert [one.environment for one in done.deliveries] == [1, 2, 2]
    assert isinstance(done.deliveries[0].error, Died)
    assert b"2" not in kinesis.data()


@pytest.mark.parametrize("damage", POISONS[:-1])
def test_each_kind_of_poison_parks_its_account_and_no_other(damage: Any) -> None:  # noqa: ANN401 -- a Damage
    projector = MemoryProjector()
    done = projector.replay(table_stream("abc", 6), poison={7: damage}, batch_sizes=5)
    done.assert_delivered()
    assert list(projector.parking.parked) == [account_of(done.stream.records[7])] == ["b"]
    assert done.sequences() == {"a": [1, 2, 3, 4, 5, 6], "b": [1, 2], "c": [1, 2, 3, 4, 5, 6]}


def test_a_record_without_a_key_blocks_the_shard_until_its_discard() -> None:
    settings = Settings(discards_allowed=True)
    done = MemoryProjector().replay(table_stream("ab", 3), poison={2: poison.no_key}, batch_sizes=1, settings=settings)
    assert len(done.discarded) == 1
    assert len(done.deliveries) == 6 + settings.retries_max
    assert done.sequences() == {"a": [1, 2, 3], "b": [1, 2, 3]}  # the projector read a's second event from the table


def test_every_event_arrives_despite_refusals() -> None:
    for faults in (refuse_every(2), random_faults(7, 40), [Fault(refused=frozenset({0}))] * 5):
        kinesis = MemoryKinesis(faults)
        done = MemoryProjector(kinesis).replay(table_stream("abcdefgh", 9), batch_sizes=[7, 20])
        done.assert_delivered()
        refused = sum(len(call) for call in kinesis.calls) - len(kinesis.accepted)
        assert refused > 0, "nothing was refused"


def test_all_faults_at_once_break_no_guarantee_and_are_reproducible() -> None:
    def once(seed: int) -> list[Any]:
        kinesis = MemoryKinesis(random_faults(seed, 30))
        done = MemoryProjector(kinesis).replay(
            table_stream("abcdef", 24),
            poison={60: poison.unknown_type},
            batch_sizes=[7, 3, 30],
            duplicates="all",
            overlap=4,
            split_after=50,
            crash_after_put=[2, 5, 9],
        )
        done.assert_delivered()
        assert sum(isinstance(one.error, Died) for one in done.deliveries) == 3
        return done.events

    assert once(1) == once(1) != once(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_sizes": 0}, "positive"),
        ({"batch_sizes": []}, "positive"),
        ({"overlap": -1}, "not negative"),
        ({"duplicates": [9]}, "no batch 9; there are 1"),
        ({"split_after": 99}, "one side empty"),
        ({"poison": {99: poison.no_image}}, "no record 99"),
        ({"poison": {0: lambda _: None}}, "did not change it"),
        ({"poison": {0: lambda record: record["nothing"]}}, "cannot be damaged in this way: KeyError"),
        ({"crash_after_put": 1}, "needs new_handler"),
    ],
)
def test_a_fault_that_cannot_take_place_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadReplay, match=message):
        replay(STREAM, Scripted(), kinesis=MemoryKinesis(), **options)


def test_a_crash_after_a_put_that_never_happens_fails_the_replay() -> None:
    with pytest.raises(BadReplay, match="crash_after_put=99: the handler put entries only once"):
        MemoryProjector().replay(STREAM, crash_after_put=99)


def test_the_replay_needs_either_a_handler_or_new_handler() -> None:
    with pytest.raises(BadReplay, match="either handler or new_handler"):
        replay(STREAM, kinesis=MemoryKinesis())
    with pytest.raises(BadReplay, match="either handler or new_handler"):
        replay(STREAM, Scripted(), new_handler=Scripted, kinesis=MemoryKinesis())


def test_a_handler_may_change_its_event_without_changing_the_stream() -> None:
    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        event["Records"][0]["dynamodb"].clear()
        if not seen:
            seen.append(1)
            raise OSError

    seen: list[int] = []
    before = [number_of(record) for record in STREAM.records]
    replay(STREAM, handler, kinesis=MemoryKinesis())
    assert [number_of(record) for record in STREAM.records] == before


def test_the_context_has_the_attributes_that_libraries_read() -> None:
    contexts: list[Any] = []
    replay(STREAM, lambda _, context: contexts.append(context), kinesis=MemoryKinesis(), batch_sizes=20)
    assert [context.aws_request_id for context in contexts] == ["invocation-1", "invocation-2"]
    assert contexts[0].get_remaining_time_in_millis() == 60_000
    assert contexts[0].invoked_function_arn.endswith(contexts[0].function_name)


def test_refuse_every_counts_on_in_the_next_call() -> None:
    calls = itertools.islice(refuse_every(3, entries_max=7), 4)
    assert [sorted(fault.refused) for fault in calls] == [[2, 5], [0, 3, 6], [1, 4], [2, 5]]
    with pytest.raises(ValueError, match="for ever"):
        next(refuse_every(1))


def test_random_faults_are_finite_and_reproducible_by_seed() -> None:
    assert list(random_faults(5, 20)) == list(random_faults(5, 20)) != list(random_faults(6, 20))
    assert len(list(random_faults(5, 20))) == 20
