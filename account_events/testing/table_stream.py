"""The stream of a DynamoDB table, for a replay. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from account_events.testing.errors import BadReplay, BadSource
from account_events.testing.record_stream import FIRST_SHARD, RecordStream, StreamShard
from account_events.testing.records import Image, StreamRecord, image_record, is_of_kinesis, number_of
from account_events.testing.table_key import TableKey


@dataclass(frozen=True, slots=True)
class TableStream(RecordStream):
    """The stream of a DynamoDB table; see `RecordStream`.

    Attributes:
        key: the table's key. Without it, the stream can be replayed, but neither split nor shuffled.
        repeats: how many repetitions of records in the source were left out.
    """

    key: TableKey | None = None
    repeats: int = 0

    @classmethod
    def of(cls, records: Iterable[StreamRecord], key: TableKey | None = None) -> Self:
        """A stream with one shard."""
        found = tuple(records)
        return cls((StreamShard(FIRST_SHARD, found),), key=key or _only_key(found))

    @classmethod
    def of_images(cls, images: Iterable[Image], key: TableKey) -> Self:
        """A stream with one shard, in which these items were inserted in this order.

        Raises:
            BadSource: an item has no valid key of the table.
        """
        images = list(images)
        for number, image in enumerate(images, 1):
            if fault := key.fault_in(image):
                raise BadSource(f"item {number}: the key attribute {fault}")
        return cls.of((image_record(image, number, key) for number, image in enumerate(images)), key)

    def images(self) -> list[Image]:
        """The items that the records inserted, except those with an invalid key."""
        found = [record["dynamodb"].get("NewImage") for record in self.records if record.get("eventName") == "INSERT"]
        return [image for image in found if isinstance(image, Mapping) and (self.key is None or self.key.is_in(image))]

    def partition_of(self, record: StreamRecord) -> str:
        """The value of a record's partition key as text; its sequence number if it has no such key.

        Raises:
            BadReplay: the stream does not know its table's key.
        """
        if self.key is None:
            raise BadReplay(
                "the stream does not know which key attribute is the partition key: make it with "
                "key=TableKey(partition, sort)"
            )
        match (record["dynamodb"].get("Keys") or {}).get(self.key.partition):
            case {"S": str(value)} | {"N": str(value)} | {"B": str(value)}:
                return value
        return number_of(record)


def as_stream(stream: RecordStream | Sequence[StreamRecord]) -> RecordStream:
    """The stream itself, or records as a stream with one shard."""
    if isinstance(stream, RecordStream):
        return stream
    return RecordStream.of(stream) if any(map(is_of_kinesis, stream)) else TableStream.of(stream)


def _only_key(records: Sequence[StreamRecord]) -> TableKey | None:
    """The table's key, if the records' `Keys` have only one attribute."""
    names = {name for record in records for name in record.get("dynamodb", {}).get("Keys") or ()}
    return TableKey(names.pop()) if len(names) == 1 else None
