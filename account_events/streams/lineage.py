"""Which shards of a stream may be read.

Source: Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda triggers" / "Reading and processing a stream":
an application "must always process a parent shard before it processes a child shard". Amazon Kinesis Data Streams
Developer Guide, "After resharding": the same, by our choice where the guide leaves it to the reader, since Lambda
promises a key's records in order; a shard that two were merged into has a second, "adjacent" parent (API reference,
Shard).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """A shard as DescribeStream and ListShards list it; `closed` once it has an ending sequence number."""

    shard_id: str
    parent_id: str | None = None
    closed: bool = False
    adjacent_parent_id: str | None = None

    @property
    def parents(self) -> frozenset[str]:
        """None for a first shard, one after a split, two after a merge."""
        return frozenset(parent for parent in (self.parent_id, self.adjacent_parent_id) if parent is not None)


def readable_shards(
    listed: Iterable[Shard], *, finished: Collection[str], unfinished: Collection[str] = ()
) -> tuple[str, ...]:
    """The listed shards that may be read now, in the order of the list.

    A shard may be read once each of its parents is fully processed, or was trimmed: is no longer listed. A parent that
    the reader still holds (`unfinished`) blocks its children even after it has dropped out of the list.

    Args:
        listed: the complete list, every page of it: a parent on a page not read looks trimmed.
        finished: shards read to their end with every record accepted or discarded.
        unfinished: shards being read, or read and not yet fully processed.
    """
    shards = tuple(listed)
    blocking = ({shard.shard_id for shard in shards} | set(unfinished)) - set(finished)
    return tuple(shard.shard_id for shard in shards if shard.shard_id not in finished and not shard.parents & blocking)
