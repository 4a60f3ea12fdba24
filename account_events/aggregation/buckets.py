"""The position of an account on the stream: an account hashes into a bucket, and a bucket is a point on the hash ring.

Every record of a bucket has the bucket's midpoint as ExplicitHashKey, aggregated or not. So a reshard never splits a
bucket, and Kinesis keeps its order within a shard. The number of buckets is fixed for the life of a stream: otherwise,
accounts would move between shards while some of their events are still unread.
"""

import hashlib

RING_BITS = 128
"""The ring has the hash keys 0 to 2**128 - 1.

docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
"""


def bucket_of(account_id: str, buckets: int) -> int:
    """The account's bucket, 0 to `buckets` - 1, by the same MD5 hash that Kinesis applies to partition keys."""
    digest = hashlib.md5(account_id.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") * buckets >> RING_BITS


def hash_key(bucket: int, buckets: int) -> str:
    """The ExplicitHashKey of a bucket: the midpoint of its part of the ring, as a decimal string."""
    return str(((2 * bucket + 1) << (RING_BITS - 1)) // buckets)
