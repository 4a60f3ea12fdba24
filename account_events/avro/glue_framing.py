"""The framing of the AWS Glue Schema Registry: whose schema an event has is told by an id that the registry gave it.

03 | compression, 1 byte: 00 none, 05 zlib | schema version id, a UUID of 16 bytes, big-endian | Avro binary body
(github.com/awslabs/aws-glue-schema-registry: AWSSchemaRegistryConstants.java, SerializationDataEncoder.java)

Version ids are text here, as Glue's API takes and returns them: 36 characters, lower case.
"""

import re
import zlib

VERSION = b"\x03"
PLAIN, ZLIB = 0x00, 0x05
HEADER_SIZE = 18

BODY_BYTES_MAX = 1024 * 1024
"""Of an uncompressed body. The projector does not compress, and Kinesis takes 1 MiB from it at most, so whoever packs
an event of its anew has no more to pack: what grows beyond was made to exhaust memory."""

_VERSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DASHES = (8, 12, 16, 20)


def header(version_id: str) -> bytes:
    """What stands in front of an uncompressed body.

    Raises:
        ValueError: the id is not written as Glue writes one.
    """
    if not _VERSION_ID.fullmatch(version_id):
        raise ValueError(f"{version_id!r} is no schema version id of Glue's: a UUID, in lower case.")
    return VERSION + bytes([PLAIN]) + bytes.fromhex(version_id.replace("-", ""))


def is_framed(data: bytes) -> bool:
    """Whether the bytes begin with a whole header whose compression is known."""
    return len(data) >= HEADER_SIZE and data.startswith(VERSION) and data[1] in {PLAIN, ZLIB}


def is_compressed(data: bytes) -> bool:
    return data[1] == ZLIB


def version_id_in(data: bytes) -> str:
    """The schema version id in a whole header."""
    digits = data[2:HEADER_SIZE].hex()
    parts = zip((0, *_DASHES), (*_DASHES, None), strict=True)
    return "-".join(digits[start:end] for start, end in parts)


def inflated(data: bytes) -> bytes:
    """The body behind a header that says zlib.

    Raises:
        ValueError: what is there is not one zlib stream, whole, of at most `BODY_BYTES_MAX`; says what it is.
    """
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data[HEADER_SIZE:], BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise ValueError("is not the zlib data that its header promises") from error
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"inflates to more than {BODY_BYTES_MAX} bytes, as no event does")
    if not stream.eof:
        raise ValueError("breaks off within its zlib data")
    if stream.unused_data:
        raise ValueError(f"is followed by {len(stream.unused_data)} bytes")
    return body
