"""Which entries of a request a fault refuses."""

from typing import Any

import pytest

from account_events.aggregation.buckets import bucket_of, hash_key
from local_stack.faults.interferences import (
    combined,
    losing,
    open_shards,
    position,
    refusing,
    shard_of,
    throttling,
)
from local_stack.faults.kinesis_proxy import Entries, Interference

RING = 2**128


def shard(number: int, first: int, last: int, **sequence_numbers: str) -> dict[str, Any]:
    return {
        "ShardId": f"shardId-{number:012}",
        "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
        "SequenceNumberRange": {"StartingSequenceNumber": "0", **sequence_numbers},
    }


LOW, HIGH = shard(0, 0, RING // 2 - 1), shard(1, RING // 2, RING - 1)


def entries(*hash_keys: int) -> Entries:
    return [{"Data": "", "PartitionKey": "k", "ExplicitHashKey": str(each)} for each in hash_keys]


def test_a_throttled_shard_refuses_exactly_its_entries() -> None:
    sent = entries(0, RING // 2 - 1, RING // 2, RING - 1)
    assert throttling(LOW)(sent).refused == [0, 1]
    assert throttling(HIGH)(sent).refused == [2, 3]


def test_without_a_hash_key_the_partition_key_decides() -> None:
    assert position({"PartitionKey": "a"}) == int("0cc175b9c0f1b6a831c399e269772661", 16)


@pytest.mark.parametrize("account_id", [f"account-{number}" for number in range(20)])
def test_the_shard_of_an_account_has_its_bucket(account_id: str) -> None:
    at = int(hash_key(bucket_of(account_id, 32), 32))
    assert shard_of(account_id, 32, [LOW, HIGH]) == (LOW if at < RING // 2 else HIGH)


def test_closed_shards_are_left_out() -> None:
    closed = shard(2, 0, RING - 1, EndingSequenceNumber="9")
    assert open_shards([HIGH, closed, LOW]) == [LOW, HIGH]


def test_the_same_seed_refuses_the_same_entries() -> None:
    def refused(seed: int) -> list[Interference]:
        fault = refusing(0.3, seed)
        return [fault(entries(*range(100))) for _ in range(3)]

    assert refused(7) == refused(7) != refused(8)
    assert 0 < len(refused(7)[0].refused) < 100


@pytest.mark.parametrize("make", [refusing, losing])
def test_a_share_of_1_affects_everything(make: Any) -> None:  # noqa: ANN401 -- one of two functions
    found = make(1.0, 1)(entries(*range(10)))
    assert found.is_answer_lost or found.refused == list(range(10))


def test_faults_that_are_on_together_add_up() -> None:
    sent = entries(0, RING - 1)
    found = combined([throttling(LOW), losing(1.0, 1)], sent)
    assert (set(found.refused), found.is_answer_lost) == ({0}, True)
    assert combined([], sent) == Interference(set())
