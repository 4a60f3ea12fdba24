"""Where on the stream an account's events go: accounts hash into buckets, and a bucket is one point of the hash ring.

Everything of a bucket carries its midpoint as ExplicitHashKey, aggregated or not. So no reshard divides a bucket, and
Kinesis' own order within a shard is the bucket's. The number of buckets is fixed for a stream's life: with another one,
accounts would move between shards while events of theirs are still unread.
"""

import hashlib

RING_BITS = 128
"""The ring: 0 .. 2**128 - 1. docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html"""


def bucket_of(account_id: str, buckets: int) -> int:
    """0 .. buckets - 1: where MD5 puts the account on the ring, as Kinesis itself would by its partition key."""
    digest = hashlib.md5(account_id.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") * buckets >> RING_BITS


def hash_key(bucket: int, buckets: int) -> str:
    """The ExplicitHashKey of a bucket: the midpoint of its part of the ring, in decimal."""
    return str(((2 * bucket + 1) << (RING_BITS - 1)) // buckets)
