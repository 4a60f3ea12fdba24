"""Whatever the function does, every record is settled exactly once, in order, and the shard becomes idle."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.shard import Discard, Idle, Invoke, ShardState, Wait
from tests.unit.event_source_mapping.given import ACTIONS_MAX, NOW_S, config, failing, numbers_of, record, reporting

SNAPSHOTS_OUT = '{"dynamodb": {"NewImage": {"Type": {"S": [{"anything-but": ["SNAPSHOT"]}]}}}}'

# One answer of the function: a function error, a throttle, success, nonsense, or the share of the batch that is done.
answers = st.one_of(st.sampled_from(["error", "throttle", "success", "nonsense"]), st.floats(0, 0.999))
settings = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 8),
        "batching_window_s": st.sampled_from([0.0, 3.0]),
        "reports_item_failures": st.booleans(),
        "bisects_on_error": st.booleans(),
        "retry_attempts_max": st.sampled_from([-1, 0, 1, 3]),
        "record_age_max_s": st.sampled_from([-1.0, 60.0]),
    }
)


@dataclass
class Observed:
    """What was delivered, accepted and discarded of one shard."""

    first_deliveries: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    discarded: list[int] = field(default_factory=list)

    def settled(self) -> list[int]:
        return sorted(self.accepted + self.discarded)


def answer_to(batch: list[int], answer: str | float) -> Invoked | NotInvoked:
    if isinstance(answer, float):
        return reporting(str(batch[int(answer * len(batch))]))
    outcomes: dict[str, Invoked | NotInvoked] = {
        "error": failing(),
        "throttle": NotInvoked("TooManyRequestsException"),
        "success": Invoked(),
        "nonsense": reporting("no such record"),
    }
    return outcomes[answer]


def run(shard: ShardState, script: Iterator[str | float], now_s: float) -> tuple[Observed, float]:
    """Drive the shard until it is idle. Accepted records are taken from its count, discarded ones from its actions."""
    observed = Observed()
    for _ in range(ACTIONS_MAX):
        action = shard.next_action(now_s)
        if isinstance(action, Invoke):
            batch = numbers_of(action)
            assert batch[0] > max(observed.settled(), default=0), "a settled record was delivered again"
            observed.first_deliveries += [number for number in batch if number not in observed.first_deliveries]
            delivered = shard.counts.delivered
            now_s += 0.5
            shard.invoked(answer_to(batch, next(script, "success")), now_s)
            observed.accepted += batch[: shard.counts.delivered - delivered]
        elif isinstance(action, Discard):
            observed.discarded += numbers_of(action)
            shard.discarded()
        elif isinstance(action, Wait):
            assert action.until_s > now_s
            now_s = action.until_s
        else:
            assert action == Idle()
            return observed, now_s
    raise AssertionError("the shard does not become idle")


@given(
    chosen=settings,
    script=st.lists(answers, max_size=40),
    kinds=st.lists(st.sampled_from(["CREDIT", "CREDIT", "SNAPSHOT"]), max_size=24),
    chunk=st.integers(1, 24),
)
def test_every_record_is_settled_once_and_first_deliveries_are_in_order(
    chosen: dict[str, Any], script: list[str | float], kinds: list[str], chunk: int
) -> None:
    shard = ShardState(config(patterns=[SNAPSHOTS_OUT], **chosen))
    answering = iter(script)
    whole, now_s, checkpoint = Observed(), NOW_S, 0
    for start in range(0, len(kinds), chunk):
        fed = range(start + 1, min(start + chunk, len(kinds)) + 1)
        shard.feed([record(number, created_at_s=now_s, kind=kinds[number - 1]) for number in fed], now_s)
        part, now_s = run(shard, answering, now_s)
        whole.first_deliveries += part.first_deliveries
        whole.accepted += part.accepted
        whole.discarded += part.discarded
        assert int(shard.checkpoint or 0) >= checkpoint
        checkpoint = int(shard.checkpoint or 0)
    wanted = [number for number, kind in enumerate(kinds, start=1) if kind != "SNAPSHOT"]
    assert whole.settled() == wanted
    assert whole.first_deliveries == sorted(whole.first_deliveries)
    assert set(whole.accepted) <= set(whole.first_deliveries)
    assert (checkpoint, shard.buffered) == (len(kinds), 0)
