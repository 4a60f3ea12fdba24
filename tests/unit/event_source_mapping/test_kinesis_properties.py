"""Whatever the function returns and however the stream is resharded, no record is lost and parents finish first."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.event_source_mapping.fake_aws import FakeAws, FakeClock, Raised, number_of, run_until_idle, runner_on
from tests.unit.event_source_mapping.given import client_error, kinesis_config
from tests.unit.event_source_mapping.kinesis_stream import KinesisShard

BUCKET_ARN = "arn:aws:s3:::failures"

steps = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 9), st.integers(1, 4)),
    st.tuples(st.just("split"), st.integers(0, 9)),
    st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("gap"), st.integers(0, 9), st.integers(1, 7)),
    st.tuples(st.just("run"), st.integers(1, 5)),
    st.tuples(st.just("sleep"), st.sampled_from([0.1, 1.0, 301.0])),
    st.tuples(st.just("fault"), st.sampled_from(["ExpiredIteratorException", "InternalFailureException"])),
)
answers = st.one_of(st.sampled_from(["raise", "success", "success", "nonsense"]), st.floats(0, 0.999))
settings = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 6),
        "reports_item_failures": st.booleans(),
        "bisects_on_error": st.booleans(),
        "retry_attempts_max": st.sampled_from([0, 1, 3]),
        "parallelization_factor": st.sampled_from([1, 1, 10]),
    }
)


class Scenario:
    """A stream, a mapping on it, and the numbers that were put on each shard."""

    def __init__(self, chosen: dict[str, Any], script: list[str | float], step_s: float) -> None:
        self.clock = FakeClock(step_s=step_s)
        self.aws = FakeAws()
        self.stream = self.aws.kinesis
        self.stream.clock = self.clock
        self.stream.shards = {"s00": KinesisShard(), "s01": KinesisShard()}
        self.aws.functions.function = self._function
        self.runner = runner_on(self.aws, self.clock, kinesis_config(on_failure_arn=BUCKET_ARN, **chosen))
        self._answers = iter(script)
        self.numbers: dict[str, list[int]] = {}
        self.put_so_far = 0

    def take(self, step: tuple[Any, ...]) -> None:
        kind, *arguments = step
        getattr(self, f"_{kind}")(*arguments)

    def _open(self, index: int) -> str:
        names = [name for name, shard in self.stream.shards.items() if not shard.closed]
        return names[index % len(names)]

    def _put(self, index: int, count: int) -> None:
        shard_id = self._open(index)
        numbers = range(self.put_so_far + 1, self.put_so_far + count + 1)
        self.stream.put(shard_id, *numbers)
        self.numbers.setdefault(shard_id, []).extend(numbers)
        self.put_so_far += count

    def _split(self, index: int) -> None:
        count = len(self.stream.shards)
        self.stream.reshard((self._open(index),), (f"s{count:02}", f"s{count + 1:02}"))

    def _merge(self, index: int, other: int) -> None:
        if (first := self._open(index)) != (second := self._open(other)):
            self.stream.reshard((first, second), (f"s{len(self.stream.shards):02}",))

    def _gap(self, index: int, reads: int) -> None:
        self.stream.shards[self._open(index)].gap_reads += reads

    def _run(self, cycles: int) -> None:
        for _ in range(cycles):
            pause_s = self.runner.run_cycle()
            self.clock.now_s += pause_s

    def _sleep(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def _fault(self, code: str) -> None:
        self.stream.faults.append(client_error(code))

    def _function(self, event: dict[str, Any]) -> object:
        records = event["Records"]
        match next(self._answers, "success"):
            case "raise":
                raise Raised("scripted")
            case "nonsense":
                return {"batchItemFailures": [{"itemIdentifier": "no such record"}]}
            case float(share):
                failed = records[int(share * len(records))]
                return {"batchItemFailures": [{"itemIdentifier": failed["kinesis"]["sequenceNumber"]}]}
            case _:
                return None


def assert_delivered(scenario: Scenario) -> None:
    """Every record was delivered to the function, in order per lane and after those of the parent shards."""
    events, totals = scenario.aws.functions.events, scenario.runner.status().totals
    first_seen: dict[int, int] = {}
    last_seen: dict[int, int] = {}
    for time, event in enumerate(events):
        numbers = [number_of(record) for record in event["Records"]]
        assert len({record["eventID"].split(":")[0] for record in event["Records"]}) == 1, "a batch spans shards"
        assert numbers == sorted(numbers)
        for number in numbers:
            first_seen.setdefault(number, time)
            last_seen[number] = time
    assert sorted(first_seen) == list(range(1, scenario.put_so_far + 1)), "something was lost"
    assert totals.delivered + totals.discarded == scenario.put_so_far
    for shard_id, numbers in scenario.numbers.items():
        delivered_at = [first_seen[number] for number in numbers]
        if (
            scenario.runner.config.parallelization_factor == 1
        ):  # otherwise, these records of different keys have no order
            assert delivered_at == sorted(delivered_at), f"{shard_id} was not read in order"
        for parent in scenario.stream.shards[shard_id].parents:
            assert all(last_seen[number] < min(delivered_at) for number in scenario.numbers.get(parent, [])), (
                f"{shard_id} was read before its parent {parent} was finished"
            )


@given(
    chosen=settings,
    script=st.lists(answers, max_size=30),
    scenario_steps=st.lists(steps, max_size=25),
    step_s=st.sampled_from([0.0, 0.003, 0.07]),
)
def test_no_record_is_lost_and_parents_finish_before_their_children(
    chosen: dict[str, Any], script: list[str | float], scenario_steps: list[tuple[Any, ...]], step_s: float
) -> None:
    scenario = Scenario(chosen, script, step_s)
    for step in scenario_steps:
        scenario.take(step)
    scenario.stream.faults.clear()
    run_until_idle(scenario.runner, scenario.clock)
    assert_delivered(scenario)
    assert not scenario.stream.throttles, "a shard was read more than five times a second"
