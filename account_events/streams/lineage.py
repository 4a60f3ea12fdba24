"""Which shards of a stream can be read now.

Source: Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda triggers" / "Reading and processing a stream":
an application "must always process a parent shard before it processes a child shard". Amazon Kinesis Data Streams
Developer Guide, "After resharding", leaves the choice to the reader; this module also reads parents first, because
Lambda promises the records of a key in order. A merged shard has a second, "adjacent" parent (API reference, Shard).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """A shard in the list of DescribeStream or ListShards. It is closed if it has an ending sequence number."""

    shard_id: str
    parent_id: str | None = None
    closed: bool = False
    adjacent_parent_id: str | None = None

    @property
    def parents(self) -> frozenset[str]:
        """The parents' ids: none for an original shard, one after a split, two after a merge."""
        return frozenset(parent for parent in (self.parent_id, self.adjacent_parent_id) if parent is not None)


def readable_shards(
    listed: Iterable[Shard], *, finished: Collection[str], unfinished: Collection[str] = ()
) -> tuple[str, ...]:
    """The shards that can be read now, in the order of the list.

    A shard can be read when each of its parents is finished, or trimmed and therefore no longer listed. An unfinished
    parent blocks its children even if it has been trimmed.

    Args:
        listed: all pages of the list. A parent on a missing page would count as trimmed.
        finished: shards that were read to their end, with every record processed or discarded.
        unfinished: shards that are being read, or have unprocessed records.
    """
    shards = tuple(listed)
    blocking = ({shard.shard_id for shard in shards} | set(unfinished)) - set(finished)
    return tuple(shard.shard_id for shard in shards if shard.shard_id not in finished and not shard.parents & blocking)
