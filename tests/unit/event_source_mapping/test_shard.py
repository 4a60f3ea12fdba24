"""Batching, checkpoints and order of one shard."""

import pytest

from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import ENVELOPE_BYTES, PAYLOAD_BYTES_MAX, encoded, lambda_event
from account_events.lambda_mapping.shard import Idle, Invoke, ShardState, Wait
from tests.unit.event_source_mapping.given import (
    NOW_S,
    config,
    drive,
    failing,
    in_order,
    numbers_of,
    ok,
    record,
    records,
    reporting,
    shard_with,
)

SNAPSHOTS_OUT = '{"dynamodb": {"NewImage": {"Type": {"S": [{"anything-but": ["SNAPSHOT"]}]}}}}'


def test_without_a_window_any_number_of_records_is_a_batch() -> None:
    assert numbers_of(shard_with([1, 2]).next_action(NOW_S)) == [1, 2]


def test_a_shard_without_records_is_idle() -> None:
    assert shard_with([]).next_action(NOW_S) == Idle()


def test_a_batch_has_at_most_the_batch_size() -> None:
    assert drive(shard_with(range(1, 8), {"batch_size": 3}), ok).deliveries == [[1, 2, 3], [4, 5, 6], [7]]


def test_the_window_starts_with_the_first_record_and_later_ones_join() -> None:
    shard = shard_with([1], {"batching_window_s": 5.0})
    assert shard.next_action(NOW_S) == Wait(NOW_S + 5)
    shard.feed(records([2]), NOW_S + 4)
    assert shard.next_action(NOW_S + 4.9) == Wait(NOW_S + 5)
    assert numbers_of(shard.next_action(NOW_S + 5)) == [1, 2]


def test_a_full_batch_does_not_wait_for_the_window() -> None:
    shard = shard_with([1, 2, 3], {"batching_window_s": 5.0, "batch_size": 2})
    assert numbers_of(shard.next_action(NOW_S)) == [1, 2]
    shard.invoked(Invoked(), NOW_S + 1)
    assert shard.next_action(NOW_S + 1) == Wait(NOW_S + 5)


def test_a_full_payload_does_not_wait_for_the_window() -> None:
    each = record(1, padding=300_000).size_bytes
    fitting = (PAYLOAD_BYTES_MAX - ENVELOPE_BYTES) // (each + 1)
    shard = ShardState(config(batching_window_s=5.0, batch_size=1000))
    shard.feed([record(number, padding=300_000) for number in range(1, fitting + 1)], NOW_S)
    assert shard.next_action(NOW_S) == Wait(NOW_S + 5)
    shard.feed([record(fitting + 1, padding=300_000)], NOW_S)
    action = shard.next_action(NOW_S)
    assert isinstance(action, Invoke)
    assert len(action.records) == fitting
    assert PAYLOAD_BYTES_MAX - 2 * each < len(encoded(lambda_event(action.records))) <= PAYLOAD_BYTES_MAX


def test_the_counted_size_is_the_size_sent() -> None:
    some = records([1, 2, 3])
    assert ENVELOPE_BYTES + sum(one.size_bytes for one in some) + 2 == len(encoded(lambda_event(some)))


def test_the_checkpoint_follows_success() -> None:
    shard = shard_with([1, 2, 3], {"batch_size": 2})
    shard.next_action(NOW_S)
    assert (shard.checkpoint, shard.buffered) == (None, 3)
    shard.invoked(Invoked(), NOW_S)
    assert (shard.checkpoint, shard.buffered) == ("2", 1)


def test_a_shard_has_one_invocation_at_a_time() -> None:
    shard = shard_with([1, 2], {"batch_size": 1})
    assert isinstance(shard.next_action(NOW_S), Invoke)
    assert shard.next_action(NOW_S) == Idle()


def test_a_result_without_its_action_is_a_programming_error() -> None:
    shard = shard_with([1])
    with pytest.raises(RuntimeError, match="no invocation"):
        shard.invoked(Invoked(), NOW_S)
    with pytest.raises(RuntimeError, match="no discard"):
        shard.discarded()


def test_records_read_again_or_before_the_checkpoint_are_ignored() -> None:
    shard = shard_with([9, 10])
    shard.feed(records([9, 10, 11]), NOW_S)
    assert drive(shard, ok).deliveries == [[9, 10, 11]]
    resumed = ShardState(config(), checkpoint="10")
    resumed.feed(records([9, 10, 11]), NOW_S)
    assert drive(resumed, ok).deliveries == [[11]]


def test_filtered_records_are_not_delivered_but_move_the_checkpoint() -> None:
    shard = ShardState(config(patterns=[SNAPSHOTS_OUT], batch_size=2))
    shard.feed([record(1, kind="SNAPSHOT")], NOW_S)
    assert (shard.checkpoint, shard.next_action(NOW_S)) == ("1", Idle())
    shard.feed([record(2), record(3, kind="SNAPSHOT"), record(4), record(5, kind="SNAPSHOT")], NOW_S)
    assert shard.checkpoint == "1"
    assert numbers_of(shard.next_action(NOW_S)) == [2, 4]
    shard.feed([record(6, kind="SNAPSHOT")], NOW_S)
    shard.invoked(failing(), NOW_S)
    assert shard.checkpoint == "1"
    assert drive(shard, ok).deliveries == [[2, 4]]
    assert (shard.checkpoint, shard.counts.filtered, shard.counts.delivered) == ("6", 4, 2)


def test_a_partial_response_moves_the_checkpoint_past_filtered_records() -> None:
    shard = ShardState(config(patterns=[SNAPSHOTS_OUT], reports_item_failures=True))
    shard.feed([record(1), record(2, kind="SNAPSHOT"), record(3)], NOW_S)
    shard.next_action(NOW_S)
    shard.invoked(reporting("3"), NOW_S)
    assert shard.checkpoint == "2"


def test_records_from_the_lowest_reported_number_on_are_redelivered() -> None:
    shard = shard_with(range(8, 13), {"reports_item_failures": True})
    assert numbers_of(shard.next_action(NOW_S)) == [8, 9, 10, 11, 12]
    shard.invoked(reporting("12", "9"), NOW_S)
    assert (shard.checkpoint, shard.counts.delivered) == ("8", 1)
    assert drive(shard, ok).deliveries == [[9, 10, 11, 12]]


def test_later_records_wait_while_the_shard_retries() -> None:
    shard = shard_with([1, 2], {"batch_size": 2})
    shard.next_action(NOW_S)
    shard.invoked(failing(), NOW_S)
    shard.feed(records([3, 4, 5]), NOW_S)
    assert shard.next_action(NOW_S) == Wait(NOW_S + 0.2)
    assert drive(shard, ok).deliveries == [[1, 2], [3, 4], [5]]


def test_backoff_doubles_with_each_failure_and_restarts_after_success() -> None:
    shard = shard_with([1, 2], {"batch_size": 1})
    now_s = NOW_S
    waits = []
    for outcome in (failing(), failing(), NotInvoked("TooManyRequestsException"), Invoked(), failing()):
        assert isinstance(shard.next_action(now_s), Invoke)
        shard.invoked(outcome, now_s)
        if isinstance(action := shard.next_action(now_s), Wait):
            waits.append(round(action.until_s - now_s, 6))
            now_s = action.until_s
        else:
            assert numbers_of(action) == [2]
            shard.invoked(failing(), now_s)
            waits.append(0.0)
            break
    assert waits == [0.2, 0.4, 0.8, 0.0]
    assert shard.next_action(now_s) == Wait(now_s + 0.2)


def test_no_record_is_delivered_before_the_earlier_ones_are_settled() -> None:
    settings = {"batch_size": 4, "reports_item_failures": True, "bisects_on_error": True, "retry_attempts_max": 1}
    shard = shard_with(range(1, 13), settings)

    def function(batch: list[str]) -> Invoked | NotInvoked:
        assert int(batch[0]) == int(shard.checkpoint or 0) + 1, "an earlier record is not settled yet"
        return in_order(3, 7, 8)(batch)

    run = drive(shard, function)
    assert run.deliveries[:3] == [[1, 2, 3, 4], [3, 4], [3, 4]]
    assert run.discarded() == [[3, 4], [7, 8]]
    assert shard.checkpoint == "12"


def test_the_status_counts_buffered_records_and_retries() -> None:
    shard = ShardState(config())
    assert (shard.buffered, shard.retries, shard.oldest_created_at_s) == (0, 0, None)
    shard.feed([record(1, created_at_s=NOW_S - 9), record(2)], NOW_S)
    shard.next_action(NOW_S)
    shard.invoked(failing(), NOW_S)
    assert (shard.buffered, shard.retries, shard.oldest_created_at_s) == (2, 1, NOW_S - 9)
