"""Firehose's documented rules: buffers, batches, the function's contract, partitions, failures, and checkpoints."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.lake.delivery.records import SourceRecord
from local_stack.firehose.config import PARTITIONS_MAX
from local_stack.firehose.delivery import OPEN_RECORDS_MAX, Delivery, InvocationFailed
from tests.unit.firehose.given import CONFIG, NOW_S, World, function, record, transformed


def changed(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[bytes], bytes]:
    """The function, with its answer's records changed."""

    def answers(payload: bytes) -> bytes:
        records = [transformed(each) for each in json.loads(payload)["records"]]
        return json.dumps({"records": change(records)}).encode()

    return answers


def flushed(world: World, *numbers: int, extra: bytes | None = None) -> World:
    delivery = world.delivery()
    delivery.take([record(number) for number in numbers], NOW_S)
    if extra is not None:
        delivery.take([record(999, extra)], NOW_S)
    delivery.work(NOW_S, flush=True)
    assert delivery.is_empty()
    return world


def test_rows_are_written_by_partition() -> None:
    world = flushed(World(), 1, 11, 2)
    assert world.rows() == [1, 2, 11]
    assert sorted(key.split("lake")[0] for key in world.objects) == ["events/dt=day-1/", "events/dt=day-2/"]
    assert all(key.endswith(".parquet") and "lake-1-2026-09-21-" in key for key in world.objects)


def test_nothing_is_invoked_before_the_buffer_is_full_or_old() -> None:
    world = World()
    delivery = world.delivery()
    delivery.take([record(1)], NOW_S)
    delivery.work(NOW_S + CONFIG.transform_interval_s - 1)
    assert world.batches == []
    delivery.work(NOW_S + CONFIG.transform_interval_s)
    assert world.batches == [1]
    delivery.take([record(number, b"7" * 100) for number in range(25)], NOW_S + 70)
    delivery.work(NOW_S + 70)
    assert world.batches == [1, 10, 10], "data beyond the buffer's size is sent at once, in batches of that size"


def test_a_partition_is_written_when_it_is_full_or_old() -> None:
    world = World()
    delivery = world.delivery(replace(CONFIG, transform_interval_s=0, delivery_bytes=45))
    delivery.take([record(1)], NOW_S)
    delivery.work(NOW_S)
    assert world.rows() == []
    delivery.take([record(11), record(2)], NOW_S + 1)
    delivery.work(NOW_S + 1)
    assert world.rows() == [1, 11], "the full partition is written, the other one waits"
    delivery.work(NOW_S + CONFIG.delivery_interval_s)
    assert world.rows() == [1, 11]
    delivery.work(NOW_S + 1 + CONFIG.delivery_interval_s)
    assert world.rows() == [1, 2, 11]


def test_a_record_larger_than_the_buffer_is_sent_alone() -> None:
    world = World()
    delivery = world.delivery()
    delivery.take([record(1, b"1" * 1_500), record(2)], NOW_S)
    delivery.work(NOW_S, flush=True)
    assert world.batches == [1, 1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda records: records[1:], "Lambda.MissingRecordId"),
        (lambda records: [*records, records[0]], "Lambda.DuplicatedRecordId"),
        (lambda records: [{**records[0], "recordId": "foreign"}, *records[1:]], "Lambda.MissingRecordId"),
        (lambda records: [{**records[0], "result": "Maybe"}, *records[1:]], "Lambda.JsonProcessingException"),
        (lambda records: [{**records[0], "data": "§"}, *records[1:]], "Lambda.JsonProcessingException"),
        (
            lambda records: [{"recordId": records[0]["recordId"], "result": "Ok"}, *records[1:]],
            "Lambda.JsonProcessingException",
        ),
        (
            lambda records: [{**records[0], "metadata": {}}, *records[1:]],
            "DynamicPartitioning.MetadataExtractionFailed",
        ),
        (
            lambda records: [{**records[0], "metadata": {"partitionKeys": {"day": "x"}}}, *records[1:]],
            "DynamicPartitioning.MetadataExtractionFailed",
        ),
        (lambda records: [{**records[0], "result": "ProcessingFailed"}, *records[1:]], "Lambda.ProcessingFailedStatus"),
    ],
)
def test_a_record_that_breaks_the_contract_is_kept_as_a_failure(change: Any, code: str) -> None:  # noqa: ANN401 -- a lambda
    world = flushed(World(changed(change)), 1, 2, 3)
    [failure] = world.failures()
    assert failure["errorCode"] == code
    assert base64.b64decode(failure["rawData"]) == b"1"
    assert (failure["attemptsMade"], failure["arrivalTimestamp"], failure["lambdaArn"]) == (1, 2_000, "arn:function")
    assert world.rows() == [2, 3]
    assert world.batches == [3], "records that failed are not sent again"


def test_dropped_records_are_written_nowhere() -> None:
    world = flushed(World(changed(lambda records: [{**records[0], "result": "Dropped"}, *records[1:]])), 1, 2)
    assert world.rows() == [2]
    assert world.failures() == []


def test_a_checkpoint_passes_dropped_records() -> None:
    world = World(changed(lambda records: [{**each, "result": "Dropped"} for each in records]))
    delivery = world.delivery()
    delivery.take([record(1), record(2)], NOW_S)
    delivery.work(NOW_S, flush=True)
    assert delivery.checkpoints == {"s-0": "2"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _: b"x" * (6 * 2**20 + 1), "Lambda.FunctionError"),
        (lambda _: b"[" * 100_000, "Lambda.JsonProcessingException"),
        (lambda _: b"no json", "Lambda.JsonProcessingException"),
        (lambda _: b'{"records": 1}', "Lambda.JsonProcessingException"),
        (lambda _: b"[]", "Lambda.JsonProcessingException"),
    ],
)
def test_a_batch_with_only_invalid_answers_is_kept_as_failures(answer: Any, code: str) -> None:  # noqa: ANN401 -- a lambda
    world = flushed(World(answer), 1, 2)
    assert world.batches == [2] * 4, "three retries"
    assert [failure["errorCode"] for failure in world.failures()] == [code] * 2
    assert {failure["attemptsMade"] for failure in world.failures()} == {4}


def test_a_function_that_recovers_loses_nothing() -> None:
    problems = [InvocationFailed("Lambda.FunctionTimedOut", "too slow")] * 3

    def unreliable(payload: bytes) -> bytes:
        if problems:
            raise problems.pop()
        return function(payload)

    world = flushed(World(unreliable), 1, 2)
    assert world.rows() == [1, 2]
    assert world.failures() == []


def test_a_row_that_does_not_fit_the_table_is_kept_unchanged() -> None:
    def wrong(payload: bytes) -> bytes:
        records = [transformed(each) for each in json.loads(payload)["records"]]
        records[0]["data"] = base64.b64encode(b'{"n": 1, "money": "1.234"}').decode()
        return json.dumps({"records": records}).encode()

    world = flushed(World(wrong), 1, 11)
    [failure] = world.failures("format-conversion-failed")
    assert base64.b64decode(failure["rawData"]) == b'{"n": 1, "money": "1.234"}'
    assert "money" in failure["lastErrorMessage"]
    assert (failure["sequenceNumber"], failure["dataCatalogTable"]) == ("1", {"tableName": "t"})
    assert world.rows() == [11]


def test_a_record_with_several_objects_becomes_several_rows() -> None:
    two = base64.b64encode(b'{"n": 5, "money": "1.00"}\n{"n": 6}\n').decode()
    world = flushed(World(changed(lambda records: [{**records[0], "data": two}])), 1)
    assert world.rows() == [5, 6]


@pytest.mark.parametrize("data", [b"", b'{"n": ' * 100_000, b"[1]", b'{"n": 1}, {"n": 2}', b'{"n": "x"}', b"\xff"])
def test_data_that_is_not_a_row_fails_the_conversion(data: bytes) -> None:
    encoded = base64.b64encode(data).decode()
    world = flushed(World(changed(lambda records: [{**records[0], "data": encoded}])), 1)
    assert len(world.failures("format-conversion-failed")) == 1
    assert world.rows() == []


def test_the_number_of_active_partitions_is_limited_as_in_firehose() -> None:
    keys = changed(
        lambda records: [{**each, "metadata": {"partitionKeys": {"dt": each["recordId"]}}} for each in records]
    )
    world = flushed(World(keys), *range(PARTITIONS_MAX + 2))
    assert len(world.rows()) == PARTITIONS_MAX
    assert [failure["errorCode"] for failure in world.failures()] == [
        "DynamicPartitioning.ActivePartitionLimitExceeded"
    ] * 2


def test_a_checkpoint_follows_a_stream_that_never_pauses() -> None:
    world = World()
    delivery = world.delivery(replace(CONFIG, transform_interval_s=0, delivery_interval_s=10))
    for number in range(100):
        delivery.take([record(number)], NOW_S + number)
        delivery.work(NOW_S + number)
    assert int(delivery.checkpoints["s-0"]) >= 85
    assert set(range(int(delivery.checkpoints["s-0"]) + 1)) <= set(world.rows())


def test_reading_pauses_while_nothing_can_be_written() -> None:
    world = World(refuses=lambda: True)
    delivery = world.delivery()
    taken = 0
    while not delivery.is_full():
        delivery.take([record(taken)], NOW_S)
        taken += 1
    assert taken == OPEN_RECORDS_MAX
    with pytest.raises(ConnectionError):
        delivery.work(NOW_S, flush=True)
    assert delivery.is_full()


@given(
    st.lists(st.tuples(st.sampled_from(["s-0", "s-1"]), st.sampled_from(["row", "junk"])), max_size=60),
    st.lists(st.booleans(), max_size=40),
    st.lists(st.booleans(), max_size=30),
    st.integers(0, 60),
)
def test_no_failure_loses_a_record_or_moves_the_checkpoint_past_one(
    stream: list[tuple[str, str]], bucket: list[bool], invocations: list[bool], stops_at: int
) -> None:
    """A delivery stops, and a second one begins at its checkpoints. Every record ends up as a row or as a failure."""
    records = [
        record(number, None if kind == "row" else f"junk-{number}".encode(), shard_id)
        for number, (shard_id, kind) in enumerate(stream)
    ]

    def unreliable(payload: bytes) -> bytes:
        if invocations and invocations.pop():
            raise InvocationFailed("Lambda.FunctionError", "raised")
        return function(payload)

    world = World(unreliable, lambda: bool(bucket) and bucket.pop())
    first = world.delivery()
    for number, each in enumerate(records[: stops_at + 1]):
        first.take([each], NOW_S + number)
        work_until_written(first, NOW_S + number * 40, flush=number % 7 == 3)
    assert {number for number in range(len(records)) if is_before_checkpoint(records[number], first)} <= written(world)
    second = world.delivery()
    for number, each in enumerate(each for each in records if not is_before_checkpoint(each, first)):
        second.take([each], NOW_S + number)
        work_until_written(second, NOW_S + number * 40, flush=number % 7 == 3)
    work_until_written(second, NOW_S + 10_000, flush=True)
    assert second.is_empty()
    assert written(world) == set(range(len(records)))


def work_until_written(delivery: Delivery, now_s: float, *, flush: bool) -> None:
    """Let the delivery work, and repeat it while the bucket is unavailable."""
    for _ in range(50):
        try:
            delivery.work(now_s, flush=flush)
        except ConnectionError:
            continue
        return


def is_before_checkpoint(record_: SourceRecord, delivery: Delivery) -> bool:
    """Whether a delivery that begins at these checkpoints skips the record."""
    return int(record_.sequence_number) <= int(delivery.checkpoints.get(record_.shard_id, "-1"))


def written(world: World) -> set[int]:
    """The numbers of all records in the bucket, as rows or as failures."""
    failures = [base64.b64decode(failure["rawData"]).decode() for failure in world.failures()]
    return set(world.rows()) | {int(raw.removeprefix("junk-")) for raw in failures}
