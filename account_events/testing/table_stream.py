"""A table's stream that can be replayed: shards with their records, and what may be done to them beforehand. Pure."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise

from account_core.rows.items import version_in
from account_events.testing.errors import BadReplay
from account_events.testing.records import Image, StreamRecord, image_record, number_of

FIRST_SHARD = "shardId-00000000000000000000-00000000"

Damage = Callable[[StreamRecord], StreamRecord | None]
"""Makes a poison of a record: changes the one given, which is a copy, or answers with another."""


@dataclass(frozen=True, slots=True)
class StreamShard:
    """Records in the order in which they were written; all of the parent's were written before."""

    shard_id: str
    records: tuple[StreamRecord, ...]
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class TableStream:
    """Shards, parents before their children.

    Attributes:
        shards: at least one, though it may be empty.
        repeats: how many records its source held a second time; each is here once.
        spoilt: the sequence numbers of the records that `poisoned` has damaged.
    """

    shards: tuple[StreamShard, ...]
    repeats: int = 0
    spoilt: frozenset[str] = frozenset()

    @classmethod
    def of(cls, records: Iterable[StreamRecord]) -> "TableStream":
        """One shard."""
        return cls((StreamShard(FIRST_SHARD, tuple(records)),))

    @classmethod
    def of_images(cls, images: Iterable[Image]) -> "TableStream":
        """One shard, in which these rows were inserted in this order."""
        return cls.of(image_record(image, number) for number, image in enumerate(images))

    def __post_init__(self) -> None:
        """Refuse what a mapping would pass over.

        Raises:
            BadReplay: a shard is there twice or before its parent, or its records' numbers do not go up.
        """
        seen: set[str] = set()
        ids = {shard.shard_id for shard in self.shards}
        for shard in self.shards:
            if shard.shard_id in seen or (shard.parent_id in ids and shard.parent_id not in seen):
                raise BadReplay(f"shard {shard.shard_id} is there twice, or before its parent {shard.parent_id}")
            seen.add(shard.shard_id)
            numbers = [int(number_of(record)) for record in shard.records]
            for before, number in pairwise(numbers):
                if number <= before:
                    raise BadReplay(f"shard {shard.shard_id}: sequence number {number} stands behind {before}")

    @property
    def records(self) -> tuple[StreamRecord, ...]:
        """All of them, shard by shard."""
        return tuple(record for shard in self.shards for record in shard.records)

    def images(self) -> list[Image]:
        """The rows that the records brought into the table, but for those that no table could hold."""
        found = [record["dynamodb"].get("NewImage") for record in self.records if record.get("eventName") == "INSERT"]
        return [image for image in found if has_key(image)]

    def poisoned(self, position: int, damage: Damage) -> "TableStream":
        """One record damaged.

        Args:
            position: among all `records`, from 0.
            damage: `poison` has some.

        Raises:
            BadReplay: there is no such record, or the damage found nothing to spoil, or left it as it was.
        """
        records = self.records
        if not 0 <= position < len(records):
            raise BadReplay(f"there is no record {position} to poison: {len(records)} records, counted from 0")
        spoilt = copy.deepcopy(records[position])
        try:
            spoilt = damage(spoilt) or spoilt
        except (KeyError, TypeError) as error:
            raise BadReplay(f"record {position} has not what this damage spoils: {error!r}") from error
        if spoilt == records[position]:
            raise BadReplay(f"record {position} is as it was: this damage does nothing to it")
        if _number_in(spoilt) != (number := number_of(records[position])):
            raise BadReplay(f"record {position}: its SequenceNumber is the stream's, and stays as it is")
        shards, start = [], 0
        for shard in self.shards:
            at, end = position - start, start + len(shard.records)
            if start <= position < end:
                shard = replace(shard, records=(*shard.records[:at], spoilt, *shard.records[at + 1 :]))  # noqa: PLW2901 -- the same shard
            shards.append(shard)
            start = end
        return replace(self, shards=tuple(shards), spoilt=self.spoilt | {number})

    def split(self, after: int, children: int = 2) -> "TableStream":
        """The only shard split behind its first records; each account goes on in one of the children.

        Args:
            after: how many records remain in the parent.
            children: into how many; DynamoDB makes one or two.

        Raises:
            BadReplay: there is nothing before the split, or nothing behind it, or it has been split already.
        """
        if len(self.shards) != 1:
            raise BadReplay(f"the stream has {len(self.shards)} shards already: only a single one can be split")
        [parent] = self.shards
        if not 0 < after < len(parent.records):
            raise BadReplay(f"a split after {after} of {len(parent.records)} records leaves one side empty")
        born = [
            StreamShard(
                f"{parent.shard_id}-{child}",
                tuple(record for record in parent.records[after:] if _lineage(record, children) == child),
                parent.shard_id,
            )
            for child in range(children)
        ]
        return replace(self, shards=(replace(parent, records=parent.records[:after]), *born))


def account_of(record: StreamRecord) -> str:
    """Its account's id; of a record that does not tell, its number."""
    match record["dynamodb"].get("Keys"):
        case {"AccountId": {"S": str(account_id)}}:
            return account_id
    return number_of(record)


def has_key(image: object) -> bool:
    """Whether a row of the accounts' table could have this image."""
    match image:
        case {"AccountId": {"S": str(account_id)}, "Version": {"N": str(version)}}:
            return account_id != "" and version_in(version) is not None
    return False


def _number_in(damaged: object) -> object:
    match damaged:
        case {"dynamodb": {"SequenceNumber": number}}:
            return number
    return None


def _lineage(record: StreamRecord, children: int) -> int:
    return int.from_bytes(sha256(account_of(record).encode("utf-8", "surrogatepass")).digest()) % children


def as_stream(stream: TableStream | Sequence[StreamRecord]) -> TableStream:
    return stream if isinstance(stream, TableStream) else TableStream.of(stream)
