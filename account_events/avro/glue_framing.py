"""The framing of the AWS Glue Schema Registry, which identifies an event's schema by its version id in the registry.

03 | compression, 1 byte: 00 none, 05 zlib | schema version id, a UUID of 16 bytes, big-endian | Avro binary body
(github.com/awslabs/aws-glue-schema-registry: AWSSchemaRegistryConstants.java, SerializationDataEncoder.java)

Version ids are strings, as in Glue's API: 36 characters, lower case.
"""

import re
import zlib

VERSION = b"\x03"
PLAIN, ZLIB = 0x00, 0x05
HEADER_SIZE = 18

BODY_BYTES_MAX = 1024 * 1024
"""The maximum size of an inflated body. The projector does not compress, and a Kinesis record has at most 1 MiB, so a
larger body cannot be one of its events; it may be an attempt to exhaust memory."""

_VERSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DASHES = (8, 12, 16, 20)


def header(version_id: str) -> bytes:
    """The header of an uncompressed body.

    Raises:
        ValueError: the id is not a lower-case UUID, as Glue writes it.
    """
    if not _VERSION_ID.fullmatch(version_id):
        raise ValueError(f"{version_id!r} is not a schema version id of Glue: it must be a UUID in lower case.")
    return VERSION + bytes([PLAIN]) + bytes.fromhex(version_id.replace("-", ""))


def is_framed(data: bytes) -> bool:
    """Whether the bytes begin with a complete header with a known compression."""
    return len(data) >= HEADER_SIZE and data.startswith(VERSION) and data[1] in {PLAIN, ZLIB}


def is_compressed(data: bytes) -> bool:
    return data[1] == ZLIB


def version_id_in(data: bytes) -> str:
    """The schema version id in a complete header."""
    digits = data[2:HEADER_SIZE].hex()
    parts = zip((0, *_DASHES), (*_DASHES, None), strict=True)
    return "-".join(digits[start:end] for start, end in parts)


def inflated(data: bytes) -> bytes:
    """Decompress the body after a header with zlib compression.

    Raises:
        ValueError: the body is not exactly one complete zlib stream of at most `BODY_BYTES_MAX` inflated bytes. The
            message completes the sentence "The body ...".
    """
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data[HEADER_SIZE:], BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise ValueError("is not zlib data, although its header declares zlib") from error
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"inflates to more than {BODY_BYTES_MAX} bytes, which no event has")
    if not stream.eof:
        raise ValueError("has truncated zlib data")
    if stream.unused_data:
        raise ValueError(f"is followed by {len(stream.unused_data)} bytes")
    return body
