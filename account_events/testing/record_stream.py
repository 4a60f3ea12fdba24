"""A stream for a replay: shards with their records. Before the replay, it can be damaged and split. Pure."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Self

from account_events.testing.errors import BadReplay
from account_events.testing.records import StreamRecord, number_of

FIRST_SHARD = "shardId-00000000000000000000-00000000"

Damage = Callable[[StreamRecord], StreamRecord | None]
"""Damages a record: changes the given copy and returns None, or returns another record."""


@dataclass(frozen=True, slots=True)
class StreamShard:
    """Records in the order in which they were written, after all records of the parent."""

    shard_id: str
    records: tuple[StreamRecord, ...]
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordStream:
    """Shards, parents before their children.

    Attributes:
        shards: one or more; a shard may be empty.
        damaged: the sequence numbers of the records that `poisoned` has damaged.
    """

    shards: tuple[StreamShard, ...]
    damaged: frozenset[str] = frozenset()

    @classmethod
    def of(cls, records: Iterable[StreamRecord]) -> Self:
        """A stream with one shard."""
        return cls((StreamShard(FIRST_SHARD, tuple(records)),))

    def __post_init__(self) -> None:
        """Refuse a stream whose records a mapping would partly skip without an error.

        Raises:
            BadReplay: a shard appears twice or before its parent, or its sequence numbers do not increase.
        """
        seen: set[str] = set()
        ids = {shard.shard_id for shard in self.shards}
        for shard in self.shards:
            if shard.shard_id in seen or (shard.parent_id in ids and shard.parent_id not in seen):
                raise BadReplay(f"shard {shard.shard_id} appears twice, or before its parent {shard.parent_id}")
            seen.add(shard.shard_id)
            numbers = [int(number_of(record)) for record in shard.records]
            for before, number in pairwise(numbers):
                if number <= before:
                    raise BadReplay(
                        f"shard {shard.shard_id}: sequence number {number} comes after {before}; they must increase"
                    )

    @property
    def records(self) -> tuple[StreamRecord, ...]:
        """All records, shard by shard."""
        return tuple(record for shard in self.shards for record in shard.records)

    def partition_of(self, record: StreamRecord) -> str:
        """A record's partition key as text. Records with the same key stay in order, in one lineage of shards."""
        partition_key: str = record["kinesis"]["partitionKey"]
        return partition_key

    def poisoned(self, position: int, damage: Damage) -> Self:
        """The stream with one damaged record.

        Args:
            position: the record's index in `records`, from 0.
            damage: changes the record.

        Raises:
            BadReplay: there is no such record, or `damage` fails, has no effect or changes its sequence number.
        """
        records = self.records
        if not 0 <= position < len(records):
            raise BadReplay(f"there is no record {position} to poison: the {len(records)} records are counted from 0")
        damaged = copy.deepcopy(records[position])
        try:
            damaged = damage(damaged) or damaged
        except (KeyError, TypeError) as error:
            raise BadReplay(f"record {position} cannot be damaged in this way: {error!r}") from error
        if damaged == records[position]:
            raise BadReplay(f"record {position}: the damage function did not change it")
        if _number_in(damaged) != (number := number_of(records[position])):
            raise BadReplay(f"record {position}: the damage function must not change its sequence number")
        shards, start = [], 0
        for shard in self.shards:
            at, end = position - start, start + len(shard.records)
            if start <= position < end:
                shard = replace(shard, records=(*shard.records[:at], damaged, *shard.records[at + 1 :]))  # noqa: PLW2901 -- the same shard
            shards.append(shard)
            start = end
        return replace(self, shards=tuple(shards), damaged=self.damaged | {number})

    def split(self, after: int, children: int = 2) -> Self:
        """The stream with its only shard split. Each partition key continues in one of the children.

        Args:
            after: how many records remain in the parent.
            children: the number of children; AWS makes one or two.

        Raises:
            BadReplay: there is no record before or after the split, the stream has several shards, or it does not know
                its table's key.
        """
        if len(self.shards) != 1:
            raise BadReplay(f"the stream has {len(self.shards)} shards: only a stream with one shard can be split")
        [parent] = self.shards
        if not 0 < after < len(parent.records):
            raise BadReplay(f"a split after {after} of {len(parent.records)} records leaves one side empty")
        child_shards = [
            StreamShard(
                f"{parent.shard_id}-{child}",
                tuple(record for record in parent.records[after:] if self._lineage(record, children) == child),
                parent.shard_id,
            )
            for child in range(children)
        ]
        return replace(self, shards=(replace(parent, records=parent.records[:after]), *child_shards))

    def _lineage(self, record: StreamRecord, children: int) -> int:
        partition = self.partition_of(record).encode("utf-8", "surrogatepass")
        return int.from_bytes(sha256(partition).digest()) % children


def _number_in(damaged: object) -> object:
    match damaged:
        case {"dynamodb": {"SequenceNumber": number}} | {"kinesis": {"sequenceNumber": number}}:
            return number
    return None
