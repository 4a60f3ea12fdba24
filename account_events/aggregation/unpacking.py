"""Unpacks the Kinesis Producer Library's aggregates.

F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf
(github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md)

The library `aws_kinesis_agg` is not used: it returns an aggregate with a wrong checksum as a plain record, and swallows
errors in the content. Tests use it to read what the projector writes.
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
    """The user records in a Kinesis record's data, in order; the data itself if it is not an aggregate.

    Raises:
        CorruptAggregate: the aggregate is damaged. Store the record and have its accounts replayed; never skip it.
    """
    if not data.startswith(MAGIC):
        return [data]
    message, checksum = data[len(MAGIC) : -MD5_BYTES], data[-MD5_BYTES:]
    if len(data) < len(MAGIC) + MD5_BYTES or hashlib.md5(message, usedforsecurity=False).digest() != checksum:
        raise CorruptAggregate("The aggregate's checksum does not match its content.")
    try:
        aggregate = _AGGREGATED_RECORD.FromString(message)
    except DecodeError as error:
        raise CorruptAggregate("The aggregate's content is not an AggregatedRecord.") from error
    if not aggregate.IsInitialized():  # parsing does not check required fields
        raise CorruptAggregate("A record of the aggregate lacks its partition key's index or its data.")
    keys = len(aggregate.partition_key_table)
    if aggregate.records and max([record.partition_key_index for record in aggregate.records]) >= keys:
        raise CorruptAggregate("A record of the aggregate refers to a partition key that is not in the table.")
    return [record.data for record in aggregate.records]


def _aggregated_record() -> Any:  # noqa: ANN401 -- a class made at run time
    """The protobuf class of AggregatedRecord. Fields that are not declared here (tags) are ignored."""
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
