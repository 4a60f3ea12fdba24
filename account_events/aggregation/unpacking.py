"""From a record of Kinesis to the records in it: the Kinesis Producer Library's aggregates, unpacked.

F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf
(github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md)

Not by the library `aws_kinesis_agg`: it passes an aggregate with a wrong checksum on as if it were a plain record, and
swallows what goes wrong inside. Tests read with it what the projector writes.
"""

import hashlib
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from account_events.avro.errors import CorruptAggregate

MAGIC = b"\xf3\x89\x9a\xc2"
MD5_BYTES = 16


def unpack(data: bytes) -> list[bytes]:
    """The records in a record's data, in order; the data itself, if it is no aggregate.

    Raises:
        CorruptAggregate: it is a damaged one.
    """
    if not data.startswith(MAGIC):
        return [data]
    message, checksum = data[len(MAGIC) : -MD5_BYTES], data[-MD5_BYTES:]
    if len(data) < len(MAGIC) + MD5_BYTES or hashlib.md5(message, usedforsecurity=False).digest() != checksum:
        raise CorruptAggregate("The aggregate's checksum is not that of its content.")
    try:
        aggregate = _AGGREGATED_RECORD.FromString(message)
    except DecodeError as error:
        raise CorruptAggregate("The aggregate's content is no AggregatedRecord.") from error
    if not aggregate.IsInitialized():  # parsing does not ask
        raise CorruptAggregate("A record of the aggregate is without its partition key's index or its data.")
    keys = len(aggregate.partition_key_table)
    if aggregate.records and max([record.partition_key_index for record in aggregate.records]) >= keys:
        raise CorruptAggregate("A record of the aggregate names a partition key that is not in its table.")
    return [record.data for record in aggregate.records]


def _aggregated_record() -> Any:  # noqa: ANN401 -- a class made at run time
    """The message's class; what is not read here (tags) may be there."""
    field = FieldDescriptorProto
    keys = [
        field(name=name, number=number, label=field.LABEL_REPEATED, type=field.TYPE_STRING)
        for number, name in enumerate(("partition_key_table", "explicit_hash_key_table"), 1)
    ]
    records = field(
        name="records", number=3, label=field.LABEL_REPEATED, type=field.TYPE_MESSAGE, type_name=".kpl.Record"
    )
    of_record = [
        field(name="partition_key_index", number=1, label=field.LABEL_REQUIRED, type=field.TYPE_UINT64),
        field(name="explicit_hash_key_index", number=2, label=field.LABEL_OPTIONAL, type=field.TYPE_UINT64),
        field(name="data", number=3, label=field.LABEL_REQUIRED, type=field.TYPE_BYTES),
    ]
    pool = DescriptorPool()
    pool.Add(
        FileDescriptorProto(
            name="kpl.proto",
            package="kpl",
            message_type=[
                DescriptorProto(name="Record", field=of_record),
                DescriptorProto(name="AggregatedRecord", field=[*keys, records]),
            ],
        )
    )
    return GetMessageClass(pool.FindMessageTypeByName("kpl.AggregatedRecord"))


_AGGREGATED_RECORD = _aggregated_record()
