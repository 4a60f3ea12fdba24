"""What Kinesis bills for records that were really put. Exact: sizes by AWS's rules, no timing.

aws.amazon.com/kinesis/data-streams/pricing: with provisioned shards a record is billed in PUT payload units of 25 KB,
with on-demand capacity in whole KB of 1,024 bytes. Sizes are with the partition key, as Kinesis' limits count them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.timing import Benchmark

KB = 1024
PAYLOAD_UNIT_KB = 25
PROVISIONED, ON_DEMAND = 1 / 25, 1 / 5


class Put(NamedTuple):
    """A record of Kinesis."""

    partition_key: str
    data: bytes


def units(puts: Sequence[Put], unit_bytes: int) -> int:
    """Each record rounded up."""
    return sum(-(-(len(put.partition_key.encode()) + len(put.data)) // unit_bytes) for put in puts)


def benchmarks(title: str, ours: Sequence[Put], peer: Sequence[Put], *, is_judged: bool) -> list[Benchmark]:
    """Of the same events."""

    def billed(unit_kb: int, what: str, target: float) -> Benchmark:
        return Benchmark(
            f"{title}, {what}; a record each",
            f"{unit_kb} KB",
            target if is_judged else None,
            lambda: units(ours, unit_kb * KB),
            lambda: units(peer, unit_kb * KB),
        )

    return [
        billed(PAYLOAD_UNIT_KB, "provisioned", PROVISIONED),
        billed(1, "on demand", ON_DEMAND),
    ]
