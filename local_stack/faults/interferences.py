"""Which entries of a PutRecords request a fault refuses, and which answers it loses. No AWS, no threads."""

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from account_events.aggregation.buckets import bucket_of, hash_key
from local_stack.faults.kinesis_proxy import Entries, Interference

Fault = Callable[[Entries], Interference]


def throttling(shard: Mapping[str, Any]) -> Fault:
    """Refuse every entry for this shard.

    Args:
        shard: as ListShards describes it.
    """
    hash_keys = shard["HashKeyRange"]
    first, last = int(hash_keys["StartingHashKey"]), int(hash_keys["EndingHashKey"])
    return lambda entries: Interference([n for n, entry in enumerate(entries) if first <= position(entry) <= last])


def refusing(share: float, seed: int) -> Fault:
    """Refuse a share of the entries."""
    generator = random.Random(seed)  # noqa: S311 -- no secret
    return lambda entries: Interference([n for n in range(len(entries)) if generator.random() < share])


def losing(share: float, seed: int) -> Fault:
    """Lose the answers of a share of the requests."""
    generator = random.Random(seed)  # noqa: S311 -- no secret
    return lambda _entries: Interference(is_answer_lost=generator.random() < share)


def combined(faults: Iterable[Fault], entries: Entries) -> Interference:
    """What several faults do together: an entry is refused if one of them refuses it, an answer lost likewise."""
    found = [fault(entries) for fault in faults]
    return Interference({n for each in found for n in each.refused}, any(each.is_answer_lost for each in found))


def position(entry: Mapping[str, Any]) -> int:
    """The entry's position among the hash keys, as Kinesis determines it."""
    explicit = entry.get("ExplicitHashKey")
    if explicit is not None:
        return int(explicit)
    return int.from_bytes(hashlib.md5(entry["PartitionKey"].encode(), usedforsecurity=False).digest(), "big")


def open_shards(shards: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The shards that accept records, by id."""
    found = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    return sorted(found, key=lambda shard: str(shard["ShardId"]))


def shard_of(account_id: str, buckets: int, shards: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The shard with this account's events, among all open ones."""
    at = int(hash_key(bucket_of(account_id, buckets), buckets))
    [found] = [
        shard
        for shard in shards
        if int(shard["HashKeyRange"]["StartingHashKey"]) <= at <= int(shard["HashKeyRange"]["EndingHashKey"])
    ]
    return found
