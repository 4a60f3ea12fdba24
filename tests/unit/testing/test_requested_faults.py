"""A replay is refused if a requested fault cannot take place, or if its stream has a poison nobody requested."""

from typing import Any

import pytest

from account_events.testing import (
    BadReplay,
    Fault,
    MemoryKinesis,
    Settings,
    TableKey,
    TableStream,
    history,
    published,
    refuse_every,
    shuffled,
)
from account_events.testing.records import StreamRecord
from tests.support import poison
from tests.support.memory_projector import MemoryProjector
from tests.support.poison import POISONS
from tests.support.replay import replay
from tests.support.rows import KEY
from tests.unit.testing.handlers import DONE, one_by_one
from tests.unit.testing.streams import table_stream

STREAM = table_stream("ab", 12)
TYPES = [image["Type"]["S"] for image in STREAM.images()]
SNAPSHOT = TYPES.index("SNAPSHOT")


def acknowledge(*_: object) -> Any:  # noqa: ANN401 -- a handler's answer
    return DONE


def captured(stream: TableStream) -> TableStream:
    """The same records, without the note of which ones were damaged."""
    return TableStream.of(stream.records, KEY)


def renamed(record: StreamRecord, name: str) -> StreamRecord:
    return {**record, "eventName": name}


@pytest.mark.parametrize(
    "stream",
    [
        TableStream.of([]),
        TableStream.of(renamed(record, "MODIFY") for record in STREAM.records),
        TableStream.of(STREAM.records[SNAPSHOT : SNAPSHOT + 1]),
    ],
    ids=["empty", "rows changed", "a snapshot"],
)
def test_a_stream_with_nothing_to_publish_is_refused(stream: TableStream) -> None:
    with pytest.raises(BadReplay, match=rf"no event is expected: none of {len(stream.records)} records"):
        replay(stream, acknowledge, kinesis=MemoryKinesis())


def test_a_poison_may_stop_every_event_of_the_stream() -> None:
    projector = MemoryProjector()
    projector.replay(table_stream("a", 3), poison={0: poison.unknown_type}).assert_delivered()
    assert list(projector.parking.parked) == ["a"]


@pytest.mark.parametrize("damage", POISONS)
def test_a_poison_that_nobody_requested_is_refused(damage: Any) -> None:  # noqa: ANN401 -- a Damage
    stream = captured(STREAM.poisoned(4, damage))
    with pytest.raises(BadReplay, match=r"^record 4 of \w+ is an unexpected poison: .*pass poisonous="):
        replay(stream, acknowledge, kinesis=MemoryKinesis())


def test_a_row_format_of_a_later_release_is_refused() -> None:
    later = [{**image, "Format": {"N": "4"}} for image in STREAM.images()]
    with pytest.raises(BadReplay, match="record 0 of a is an unexpected poison"):
        replay(TableStream.of_images(later, KEY), acknowledge, kinesis=MemoryKinesis())


@pytest.mark.parametrize("name", ["Amount", "Balance", "Format", "Sequence", "Version"])
@pytest.mark.parametrize("number", ["1" * 5_000, float("inf"), None], ids=["long", "infinite", "null"])
def test_a_row_with_an_invalid_number_is_refused_as_a_poison(name: str, number: Any) -> None:  # noqa: ANN401 -- JSON
    def spoil(record: StreamRecord) -> None:
        record["dynamodb"]["NewImage"][name] = {"N": number}

    with pytest.raises(BadReplay, match="record 4 of a is an unexpected poison"):
        replay(captured(STREAM.poisoned(4, spoil)), acknowledge, kinesis=MemoryKinesis())


def test_a_record_of_another_table_is_refused() -> None:
    change = STREAM.records[4]["dynamodb"] | {"Keys": {"AccountId": {"S": "a"}, "Version": {"S": "3"}}}
    other = renamed({**STREAM.records[4], "dynamodb": change}, "MODIFY")
    with pytest.raises(BadReplay, match="record 4 is not of the accounts' table: its Keys are not AccountId S"):
        replay([*STREAM.records[:4], other], acknowledge, kinesis=MemoryKinesis())
    for stream in (published(history("alma")), TableStream.of_images([{"Id": {"S": "1"}}], TableKey("Id"))):
        with pytest.raises(BadReplay, match="not a stream of the accounts' table"):
            replay(stream, acknowledge, kinesis=MemoryKinesis())  # type: ignore[arg-type]  # that is the test


def test_a_recorded_poison_is_accepted_if_its_account_is_named() -> None:
    stream = captured(STREAM.poisoned(4, poison.unknown_type))
    done = MemoryProjector().replay(stream, poisonous=["a"])
    done.assert_delivered()
    assert done.sequences() == {"a": [1, 2], "b": [*range(1, 13)]}
    both = captured(stream.poisoned(5, poison.unknown_type))
    with pytest.raises(BadReplay, match="record 5 of b is an unexpected poison"):
        MemoryProjector().replay(both, poisonous=["a"])
    with pytest.raises(BadReplay, match="'b' has no poison in the stream"):
        MemoryProjector().replay(stream, poisonous=["a", "b"])


def test_a_text_is_refused_where_account_ids_are_expected() -> None:
    stream = captured(STREAM.poisoned(4, poison.unknown_type))
    with pytest.raises(BadReplay, match=r"poisonous: pass a collection of accounts, \['alma'\]"):
        MemoryProjector().replay(stream, poisonous="alma")


def test_a_poison_is_named_by_its_position_before_the_split() -> None:
    stream = captured(table_stream("abcdef", 6).poisoned(21, poison.unknown_type))
    assert stream.split(2).records[21] != stream.records[21]
    with pytest.raises(BadReplay, match="record 21 of d is an unexpected poison"):
        MemoryProjector().replay(stream, split_after=2)


def test_a_batch_that_is_filtered_out_cannot_be_duplicated() -> None:
    settings = Settings(filter_patterns=['{"dynamodb": {"NewImage": {"Type": {"S": ["CREATED"]}}}}'])
    replay(STREAM, acknowledge, kinesis=MemoryKinesis(), batch_sizes=2, duplicates=[1], settings=settings)
    with pytest.raises(BadReplay, match="duplicates: the filters accept no record of batch 2"):
        replay(STREAM, acknowledge, kinesis=MemoryKinesis(), batch_sizes=2, duplicates=[1, 2], settings=settings)


def test_a_requested_poison_is_recognised_after_split_and_shuffle() -> None:
    requested = STREAM.poisoned(4, poison.unknown_type)
    for stream in (requested, requested.split(8), shuffled(requested, seed=1)):
        MemoryProjector().replay(stream, batch_sizes=5).assert_delivered()


@pytest.mark.parametrize(
    ("position", "damage"),
    [
        (SNAPSHOT, poison.negative_balance),
        (SNAPSHOT, poison.no_format),
        (4, lambda record: renamed(record, "MODIFY")),
        (4, lambda record: record["dynamodb"].update(SizeBytes=17)),
    ],
)
def test_damage_that_stops_no_event_is_refused(position: int, damage: Any) -> None:  # noqa: ANN401 -- a Damage
    with pytest.raises(BadReplay, match=rf"record {position} of a is no poison"):
        MemoryProjector().replay(STREAM, poison={position: damage})


def test_damage_must_keep_the_sequence_number() -> None:
    answers: list[Any] = [{"dynamodb": {}}, {"dynamodb": {"SequenceNumber": "17"}}, 17]
    for answer in answers:
        with pytest.raises(BadReplay, match="record 4: the damage function must not change its sequence number"):
            STREAM.poisoned(4, lambda _, answer=answer: answer)  # type: ignore[misc]


def test_a_poison_that_a_filter_leaves_out_is_refused() -> None:
    filters = ['{"dynamodb": {"NewImage": {"Type": {"S": ["CREATED", "CREDIT", "WITHDRAW"]}}}}']
    with pytest.raises(BadReplay, match=r"sequence number \d+ never reached the handler: a filter"):
        MemoryProjector().replay(
            STREAM, poison={22: poison.unknown_type}, settings=Settings(filter_patterns=filters, discards_allowed=True)
        )


@pytest.mark.parametrize("puts", [0, -1, [0, 1]])
def test_puts_are_counted_from_one(puts: Any) -> None:  # noqa: ANN401 -- a number or some
    with pytest.raises(BadReplay, match=r"there is no put (0|-1) to crash after: puts are counted from 1"):
        MemoryProjector().replay(STREAM, crash_after_put=puts)


def test_an_overlap_needs_a_second_batch_of_a_shard() -> None:
    with pytest.raises(BadReplay, match="no shard has a second batch"):
        MemoryProjector().replay(STREAM, overlap=5)
    with pytest.raises(BadReplay, match="no shard has a second batch"):
        MemoryProjector().replay(STREAM, overlap=5, split_after=6)
    MemoryProjector().replay(STREAM, overlap=5, split_after=6, batch_sizes=6).assert_delivered()


REFUSED_FIRST = Fault(refused=frozenset({0}))


def with_faults(faults: Any, **options: Any) -> None:  # noqa: ANN401 -- MemoryKinesis'
    """Replay twelve events of each of two accounts: 24 calls, and one more for each refusal."""
    kinesis = MemoryKinesis(faults, **options)
    replay(STREAM, one_by_one(kinesis), kinesis=kinesis).assert_delivered()


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([Fault()] * 30 + [Fault(lost=True)], "no call 31 for its Fault: the number of calls was 24"),
        ([REFUSED_FIRST] + [Fault()] * 24 + [Fault(throttled=True)], "no call 26 for its Fault: .* was 25"),
        ([Fault(refused=frozenset({7}))], "call 1 had no entry 7 to refuse: it had 1"),
        ((Fault(), Fault(refused=frozenset({0, 1}))), "call 2 had no entry 1 to refuse: it had 1"),
        ([Fault(throttled=True, lost=True)], "call 1 is throttled, so the rest of its Fault did not happen"),
        ([Fault(refused=frozenset({-1}))], "call 1 had no entry -1 to refuse: it had 1"),
    ],
)
def test_a_listed_fault_that_never_happens_is_refused(faults: Any, message: str) -> None:  # noqa: ANN401 -- a list or tuple
    with pytest.raises(BadReplay, match=message):
        with_faults(faults)


def test_successes_and_an_iterators_faults_need_not_happen() -> None:
    with_faults([REFUSED_FIRST] + [Fault()] * 99)
    with_faults(iter([REFUSED_FIRST] * 20 + [Fault()] * 99 + [Fault(refused=frozenset({7}))]))
    with_faults(refuse_every(2))


def test_an_account_to_refuse_must_be_on_the_stream() -> None:
    settings = Settings(discards_allowed=True, retries_max=0, bisects_on_error=False)
    kinesis = MemoryKinesis(refuse=["a", "nobody"])
    with pytest.raises(BadReplay, match="there was no entry of 'nobody' to refuse"):
        replay(STREAM, one_by_one(kinesis), kinesis=kinesis, settings=settings)
    kinesis = MemoryKinesis(refuse=["a", "b"])
    replay(STREAM, one_by_one(kinesis), kinesis=kinesis, batch_sizes=1, settings=settings)


def test_a_crash_requested_of_memory_kinesis_must_happen() -> None:
    kinesis = MemoryKinesis()
    kinesis.dies_after.add(30)
    with pytest.raises(BadReplay, match="there was no put 30 to crash after: the number of puts was 24"):
        replay(STREAM, one_by_one(kinesis), kinesis=kinesis)


def test_a_crash_that_did_not_happen_does_not_affect_the_next_replay() -> None:
    projector = MemoryProjector()
    with pytest.raises(BadReplay, match="crash_after_put=2: the handler put entries only once"):
        projector.replay(STREAM, crash_after_put=2)
    again = projector.replay(STREAM, batch_sizes=5)
    again.assert_delivered()
    assert {one.error for one in again.deliveries} == {None}
