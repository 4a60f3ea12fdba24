"""Failures get back into the lake, whole, once as far as anybody sees, and whatever ends the work in the middle."""

import json
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from account_events.aggregation.packing import aggregate
from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from ops.lake.repair.redrive import DROPPED, Redriven
from tests.unit.consumer.given import encoded
from tests.unit.lake.redriven import (
    CONVERSION_KEY,
    EVENTS,
    FIRST_DAY,
    KEY,
    LATER,
    Function,
    Killed,
    MemoryBucket,
    document,
    ids,
    in_errors,
    in_lake,
    lines,
    redrive,
    work_on,
)


def test_records_reach_their_partitions_and_the_object_moves() -> None:
    body = lines(document(EVENTS[0]), document(EVENTS[1]))
    bucket = MemoryBucket(**{KEY: body})
    assert redrive(bucket, Function()) == [Redriven(KEY, 2, 2)]
    assert in_lake(bucket) == ids(1, 2)
    assert bucket.objects[f"redriven/{KEY}"] == body
    assert KEY not in bucket.objects
    [created] = [key for key in bucket.objects if "event_type=AccountCreated" in key]
    assert created.startswith("events/dt=2026-01-31/event_type=AccountCreated/redriven-")
    [row] = pq.read_table(BytesIO(bucket.objects[created])).to_pylist()
    assert row["published_at"].isoformat() == "2026-07-25T17:20:00"


def test_an_aggregate_of_several_partitions_is_unpacked() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", EVENTS)))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(KEY, 1, 6)]
    assert function.batches == [6]
    assert in_lake(bucket) == ids(1, 2, 3, 4, 5, 6)


def test_only_records_that_still_fail_stay_with_their_reason() -> None:
    bad = document(LATER, errorMessage="kept")
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[0]), bad, document(EVENTS[1]))})
    [found] = redrive(bucket, Function())
    assert (found.documents, found.rows) == (3, 2)
    [failing] = found.failing
    assert failing.line == 2
    assert "schema" in failing.reason
    assert bucket.objects[KEY] == lines(bad)
    assert in_errors(bucket, "redriven/") == {EVENTS[0], EVENTS[1]}


def test_only_the_failing_events_of_an_aggregate_stay() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]]), errorCode="x"))})
    [found] = redrive(bucket, Function())
    assert (found.rows, len(found.failing)) == (2, 1)
    assert in_errors(bucket) == {LATER}
    [line] = bucket.objects[KEY].splitlines()
    assert json.loads(line)["errorCode"] == "x"


def test_a_second_redrive_does_not_overwrite_the_first() -> None:
    """Both are of one object and of one partition."""
    function = Function()
    function.refuses = lambda data: data == EVENTS[3]
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[1]), document(EVENTS[3]))})
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2)
    function.refuses = lambda _data: False
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2, 4)
    assert in_errors(bucket, "redriven/") == {EVENTS[1], EVENTS[3]}
    assert not in_errors(bucket)


def test_a_failure_that_firehose_kept_twice_makes_one_file() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[1])), f"{KEY}-2": lines(document(EVENTS[1]))})
    assert [found.rows for found in redrive(bucket, Function())] == [1, 1]
    assert in_lake(bucket) == ids(2)
    assert in_errors(bucket) == set()


def test_a_transformed_row_finds_its_partition() -> None:
    row = Rows(Decoder(), FIRST_DAY).row(EVENTS[1], None)
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(document(row.line.encode() * 2, lastErrorCode="x"))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(CONVERSION_KEY, 1, 2)]
    assert not function.batches
    [key] = [key for key in bucket.objects if key.startswith("events/")]
    assert key.startswith(f"events/dt={row.dt}/event_type={row.event_type}/")
    assert in_lake(bucket) == ids(2, 2)


def test_foreign_json_from_the_stream_is_not_a_row() -> None:
    row = Rows(Decoder(), FIRST_DAY).row(EVENTS[1], None).line.encode()
    forged = document(row, errorCode="Lambda.ProcessingFailedStatus")
    bucket = MemoryBucket(**{KEY: lines(forged, document(b"{no JSON", errorCode="Lambda.FunctionError"))})
    function = Function()
    [found] = redrive(bucket, function)
    assert [each.line for each in found.failing] == [1, 2]
    assert function.batches == [2]
    assert not in_lake(bucket)


def test_an_object_without_a_success_is_unchanged() -> None:
    body = lines(document(LATER), b"odd")
    bucket = MemoryBucket(**{KEY: body})
    redrive(bucket, Function())
    assert bucket.objects == {KEY: body}


def test_reasons_are_not_redriven() -> None:
    bucket = MemoryBucket(**{"errors/reasons/dt=2026-08-01/1.jsonl": b"{}\n"})
    assert redrive(bucket, Function()) == []


def test_a_record_that_the_function_drops_is_not_dropped_here() -> None:
    function = Function()
    function.answers = lambda answer: {"records": [{**answer["records"][0], "result": "Dropped"}]}
    body = lines(document(EVENTS[0]))
    bucket = MemoryBucket(**{KEY: body})
    [found] = redrive(bucket, function)
    assert [each.reason for each in found.failing] == [DROPPED]
    assert bucket.objects == {KEY: body}


def test_an_unknown_partition_is_not_written() -> None:
    function = Function()
    function.answers = lambda answer: {
        "records": [{**answer["records"][0], "metadata": {"partitionKeys": {"dt": "../../x", "event_type": "x"}}}]
    }
    bucket = MemoryBucket(**{KEY: lines(document(EVENTS[0]))})
    [found] = redrive(bucket, function)
    assert len(found.failing) == 1
    assert list(bucket.objects) == [KEY]


def test_batches_stay_small() -> None:
    events = encoded("a-1", 2_500)
    bucket = MemoryBucket(**{KEY: lines(*map(document, events))})
    function = Function()
    [found] = redrive(bucket, function)
    assert found.rows == 2_500
    assert max(function.batches) <= 1_000
    assert sum(function.batches) == 2_500


def test_a_dry_run_changes_nothing() -> None:
    bucket = MemoryBucket(**{KEY: lines(document(aggregate("1", "1", EVENTS)), b"odd")})
    before, function = dict(bucket.objects), Function()
    [found] = work_on(bucket, function).preview()
    assert (found.documents, found.rows, [each.line for each in found.failing]) == (2, 6, [2])
    assert bucket.objects == before
    assert not function.batches


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("calls", range(12))
def test_a_redrive_killed_anywhere_loses_nothing(calls: int, *, before: bool) -> None:
    """An event is at every moment where it failed, or in the lake; and when all is done, in one file each."""
    wanted = {EVENTS[0]: "a-1:1", EVENTS[1]: "a-1:2", EVENTS[2]: "a-1:3", EVENTS[3]: "a-1:4"}
    bucket = MemoryBucket(
        **{
            KEY: lines(document(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]])), b"odd"),
            f"{KEY}-2": lines(document(EVENTS[2]), document(EVENTS[3])),
        }
    )

    def look() -> None:
        there, failed = set(in_lake(bucket)), in_errors(bucket)
        assert all(event_id in there or data in failed for data, event_id in wanted.items())
        assert LATER in failed
        assert any(b"odd\n" in body for body in bucket.objects.values())

    bucket.on_change, bucket.calls_left, bucket.before = look, calls, before
    function = Function()
    try:
        redrive(bucket, function)
    except Killed:
        look()
    else:
        assert calls >= 9, "it was to be killed"
    bucket.calls_left = float("inf")
    redrive(bucket, function)
    assert in_lake(bucket) == sorted(wanted.values())
    assert in_errors(bucket) == {LATER}
