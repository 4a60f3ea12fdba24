"""A replay that could not fail is none: what is ordered takes place, and what nobody ordered is not in it."""

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
from tests.unit.testing.streams import bank

STREAM = bank("ab", 12)
TYPES = [image["Type"]["S"] for image in STREAM.images()]
SNAPSHOT = TYPES.index("SNAPSHOT")


def nothing(*_: object) -> Any:  # noqa: ANN401 -- a handler's answer
    return DONE


def captured(stream: TableStream) -> TableStream:
    """The same records, of which nobody says that anything was done to them."""
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
def test_a_stream_with_nothing_to_publish_proves_nothing(stream: TableStream) -> None:
    with pytest.raises(BadReplay, match=rf"no event is expected: none of {len(stream.records)} records"):
        replay(stream, nothing, kinesis=MemoryKinesis())


def test_that_a_poison_stops_all_there_is_can_be_the_test() -> None:
    projector = MemoryProjector()
    projector.replay(bank("a", 3), poison={0: poison.unknown_type}).assert_delivered()
    assert list(projector.parking.parked) == ["a"]


@pytest.mark.parametrize("damage", POISONS)
def test_a_poison_that_nobody_ordered_is_told(damage: Any) -> None:  # noqa: ANN401 -- a Damage
    stream = captured(STREAM.poisoned(4, damage))
    with pytest.raises(BadReplay, match=r"^record 4 of \w+ is an unexpected poison: .*pass poisonous="):
        replay(stream, nothing, kinesis=MemoryKinesis())


def test_a_format_of_a_later_release_is_told() -> None:
    later = [{**image, "Format": {"N": "3"}} for image in STREAM.images()]
    with pytest.raises(BadReplay, match="record 0 of a is an unexpected poison"):
        replay(TableStream.of_images(later, KEY), nothing, kinesis=MemoryKinesis())


@pytest.mark.parametrize("name", ["Amount", "Balance", "Format", "Sequence", "Version"])
@pytest.mark.parametrize("number", ["1" * 5_000, float("inf"), None], ids=["long", "infinite", "null"])
def test_a_number_that_is_none_is_told_as_a_poison(name: str, number: Any) -> None:  # noqa: ANN401 -- JSON
    def spoil(record: StreamRecord) -> None:
        record["dynamodb"]["NewImage"][name] = {"N": number}

    with pytest.raises(BadReplay, match="record 4 of a is an unexpected poison"):
        replay(captured(STREAM.poisoned(4, spoil)), nothing, kinesis=MemoryKinesis())


def test_a_record_of_another_table_is_refused() -> None:
    change = STREAM.records[4]["dynamodb"] | {"Keys": {"AccountId": {"S": "a"}, "Version": {"S": "3"}}}
    other = renamed({**STREAM.records[4], "dynamodb": change}, "MODIFY")
    with pytest.raises(BadReplay, match="record 4 is not of the accounts' table: its Keys are not AccountId S"):
        replay([*STREAM.records[:4], other], nothing, kinesis=MemoryKinesis())
    for stream in (published(history("alma")), TableStream.of_images([{"Id": {"S": "1"}}], TableKey("Id"))):
        with pytest.raises(BadReplay, match="not a stream of the accounts' table"):
            replay(stream, nothing, kinesis=MemoryKinesis())  # type: ignore[arg-type]  # that is the test


def test_a_poison_of_the_table_s_own_is_taken_for_the_accounts_that_are_named() -> None:
    stream = captured(STREAM.poisoned(4, poison.unknown_type))
    done = MemoryProjector().replay(stream, poisonous=["a"])
    done.assert_delivered()
    assert done.sequences() == {"a": [1, 2], "b": [*range(1, 13)]}
    both = captured(stream.poisoned(5, poison.unknown_type))
    with pytest.raises(BadReplay, match="record 5 of b is an unexpected poison"):
        MemoryProjector().replay(both, poisonous=["a"])
    with pytest.raises(BadReplay, match="'b' has no poison in the stream"):
        MemoryProjector().replay(stream, poisonous=["a", "b"])


def test_a_single_account_is_not_its_letters() -> None:
    stream = captured(STREAM.poisoned(4, poison.unknown_type))
    with pytest.raises(BadReplay, match=r"poisonous: pass a collection of accounts, \['alma'\]"):
        MemoryProjector().replay(stream, poisonous="alma")


def test_a_poison_is_named_by_its_place_before_the_split() -> None:
    stream = captured(bank("abcdef", 6).poisoned(21, poison.unknown_type))
    assert stream.split(2).records[21] != stream.records[21]
    with pytest.raises(BadReplay, match="record 21 of d is an unexpected poison"):
        MemoryProjector().replay(stream, split_after=2)


def test_a_batch_of_which_the_filters_leave_nothing_does_not_come_twice() -> None:
    settings = Settings(filter_patterns=['{"dynamodb": {"NewImage": {"Type": {"S": ["CREATED"]}}}}'])
    replay(STREAM, nothing, kinesis=MemoryKinesis(), batch_sizes=2, duplicates=[1], settings=settings)
    with pytest.raises(BadReplay, match="duplicates: the filters leave nothing of batch 2"):
        replay(STREAM, nothing, kinesis=MemoryKinesis(), batch_sizes=2, duplicates=[1, 2], settings=settings)


def test_an_ordered_poison_is_known_through_splits_and_mixing() -> None:
    ordered = STREAM.poisoned(4, poison.unknown_type)
    for stream in (ordered, ordered.split(8), shuffled(ordered, seed=1)):
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
def test_a_damage_that_stops_nothing_is_no_poison(position: int, damage: Any) -> None:  # noqa: ANN401 -- a Damage
    with pytest.raises(BadReplay, match=rf"record {position} of a is no poison"):
        MemoryProjector().replay(STREAM, poison={position: damage})


def test_a_damage_leaves_a_record_its_number() -> None:
    answers: list[Any] = [{"dynamodb": {}}, {"dynamodb": {"SequenceNumber": "17"}}, 17]
    for answer in answers:
        with pytest.raises(BadReplay, match="record 4: a damage must leave its sequence number"):
            STREAM.poisoned(4, lambda _, answer=answer: answer)  # type: ignore[misc]


def test_a_poison_that_a_filter_leaves_out_is_none() -> None:
    filters = ['{"dynamodb": {"NewImage": {"Type": {"S": ["CREATED", "CREDIT", "WITHDRAW"]}}}}']
    with pytest.raises(BadReplay, match=r"sequence number \d+ never reached the handler: a filter"):
        MemoryProjector().replay(
            STREAM, poison={22: poison.unknown_type}, settings=Settings(filter_patterns=filters, discards_allowed=True)
        )


@pytest.mark.parametrize("puts", [0, -1, [0, 1]])
def test_puts_are_counted_from_one(puts: Any) -> None:  # noqa: ANN401 -- a number or some
    with pytest.raises(BadReplay, match=r"there is no put (0|-1) to crash after: they are counted from 1"):
        MemoryProjector().replay(STREAM, crash_after_put=puts)


def test_an_overlap_needs_a_second_batch_of_a_shard() -> None:
    with pytest.raises(BadReplay, match="no shard has a second batch"):
        MemoryProjector().replay(STREAM, overlap=5)
    with pytest.raises(BadReplay, match="no shard has a second batch"):
        MemoryProjector().replay(STREAM, overlap=5, split_after=6)
    MemoryProjector().replay(STREAM, overlap=5, split_after=6, batch_sizes=6).assert_delivered()


REFUSED_FIRST = Fault(refused=frozenset({0}))


def with_faults(faults: Any, **options: Any) -> None:  # noqa: ANN401 -- MemoryKinesis'
    """Twelve events of each of two accounts: 24 calls and one more for each that is refused."""
    kinesis = MemoryKinesis(faults, **options)
    replay(STREAM, one_by_one(kinesis), kinesis=kinesis).assert_delivered()


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([Fault()] * 30 + [Fault(lost=True)], "there was no call 31 for its Fault: 24 in all"),
        ([REFUSED_FIRST] + [Fault()] * 24 + [Fault(throttled=True)], "there was no call 26 for its Fault: 25 in all"),
        ([Fault(refused=frozenset({7}))], "call 1 had no entry 7 to refuse: 1 in all"),
        ((Fault(), Fault(refused=frozenset({0, 1}))), "call 2 had no entry 1 to refuse: 1 in all"),
        ([Fault(throttled=True, lost=True)], "call 1 is throttled, and nothing else"),
        ([Fault(refused=frozenset({-1}))], "call 1 had no entry -1 to refuse: 1 in all"),
    ],
)
def test_a_fault_of_a_list_that_never_happens_is_told(faults: Any, said: str) -> None:  # noqa: ANN401 -- a list or tuple
    with pytest.raises(BadReplay, match=said):
        with_faults(faults)


def test_what_goes_well_need_not_come_and_what_an_iterator_has_need_not_happen() -> None:
    with_faults([REFUSED_FIRST] + [Fault()] * 99)
    with_faults(iter([REFUSED_FIRST] * 20 + [Fault()] * 99 + [Fault(refused=frozenset({7}))]))
    with_faults(refuse_every(2))


def test_an_account_to_refuse_has_to_come() -> None:
    settings = Settings(discards_allowed=True, retries_max=0, bisects_on_error=False)
    kinesis = MemoryKinesis(refuse=["a", "nobody"])
    with pytest.raises(BadReplay, match="no entry of 'nobody' came to be refused"):
        replay(STREAM, one_by_one(kinesis), kinesis=kinesis, settings=settings)
    kinesis = MemoryKinesis(refuse=["a", "b"])
    replay(STREAM, one_by_one(kinesis), kinesis=kinesis, batch_sizes=1, settings=settings)


def test_a_death_that_the_kinesis_was_told_has_to_come() -> None:
    kinesis = MemoryKinesis()
    kinesis.dies_after.add(30)
    with pytest.raises(BadReplay, match="there was no put 30 to crash after: 24 in all"):
        replay(STREAM, one_by_one(kinesis), kinesis=kinesis)


def test_a_crash_that_never_came_does_not_wait_for_the_next_replay() -> None:
    projector = MemoryProjector()
    with pytest.raises(BadReplay, match="no put 2 to crash after: 1 in all"):
        projector.replay(STREAM, crash_after_put=2)
    again = projector.replay(STREAM, batch_sizes=5)
    again.assert_delivered()
    assert {one.error for one in again.deliveries} == {None}
