"""Functions that damage records of domain events, for `replay(..., poison={position: damage})`.

Each function changes the given copy of a record. It raises TypeError if the record cannot be damaged in this way.
"""

import base64
import hashlib

from account_events.aggregation.unpacking import MAGIC, MD5_BYTES, unpack
from account_events.avro import glue_framing
from account_events.avro.encoder import HEADER_SIZE, MARKER
from account_events.testing.records import StreamRecord

NEGATIVE_LENGTH = 0x01
"""-1 in Avro's encoding."""
SCHEMA_ID = 2, 10
"""The bytes of the fingerprint, or of half the version id: they follow the first two bytes of either framing."""


def not_an_event(record: StreamRecord) -> None:
    """The record's data is not an event: `UnknownFraming`."""
    _set(record, b"somebody else's data")


def corrupt_aggregate(record: StreamRecord) -> None:
    """One bit of the aggregate is changed, so that its checksum is wrong: `CorruptAggregate`."""
    data = _data(record)
    if not data.startswith(MAGIC):
        raise TypeError("the record is not aggregated")
    _set(record, data[:-1] + bytes([data[-1] ^ 1]))


def unknown_schema(record: StreamRecord) -> None:
    """The last event has an unknown schema: `UnknownFingerprint`, or `UnknownSchemaVersion`."""
    last = unpack(_data(record))[-1]
    start, end = SCHEMA_ID
    _replace(record, last, last[:start] + bytes(byte ^ 0xFF for byte in last[start:end]) + last[end:])


def corrupt_body(record: StreamRecord) -> None:
    """The last event's bytes contradict its schema: `CorruptBody`."""
    last = unpack(_data(record))[-1]
    at = HEADER_SIZE if last.startswith(MARKER) else glue_framing.HEADER_SIZE
    _replace(record, last, last[:at] + bytes([NEGATIVE_LENGTH]) + last[at + 1 :])


def _replace(record: StreamRecord, event: bytes, by: bytes) -> None:
    """Replace the last occurrence of an event in the record, and correct the aggregate's checksum."""
    before, _, after = _data(record).rpartition(event)
    data = before + by + after
    if data.startswith(MAGIC):
        message = data[len(MAGIC) : -MD5_BYTES]
        data = MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()
    _set(record, data)


def _data(record: StreamRecord) -> bytes:
    return base64.b64decode(record["kinesis"]["data"])


def _set(record: StreamRecord, data: bytes) -> None:
    record["kinesis"]["data"] = base64.b64encode(data).decode()
