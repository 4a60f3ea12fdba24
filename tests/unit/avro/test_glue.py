"""The Glue Schema Registry's framing: AWS's own bytes, a round trip, and every refusal."""

import json
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_events.avro import glue_framing
from account_events.avro.codec import CONTRACT, Codec, decode, encode
from account_events.avro.encoder import ENCODERS, glue_encoders
from account_events.avro.errors import CorruptBody, ForeignSchema, UnknownFraming
from tests.unit.avro.given import BODY, CODEC, COMPRESSED_HEADER, EVENT, GLUE, ID, IDS, decoded_or_undecodable
from tests.unit.avro.test_codec import WITHDRAWN, events

STORED = b"\x78\x01\x00"
"""The start of a zlib stream and of a stored block. The block's length, its complement and its bytes must follow."""

# The byte arrays `genericBytes` and `specificBytes` of AWS's tests, and the values of their records:
# github.com/awslabs/aws-glue-schema-registry, below src/test/java/com/amazonaws/services/schemaregistry:
#   kafkastreams-serde/.../kafkastreams/AWSKafkaAvroSerDeTest.java (the first two)
#   avro-kafkaconnect-converter/.../kafkaconnect/AWSKafkaAvroConverterTest.java (the third)
# AWS's tests have no compressed bytes. tests/golden has one event, compressed as AWS's code does it.
UNIONS: dict[str, Any] = {
    "type": "record",
    "name": "User",
    "namespace": "com.amazonaws.services.schemaregistry.serializers.avro",
    "fields": [
        {"name": "name", "type": "string"},
        {"name": "favorite_number", "type": ["int", "null"]},
        {"name": "favorite_color", "type": ["string", "null"]},
    ],
}
PLAIN = UNIONS | {
    "fields": [
        field | {"type": kind} for field, kind in zip(UNIONS["fields"], ("string", "int", "string"), strict=True)
    ]
}
# fmt: off
VECTORS = [
    (
        [3, 0, -73, -76, -89, -16, -100, -106, 78, 74, -90, -121, -5, 93, -23, -17, 12, 99,
         10, 115, 97, 110, 115, 97, 0, -58, 1, 0, 6, 114, 101, 100],
        UNIONS, ("sansa", 99, "red"),
    ),
    (
        [3, 0, -73, -76, -89, -16, -100, -106, 78, 74, -90, -121, -5, 93, -23, -17, 12, 99,
         8, 116, 101, 115, 116, 0, 20, 0, 12, 118, 105, 111, 108, 101, 116],
        UNIONS, ("test", 10, "violet"),
    ),
    (
        [3, 0, -73, -76, -89, -16, -100, -106, 78, 74, -90, -121, -5, 93, -23, -17, 12, 99,
         10, 115, 97, 110, 115, 97, -58, 1, 6, 114, 101, 100],
        PLAIN, ("sansa", 99, "red"),
    ),
]
# fmt: on
# The UUID in these bytes. The same tests name it as text, `schemaVersionIdForTesting`.
VECTORS_ID = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"


@pytest.mark.parametrize(("signed", "schema", "values"), VECTORS)
def test_the_bytes_of_aws_tests_have_our_header_and_body(
    signed: list[int], schema: dict[str, Any], values: tuple[Any]
) -> None:
    data = bytes(byte % 256 for byte in signed)
    assert glue_framing.is_framed(data)
    assert not glue_framing.is_compressed(data)
    assert glue_framing.version_id_in(data) == VECTORS_ID
    body = BytesIO()
    fastavro.schemaless_writer(
        body, schema, dict(zip(("name", "favorite_number", "favorite_color"), values, strict=True))
    )
    assert data == glue_framing.header(VECTORS_ID) + body.getvalue()


def test_the_events_of_aws_tests_are_foreign_to_this_contract() -> None:
    data = bytes(byte % 256 for byte in VECTORS[0][0])
    with pytest.raises(ForeignSchema, match=r"serializers\.avro\.User is not in account\.events\.v1") as caught:
        Codec(CONTRACT, {ID: json.dumps(UNIONS)}.get).decode(data)
    assert caught.value.version_id == ID


@pytest.mark.parametrize("wrong", ["", ID.upper(), ID[:-1], f"{ID}0", ID.replace("-", ""), f"{{{ID}}}", f"{ID}\n"])
def test_an_id_that_glue_would_not_write_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a schema version id"):
        glue_framing.header(wrong)


@given(st.uuids().map(str))
def test_a_header_keeps_its_version_id(version_id: str) -> None:
    header = glue_framing.header(version_id)
    assert (len(header), glue_framing.version_id_in(header)) == (glue_framing.HEADER_SIZE, version_id)


def frame_plain(fields: dict[str, Any]) -> bytes:
    return encode("BalanceCredited", fields, GLUE)


def frame_zlib(fields: dict[str, Any]) -> bytes:
    plain = frame_plain(fields)
    return b"\x03\x05" + plain[2 : glue_framing.HEADER_SIZE] + zlib.compress(plain[glue_framing.HEADER_SIZE :])


@pytest.mark.parametrize("framed", [frame_plain, frame_zlib])
@given(fields=events)
def test_both_framings_decode_to_the_same_event(
    framed: Callable[[dict[str, Any]], bytes], fields: dict[str, Any]
) -> None:
    data = framed(fields)
    assert CODEC.decode(data) == decode(encode("BalanceCredited", fields))
    schema, body, start = CODEC.opened(data)
    assert schema.source == CONTRACT.working["BalanceCredited"].source
    assert body[start:] == frame_plain(fields)[glue_framing.HEADER_SIZE :]


def test_the_framings_differ_only_in_the_header() -> None:
    assert encode("BalanceWithdrawn", WITHDRAWN)[10:] == BODY
    assert EVENT[: glue_framing.HEADER_SIZE] == glue_framing.header(IDS["BalanceWithdrawn"])


def test_the_id_of_another_version_is_not_used() -> None:
    others = {fingerprint.hex(): ID for fingerprint in CONTRACT.known}
    del others[ENCODERS["AccountCreated"].fingerprint.hex()]
    with pytest.raises(LookupError, match="no schema version id for the current schema of AccountCreated"):
        glue_encoders(others)


def zlib_body(body: bytes) -> bytes:
    return COMPRESSED_HEADER + zlib.compress(body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (COMPRESSED_HEADER + BODY, "is not zlib data"),
        (COMPRESSED_HEADER, "truncated zlib"),
        (zlib_body(BODY)[:-1], "truncated zlib"),
        (zlib_body(BODY)[:-4], "truncated zlib"),
        (zlib_body(BODY)[:-1] + b"\xff", "is not zlib data"),
        (zlib_body(BODY) + b"\x00\x00", "followed by 2 bytes"),
        (zlib_body(BODY) * 2, r"followed by \d+ bytes"),
        (zlib_body(BODY + b"\x00"), "1 bytes follow"),
        (zlib_body(BODY[:-1]), "is truncated or has"),
        (zlib_body(b""), "is truncated or has"),
        (zlib_body(bytes(glue_framing.BODY_BYTES_MAX + 1)), "inflates to more than 1048576 bytes"),
        (COMPRESSED_HEADER + STORED + b"\x00\x00\xff\xff" * 9, "truncated zlib"),
    ],
)
def test_an_incomplete_compressed_body_is_corrupt(data: bytes, message: str) -> None:
    with pytest.raises(CorruptBody, match=f"BalanceWithdrawn.*{message}|{message}.*BalanceWithdrawn"):
        CODEC.decode(data)


def test_a_zip_bomb_is_inflated_only_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []

    class Stream:
        eof, unused_data = False, b""

        def decompress(self, _: bytes, bytes_max: int) -> bytes:
            limits.append(bytes_max)
            return bytes(bytes_max)

    monkeypatch.setattr(zlib, "decompressobj", Stream)
    with pytest.raises(ValueError, match="more than"):
        glue_framing.inflated(COMPRESSED_HEADER)
    assert limits == [glue_framing.BODY_BYTES_MAX + 1]


def test_a_body_of_the_maximum_size_is_inflated() -> None:
    assert len(glue_framing.inflated(zlib_body(bytes(glue_framing.BODY_BYTES_MAX)))) == glue_framing.BODY_BYTES_MAX


beginnings = st.sampled_from(
    [
        *(
            b"",
            b"\xc3\x01",
            b"\x03",
            b"\x03\x00",
            b"\x03\x05",
            b"\x00",
            b"Obj\x01",
            b"\x1f\x8b",
            b"\xf3\x89\x9a\xc2",
            b"{",
        ),
        *(EVENT[: glue_framing.HEADER_SIZE], COMPRESSED_HEADER, COMPRESSED_HEADER + zlib.compress(BODY)[:20]),
        *(encode("BalanceWithdrawn", WITHDRAWN)[:size] for size in (10, 20, 60)),
    ]
)


@given(beginnings, st.binary(max_size=80) | st.binary(max_size=80).map(zlib.compress))
@example(b"", BODY)
def test_no_bytes_raise_anything_but_undecodable(beginning: bytes, rest: bytes) -> None:
    decoded_or_undecodable(CODEC, beginning + rest)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (EVENT[:17], "Glue's header has 18 bytes; the data has only 17"),
        (b"\x03", "Glue's header has 18 bytes; the data has only 1"),
        (b"\x03\x01" + EVENT[2:], "unknown compression, 01"),
    ],
)
def test_an_invalid_header_is_described(data: bytes, message: str) -> None:
    with pytest.raises(UnknownFraming, match=message):
        CODEC.decode(data)
