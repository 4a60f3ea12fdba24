"""Retries, bisecting, throttles and record age of one shard."""

from account_events.lambda_mapping.config import RETENTION_S
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.shard import Condition, Discard, Idle, Invoke, ShardState, Wait
from tests.unit.event_source_mapping.given import (
    NOW_S,
    config,
    drive,
    failing,
    in_order,
    numbers_of,
    ok,
    poisoned,
    record,
    records,
    reporting,
    shard_with,
)


def test_after_the_last_retry_the_batch_is_discarded() -> None:
    shard = shard_with([1, 2, 3], {"batch_size": 2, "retry_attempts_max": 2})
    run = drive(shard, poisoned(1))
    assert run.deliveries == [[1, 2], [1, 2], [1, 2], [3]]
    assert run.discards == [
        Discard(tuple(records([1, 2])), Condition.RETRY_ATTEMPTS_EXHAUSTED, invoke_count=3, last=failing())
    ]
    assert (shard.checkpoint, shard.counts.discarded, shard.counts.delivered) == ("3", 2, 1)


def test_no_retries_means_one_delivery() -> None:
    run = drive(shard_with([1], {"retry_attempts_max": 0}), poisoned(1))
    assert (run.deliveries, run.discarded()) == ([[1]], [[1]])


def test_a_malformed_response_uses_up_retries_like_an_error() -> None:
    settings = {"retry_attempts_max": 1, "reports_item_failures": True}
    run = drive(shard_with([1, 2], settings), lambda _: reporting("77"))
    assert (run.deliveries, run.discarded()) == ([[1, 2], [1, 2]], [[1, 2]])


def test_a_discard_is_repeated_until_it_is_acknowledged() -> None:
    shard = shard_with([1, 2], {"batch_size": 1, "retry_attempts_max": 0})
    shard.next_action(NOW_S)
    shard.invoked(failing(), NOW_S)
    first = shard.next_action(NOW_S)
    assert numbers_of(first) == [1]
    assert shard.next_action(NOW_S + 60) == first
    assert (shard.checkpoint, shard.buffered) == (None, 2)
    shard.discarded()
    assert shard.checkpoint == "1"
    assert numbers_of(shard.next_action(NOW_S + 60)) == [2]


def test_bisecting_isolates_one_poison_record_and_splits_cost_no_retry() -> None:
    shard = shard_with(range(1, 9), {"bisects_on_error": True, "retry_attempts_max": 2})
    run = drive(shard, poisoned(6))
    assert run.deliveries == [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [5, 6],
        [5],
        [6],
        [6],
        [6],
        [7, 8],
    ]
    assert run.discarded() == [[6]]
    assert run.discards[0].invoke_count == 6
    assert (shard.counts.delivered, shard.counts.discarded, shard.checkpoint) == (7, 1, "8")


def test_bisecting_isolates_several_poison_records_without_reports() -> None:
    run = drive(shard_with(range(1, 6), {"bisects_on_error": True, "retry_attempts_max": 0}), poisoned(1, 5))
    assert run.discarded() == [[1], [5]]
    assert [batch for batch in run.deliveries if not {1, 5} & set(batch)] == [[2], [3], [4]]


def test_a_function_error_is_bisected_even_when_reports_are_enabled() -> None:
    settings = {"bisects_on_error": True, "reports_item_failures": True, "retry_attempts_max": 0}
    assert drive(shard_with([1, 2, 3, 4], settings), poisoned(2)).discarded() == [[2]]


def test_with_bisecting_a_partial_response_costs_no_retry() -> None:
    settings = {"bisects_on_error": True, "reports_item_failures": True, "retry_attempts_max": 1}
    run = drive(shard_with(range(1, 6), settings), in_order(3))
    assert run.deliveries == [[1, 2, 3, 4, 5], [3, 4, 5], [3, 4, 5]]
    assert run.discarded() == [[3, 4, 5]]


def test_without_bisecting_a_partial_response_costs_a_retry() -> None:
    settings = {"reports_item_failures": True, "retry_attempts_max": 1}
    run = drive(shard_with(range(1, 6), settings), in_order(3))
    assert run.deliveries == [[1, 2, 3, 4, 5], [3, 4, 5]]
    assert run.discarded() == [[3, 4, 5]]


def test_throttles_cost_no_retry_and_are_not_counted_as_invocations() -> None:
    outcomes = iter([NotInvoked("TooManyRequestsException")] * 5 + [failing()] * 2)
    run = drive(shard_with([1], {"retry_attempts_max": 1}), lambda _: next(outcomes))
    assert len(run.deliveries) == 7
    assert [discard.invoke_count for discard in run.discards] == [2]


def test_throttles_end_at_the_record_age() -> None:
    shard = shard_with([1], {"record_age_max_s": 60.0})
    run = drive(shard, lambda _: NotInvoked("TooManyRequestsException"))
    assert run.discards == [Discard((record(1),), Condition.RECORD_AGE_EXCEEDED, invoke_count=0, last=None)]
    assert run.now_s == NOW_S + 60
    assert shard.counts.throttles == len(run.deliveries)


def test_records_that_are_too_old_are_discarded_before_delivery() -> None:
    shard = ShardState(config(record_age_max_s=60.0))
    shard.feed([record(1, created_at_s=NOW_S - 61), record(2, created_at_s=NOW_S - 60), record(3)], NOW_S)
    run = drive(shard, ok)
    assert run.discarded() == [[1, 2]]
    assert run.discards[0].condition is Condition.RECORD_AGE_EXCEEDED
    assert run.deliveries == [[3]]


def test_an_old_record_after_a_new_one_is_discarded_in_its_turn() -> None:
    shard = ShardState(config(record_age_max_s=60.0))
    shard.feed([record(1), record(2, created_at_s=NOW_S - 90), record(3)], NOW_S)
    assert numbers_of(shard.next_action(NOW_S)) == [1]
    shard.invoked(Invoked(), NOW_S)
    assert numbers_of(shard.next_action(NOW_S)) == [2]
    shard.discarded()
    assert numbers_of(shard.next_action(NOW_S)) == [3]


def test_a_failing_record_is_discarded_at_its_maximum_age() -> None:
    run = drive(shard_with([1], {"record_age_max_s": 61.0}), poisoned(1))
    assert run.now_s == NOW_S + 61
    assert run.discarded() == [[1]]
    assert run.discards[0].condition is Condition.RECORD_AGE_EXCEEDED


def test_without_limits_a_failing_record_blocks_until_it_expires() -> None:
    run = drive(shard_with([1, 2], {"batch_size": 1}), poisoned(1))
    assert run.now_s == NOW_S + RETENTION_S
    assert run.discarded() == [[1]]
    assert run.deliveries[-1] == [2]


def test_an_old_record_that_never_failed_is_still_delivered() -> None:
    shard = ShardState(config())
    shard.feed([record(1, created_at_s=NOW_S - 2 * RETENTION_S)], NOW_S)
    assert drive(shard, ok).deliveries == [[1]]
    assert shard.next_action(NOW_S) == Idle()


def test_a_retry_never_waits_beyond_the_maximum_age() -> None:
    shard = shard_with([1], {"record_age_max_s": 60.0})
    assert isinstance(shard.next_action(NOW_S + 59.9), Invoke)
    shard.invoked(failing(), NOW_S + 59.9)
    assert shard.next_action(NOW_S + 59.9) == Wait(NOW_S + 60)


def test_a_throttled_record_is_discarded_when_it_expires() -> None:
    run = drive(shard_with([1]), lambda _: NotInvoked("TooManyRequestsException"))
    assert run.now_s == NOW_S + RETENTION_S
    assert run.discarded() == [[1]]
