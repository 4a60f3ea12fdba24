"""A shard in lanes: how Lambda delivers it with a ParallelizationFactor above 1."""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from account_events.lambda_mapping.lanes import ShardLanes
from account_events.lambda_mapping.outcome import Invoked
from account_events.lambda_mapping.records import StreamRecord
from account_events.lambda_mapping.shard import Invoke, Wait
from tests.unit.event_source_mapping.fake_aws import FakeAws, FakeClock, raising, run_until_idle, runner_on
from tests.unit.event_source_mapping.given import (
    NOW_S,
    client_error,
    event,
    failing,
    kinesis_config,
    numbers_of,
    records,
    reporting,
)
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard, sequence_number

FACTOR = 10


def of_key(key: object, number: int) -> StreamRecord:
    kinesis = {"partitionKey": str(key), "sequenceNumber": str(number), "approximateArrivalTimestamp": NOW_S}
    return StreamRecord.of({"kinesis": kinesis})


def shard(keys: Iterable[object], **settings: Any) -> ShardLanes:  # noqa: ANN401 -- any field of MappingConfig
    lanes = ShardLanes(kinesis_config(parallelization_factor=FACTOR, **settings))
    lanes.feed([of_key(key, number) for number, key in enumerate(keys, 1)], NOW_S)
    return lanes


def invocations(lanes: ShardLanes) -> dict[int, list[int]]:
    """The numbers that each lane delivers now."""
    actions = [(index, lane.next_action(NOW_S)) for index, lane in enumerate(lanes.lanes)]
    return {index: numbers_of(action) for index, action in actions if isinstance(action, Invoke)}


def test_batches_of_a_shard_are_delivered_concurrently() -> None:
    delivered = invocations(shard(range(100)))
    assert len(delivered) == FACTOR
    assert sorted(number for numbers in delivered.values() for number in numbers) == list(range(1, 101))


def test_records_of_a_key_are_never_in_two_batches_at_a_time() -> None:
    lanes = shard(["a", "b"] * 50, batch_size=10)
    [(_, first), (_, second)] = invocations(lanes).items()
    assert {number % 2 for number in first} | {number % 2 for number in second} == {0, 1}
    assert len({number % 2 for number in first}) == len({number % 2 for number in second}) == 1
    assert invocations(lanes) == {}, "the next batch of a key waits for the response to the one before"


def test_records_of_an_item_of_a_table_stay_in_one_lane() -> None:
    lanes = ShardLanes(kinesis_config(parallelization_factor=FACTOR))
    again = event(41)
    again["dynamodb"]["Keys"] = event(1)["dynamodb"]["Keys"]
    lanes.feed([*records(range(1, 41)), StreamRecord.of(again)], NOW_S)
    delivered = list(invocations(lanes).values())
    assert len(delivered) == FACTOR
    assert [41 in numbers for numbers in delivered] == [1 in numbers for numbers in delivered]


def test_a_failing_lane_does_not_delay_the_others() -> None:
    lanes = shard(["a", "b", "a", "b"], batch_size=1)
    failed, other = (lane for lane in lanes.lanes if lane.buffered)
    for lane, outcome in ((failed, failing()), (other, Invoked())):
        assert isinstance(lane.next_action(NOW_S), Invoke)
        lane.invoked(outcome, NOW_S)
    assert isinstance(failed.next_action(NOW_S), Wait)
    assert isinstance(other.next_action(NOW_S), Invoke)


def test_the_checkpoint_is_before_the_first_record_that_is_not_done() -> None:
    lanes = shard(["a", "b", "a", "b"], batch_size=2)
    delivered = invocations(lanes)
    [of_a] = [lane for lane, numbers in delivered.items() if numbers == [1, 3]]
    [of_b] = [lane for lane, numbers in delivered.items() if numbers == [2, 4]]
    lanes.lanes[of_b].invoked(Invoked(), NOW_S)
    before = lanes.checkpoint
    assert before is None, "record 1 is not done"
    lanes.lanes[of_a].invoked(Invoked(), NOW_S)
    assert (lanes.checkpoint, lanes.buffered, lanes.counts.delivered) == ("4", 0, 4)


def test_records_after_the_checkpoint_are_delivered_after_a_restart() -> None:
    config = kinesis_config(parallelization_factor=FACTOR)
    lanes = ShardLanes(config, checkpoint="2")
    lanes.feed([of_key("a", number) for number in range(1, 5)], NOW_S)
    [delivered] = invocations(lanes).values()
    assert (delivered, lanes.last_fed) == ([3, 4], "4")


answers = st.one_of(st.sampled_from(["success", "raise"]), st.floats(0, 1, exclude_max=True))


@given(
    keys=st.lists(st.integers(0, 20), max_size=60),
    batch_size=st.integers(1, 7),
    order=st.randoms(use_true_random=False),
    script=st.lists(answers, max_size=30),
)
def test_every_record_of_a_key_is_done_in_order(
    keys: list[int], batch_size: int, order: Random, script: list[str | float]
) -> None:
    """Whatever the function answers, and in whatever order the lanes' invocations end."""
    lanes = shard(keys, batch_size=batch_size, reports_item_failures=True, bisects_on_error=True)
    done: dict[int, list[int]] = {}
    in_flight: list[tuple[Any, tuple[StreamRecord, ...]]] = []
    script_of_answers, now_s = iter(script), NOW_S
    while lanes.buffered:
        for lane in lanes.lanes:
            action = lane.next_action(now_s)
            if isinstance(action, Invoke):
                in_flight.append((lane, action.records))
        if not in_flight:
            now_s += 60.0
            continue
        keys_in_flight = [{keys[int(one.sequence_number) - 1] for one in batch} for _, batch in in_flight]
        assert sum(map(len, keys_in_flight)) == len(set().union(*keys_in_flight)), "a key is in two batches at a time"
        lane, batch = in_flight.pop(order.randrange(len(in_flight)))
        outcome, handled = _answered(batch, script_of_answers)
        for number in handled:
            done.setdefault(keys[number - 1], []).append(number)
        lane.invoked(outcome, now_s)
    assert lanes.checkpoint == (str(len(keys)) if keys else None)
    assert done == {key: [at for at, each in enumerate(keys, 1) if each == key] for key in set(keys)}


def _answered(batch: tuple[StreamRecord, ...], script: Iterator[str | float]) -> tuple[Invoked, list[int]]:
    """The function's answer, and the numbers of the records that it handles with it."""
    numbers = [int(one.sequence_number) for one in batch]
    match next(script, "success"):
        case "raise":
            return failing(), []
        case float(share):
            at = int(share * len(numbers))
            return reporting(str(numbers[at])), numbers[:at]
        case _:
            return Invoked(), numbers


def test_a_lane_without_its_destination_delays_no_other_lane() -> None:
    """It is the first lane, so an error of its action must not end the turns of the others."""
    [(_, [poison, *_]), *_] = invocations(shard(f"key-{number}" for number in range(1, 21))).items()
    aws, clock = FakeAws(), FakeClock()
    aws.kinesis.clock = clock
    aws.kinesis.shards["s1"] = KinesisShard()
    aws.kinesis.put("s1", *range(1, 21))
    aws.functions.function = raising(poison)
    aws.s3.faults = [client_error("SlowDown")] * 3
    settings = {"batch_size": 1, "retry_attempts_max": 0, "on_failure_arn": "arn:aws:s3:::failures"}
    runner = runner_on(aws, clock, kinesis_config(parallelization_factor=FACTOR, **settings))
    for _ in range(4):
        runner.run_cycle()
    assert len(aws.functions.numbers()) > FACTOR, "the other lanes continue"
    assert runner.status().errors == 3
    assert int(runner.status().shards[0].checkpoint or 0) < int(sequence_number(poison))
    run_until_idle(runner, clock)
    assert sorted(set(aws.functions.numbers())) == list(range(1, 21))
    assert len(aws.s3.objects) == 1
