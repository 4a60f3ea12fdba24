"""A redrive puts every failed event into the lake once, even if it is killed and repeated."""

import json
from dataclasses import replace
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from account_events.aggregation.packing import aggregate
from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from ops.lake.repair.redrive import DROPPED, Redriven
from tests.unit.consumer.given import encoded
from tests.unit.lake.redrive_given import (
    CONVERSION_KEY,
    EVENTS,
    FIRST_DAY,
    KEY,
    LATER,
    Function,
    Killed,
    MemoryBucket,
    failed_record,
    ids,
    in_errors,
    in_lake,
    lines,
    redrive,
    redrive_of,
)


def test_events_get_into_their_partitions_and_the_object_is_moved() -> None:
    body = lines(failed_record(EVENTS[0]), failed_record(EVENTS[1]))
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
    bucket = MemoryBucket(**{KEY: lines(failed_record(aggregate("1", "1", EVENTS)))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(KEY, 1, 6)]
    assert function.batches == [6]
    assert in_lake(bucket) == ids(1, 2, 3, 4, 5, 6)


def test_days_are_reopened_before_events_are_put_into_them() -> None:
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[0]), failed_record(EVENTS[1]))})
    reopened: list[tuple[set[str], list[str]]] = []
    work = replace(redrive_of(bucket, Function()), reopen=lambda days: reopened.append((set(days), in_lake(bucket))))
    list(work.run())
    assert reopened == [({"2026-01-31"}, [])]
    assert in_lake(bucket) == ids(1, 2)


def test_only_records_that_still_fail_stay_with_their_reason() -> None:
    bad = failed_record(LATER, errorMessage="kept")
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[0]), bad, failed_record(EVENTS[1]))})
    [found] = redrive(bucket, Function())
    assert (found.documents, found.rows) == (3, 2)
    [failing] = found.failing
    assert failing.line == 2
    assert "schema" in failing.reason
    assert bucket.objects[KEY] == lines(bad)
    assert in_errors(bucket, "redriven/") == {EVENTS[0], EVENTS[1]}


def test_only_the_failing_events_of_an_aggregate_stay() -> None:
    bucket = MemoryBucket(
        **{KEY: lines(failed_record(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]]), errorCode="x"))}
    )
    [found] = redrive(bucket, Function())
    assert (found.rows, len(found.failing)) == (2, 1)
    assert in_errors(bucket) == {LATER}
    [line] = bucket.objects[KEY].splitlines()
    assert json.loads(line)["errorCode"] == "x"


def test_a_second_redrive_does_not_overwrite_the_first() -> None:
    """Both redrives write events of the same object and the same partition."""
    function = Function()
    function.refuses = lambda data: data == EVENTS[3]
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[1]), failed_record(EVENTS[3]))})
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2)
    function.refuses = lambda _data: False
    redrive(bucket, function)
    assert in_lake(bucket) == ids(2, 4)
    assert in_errors(bucket, "redriven/") == {EVENTS[1], EVENTS[3]}
    assert not in_errors(bucket)


def test_a_failure_that_firehose_wrote_twice_makes_one_file() -> None:
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[1])), f"{KEY}-2": lines(failed_record(EVENTS[1]))})
    assert [found.rows for found in redrive(bucket, Function())] == [1, 1]
    assert in_lake(bucket) == ids(2)
    assert in_errors(bucket) == set()


def test_a_row_that_failed_conversion_gets_into_its_partition() -> None:
    row = Rows(Decoder(), FIRST_DAY).row(EVENTS[1], None)
    bucket = MemoryBucket(**{CONVERSION_KEY: lines(failed_record(row.line.encode() * 2, lastErrorCode="x"))})
    function = Function()
    assert redrive(bucket, function) == [Redriven(CONVERSION_KEY, 1, 2)]
    assert not function.batches
    [key] = [key for key in bucket.objects if key.startswith("events/")]
    assert key.startswith(f"events/dt={row.dt}/event_type={row.event_type}/")
    assert in_lake(bucket) == ids(2, 2)


def test_foreign_json_from_the_stream_is_not_a_row() -> None:
    row = Rows(Decoder(), FIRST_DAY).row(EVENTS[1], None).line.encode()
    forged = failed_record(row, errorCode="Lambda.ProcessingFailedStatus")
    bucket = MemoryBucket(**{KEY: lines(forged, failed_record(b"{no JSON", errorCode="Lambda.FunctionError"))})
    function = Function()
    [found] = redrive(bucket, function)
    assert [each.line for each in found.failing] == [1, 2]
    assert function.batches == [2]
    assert not in_lake(bucket)


def test_an_object_whose_records_all_fail_again_is_unchanged() -> None:
    body = lines(failed_record(LATER), b"odd")
    bucket = MemoryBucket(**{KEY: body})
    redrive(bucket, Function())
    assert bucket.objects == {KEY: body}


def test_files_with_reasons_are_not_redriven() -> None:
    bucket = MemoryBucket(**{"errors/reasons/dt=2026-08-01/1.jsonl": b"{}\n"})
    assert redrive(bucket, Function()) == []


def test_a_record_that_the_function_drops_stays_and_is_reported() -> None:
    function = Function()
    function.answers = lambda answer: {"records": [{**answer["records"][0], "result": "Dropped"}]}
    body = lines(failed_record(EVENTS[0]))
    bucket = MemoryBucket(**{KEY: body})
    [found] = redrive(bucket, function)
    assert [each.reason for each in found.failing] == [DROPPED]
    assert bucket.objects == {KEY: body}


def test_an_unknown_partition_is_not_written() -> None:
    function = Function()
    function.answers = lambda answer: {
        "records": [{**answer["records"][0], "metadata": {"partitionKeys": {"dt": "../../x", "event_type": "x"}}}]
    }
    bucket = MemoryBucket(**{KEY: lines(failed_record(EVENTS[0]))})
    [found] = redrive(bucket, function)
    assert len(found.failing) == 1
    assert list(bucket.objects) == [KEY]


def test_a_batch_has_at_most_a_thousand_records() -> None:
    events = encoded("a-1", 2_500)
    bucket = MemoryBucket(**{KEY: lines(*map(failed_record, events))})
    function = Function()
    [found] = redrive(bucket, function)
    assert found.rows == 2_500
    assert max(function.batches) <= 1_000
    assert sum(function.batches) == 2_500


def test_a_dry_run_changes_nothing() -> None:
    bucket = MemoryBucket(**{KEY: lines(failed_record(aggregate("1", "1", EVENTS)), b"odd")})
    before, function = dict(bucket.objects), Function()
    [found] = redrive_of(bucket, function).preview()
    assert (found.documents, found.rows, [each.line for each in found.failing]) == (2, 6, [2])
    assert bucket.objects == before
    assert not function.batches


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("calls", range(12))
def test_a_redrive_killed_at_any_call_loses_nothing(calls: int, *, before: bool) -> None:
    """At every moment, each event is among the failures or in the lake. Finally, each is in the lake once."""
    expected = {EVENTS[0]: "a-1:1", EVENTS[1]: "a-1:2", EVENTS[2]: "a-1:3", EVENTS[3]: "a-1:4"}
    bucket = MemoryBucket(
        **{
            KEY: lines(failed_record(aggregate("1", "1", [EVENTS[0], LATER, EVENTS[1]])), b"odd"),
            f"{KEY}-2": lines(failed_record(EVENTS[2]), failed_record(EVENTS[3])),
        }
    )

    def check() -> None:
        there, failed = set(in_lake(bucket)), in_errors(bucket)
        assert all(event_id in there or data in failed for data, event_id in expected.items())
        assert LATER in failed
        assert any(b"odd\n" in body for body in bucket.objects.values())

    bucket.on_change, bucket.calls_left, bucket.before = check, calls, before
    function = Function()
    try:
        redrive(bucket, function)
    except Killed:
        check()
    else:
        assert calls >= 9, "the redrive was not killed"
    bucket.calls_left = float("inf")
    redrive(bucket, function)
    assert in_lake(bucket) == sorted(expected.values())
    assert in_errors(bucket) == {LATER}
