"""Fixtures for Glue's framing: a version id for each current schema, and an event in that framing."""

from account_events.avro import glue_framing
from account_events.avro.codec import CONTRACT, Codec, DomainEvent, encode
from account_events.avro.encoder import ENCODERS, glue_encoders
from account_events.avro.errors import Undecodable
from account_events.avro.schemas_path import SCHEMAS
from tests.unit.avro.test_codec import WITHDRAWN

FOLDER = SCHEMAS
ID = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"
IDS = {name: f"{number:08x}-9c96-4e4a-a687-fb5de9ef0c63" for number, name in enumerate(ENCODERS, 0xFFFFFFF0)}
GLUE = glue_encoders({encoder.fingerprint.hex(): IDS[name] for name, encoder in ENCODERS.items()})
SOURCES = {IDS[name]: (FOLDER / f"{name}.avsc").read_text() for name in ENCODERS}
CODEC = Codec(CONTRACT, SOURCES.get)
EVENT = encode("BalanceWithdrawn", WITHDRAWN, GLUE)
BODY = EVENT[glue_framing.HEADER_SIZE :]
COMPRESSED_HEADER = b"\x03\x05" + EVENT[2 : glue_framing.HEADER_SIZE]


def decoded_or_undecodable(codec: Codec, data: bytes) -> DomainEvent | None:
    """Decode the data if possible. Any exception but Undecodable fails the test."""
    try:
        return codec.decode(data)
    except Undecodable:
        return None
