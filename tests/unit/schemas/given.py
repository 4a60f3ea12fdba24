"""What the tests of Glue's framing are given: each working schema under an id, and an event in that framing."""

from pathlib import Path

import schemas
from schemas import glue
from schemas.codec import CONTRACT, Codec, DomainEvent, encode
from schemas.encoder import ENCODERS, glue_encoders
from schemas.errors import Undecodable
from tests.unit.schemas.test_codec import WITHDRAWN

FOLDER = Path(schemas.__file__).parent
ID = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"
IDS = {name: f"{number:08x}-9c96-4e4a-a687-fb5de9ef0c63" for number, name in enumerate(ENCODERS, 0xFFFFFFF0)}
GLUE = glue_encoders({encoder.fingerprint.hex(): IDS[name] for name, encoder in ENCODERS.items()})
SOURCES = {IDS[name]: (FOLDER / f"{name}.avsc").read_text() for name in ENCODERS}
CODEC = Codec(CONTRACT, SOURCES.get)
EVENT = encode("BalanceWithdrawn", WITHDRAWN, GLUE)
BODY = EVENT[glue.HEADER_SIZE :]
COMPRESSED_HEADER = b"\x03\x05" + EVENT[2 : glue.HEADER_SIZE]


def decoded_or_undecodable(codec: Codec, data: bytes) -> DomainEvent | None:
    """Anything else that it raises fails the test."""
    try:
        return codec.decode(data)
    except Undecodable:
        return None
