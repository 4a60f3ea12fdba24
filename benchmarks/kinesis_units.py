"""The units that Kinesis bills for records that were actually put. These are exact figures by AWS's rules, not timings.

aws.amazon.com/kinesis/data-streams/pricing: with provisioned shards a record is billed in PUT payload units of 25 KB,
with on-demand capacity in whole KB of 1,024 bytes. Sizes include the partition key, as Kinesis' limits do.
"""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.timing import Benchmark

KB = 1024
PAYLOAD_UNIT_KB = 25
PROVISIONED, ON_DEMAND = 1 / 25, 1 / 5


class Put(NamedTuple):
    """A Kinesis record."""

    partition_key: str
    data: bytes


def units(puts: Sequence[Put], unit_bytes: int) -> int:
    """The billed units, rounded up per record."""
    return sum(-(-(len(put.partition_key.encode()) + len(put.data)) // unit_bytes) for put in puts)


def benchmarks(title: str, ours: Sequence[Put], baseline: Sequence[Put], *, has_target: bool) -> list[Benchmark]:
    """The benchmarks for the same events in our records and in the baseline's records."""

    def billed(unit_kb: int, what: str, target: float) -> Benchmark:
        return Benchmark(
            f"{title}, {what}; one record per event",
            f"{unit_kb} KB",
            target if has_target else None,
            lambda: units(ours, unit_kb * KB),
            lambda: units(baseline, unit_kb * KB),
        )

    return [
        billed(PAYLOAD_UNIT_KB, "provisioned", PROVISIONED),
        billed(1, "on demand", ON_DEMAND),
    ]
