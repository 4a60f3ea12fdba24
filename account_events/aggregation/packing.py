"""Packs events into one Kinesis record in the Kinesis Producer Library's format, which KCL, Firehose and Flink unpack.

F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf
(github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md)

    message AggregatedRecord {
      repeated string partition_key_table = 1;
      repeated string explicit_hash_key_table = 2;
      repeated Record records = 3;          // partition_key_index = 1, explicit_hash_key_index = 2, data = 3
    }

All events of a record have the same two keys, so each table has one entry, and the bytes before an event's data depend
only on its length.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

MAGIC = b"\xf3\x89\x9a\xc2"
MD5_BYTES = 16

_PARTITION_KEYS, _HASH_KEYS, _RECORDS = b"\x0a", b"\x12", b"\x1a"  # the fields' protobuf tags: all are length-delimited
_FIRST_OF_BOTH = b"\x08\x00\x10\x00"
_DATA = b"\x1a"

FRAMING_BYTES_MAX = 13
"""The maximum number of bytes before an event's data: four tags, two indices, two lengths of up to three bytes."""


def overhead(partition_key: str, explicit_hash_key: str) -> int:
    """The size of a record without events, in bytes."""
    return len(MAGIC) + MD5_BYTES + len(_keys(partition_key, explicit_hash_key))


def aggregate(partition_key: str, explicit_hash_key: str, events: Iterable[bytes]) -> bytes:
    """Pack events into the data of a record. Put the record with the same two keys."""
    parts = [_keys(partition_key, explicit_hash_key)]
    for data in events:
        parts.append(_before(len(data)))
        parts.append(data)
    message = b"".join(parts)
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


@lru_cache(maxsize=256)
def _keys(partition_key: str, explicit_hash_key: str) -> bytes:
    keys = partition_key.encode(), explicit_hash_key.encode()
    return b"".join(tag + _varint(len(key)) + key for tag, key in zip((_PARTITION_KEYS, _HASH_KEYS), keys, strict=True))


@lru_cache(maxsize=4_096)
def _before(size: int) -> bytes:
    data = _FIRST_OF_BOTH + _DATA + _varint(size)
    return _RECORDS + _varint(len(data) + size) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 -- seven bits per byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
