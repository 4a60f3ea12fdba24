"""Domain events to bytes: an encoder for each working schema, compiled from its file when this module is imported.

Avro's single-object encoding: C3 01 | CRC-64-AVRO fingerprint of the schema, 8 bytes little-endian | binary body
(avro.apache.org/docs/1.12.0/specification/#single-object-encoding)
Or the Glue Schema Registry's framing (see `glue`): the same body behind another header, which is chosen once.

Own code beside fastavro, which stays the tests' oracle and the reader: the projector's function makes every event of
every account, and spends a third of the time here that fastavro takes, and none on importing it. Only what the
contract's schemas use is here: records of text, longs, bytes and one union.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from account_events.avro import glue_framing
from account_events.avro.errors import InvalidEvent
from account_events.avro.schemas_path import SCHEMAS
from account_events.avro.values import Rule, primitive_for, rule_for

MARKER = b"\xc3\x01"
HEADER_SIZE = 10
FINGERPRINTS = "fingerprints.json"

Field = Callable[[Any], bytes]


class Encoder:
    """One event's.

    Attributes:
        name: the event's, without the namespace.
        fields: their names in the schema's order.
        types: their Avro types, in the same order.
        fingerprint: of its schema, as on the wire.
        header: what stands in front of their values.
    """

    def __init__(self, schema: Mapping[str, Any], fingerprint: bytes) -> None:
        types = {field["name"]: field["type"] for field in schema["fields"]}
        self.name: str = schema["name"]
        self.fields = tuple(types)
        self.types: tuple[Any, ...] = tuple(types.values())
        self.fingerprint = fingerprint
        self.header = MARKER + fingerprint
        self._writers = tuple(_writer_for(avro_type) for avro_type in types.values())
        self._rules: dict[str, Rule] = {field: rule_for(avro_type) for field, avro_type in types.items()}
        self._primitives = {field: primitive_for(avro_type) for field, avro_type in types.items()}

    def with_header(self, header: bytes) -> "Encoder":
        """The same but for what stands in front."""
        other = copy(self)
        other.header = header
        return other

    def write(self, values: Sequence[Any]) -> bytes:
        """The event's bytes, unchecked and fast.

        Args:
            values: in the order of `fields`, in Avro's primitive types: money as whole cents, time as microseconds
                since 1970, both `int`.

        Raises:
            AttributeError, TypeError, ValueError: some values of a wrong type; others make wrong bytes.
        """
        return b"".join([self.header, *[write(value) for write, value in zip(self._writers, values, strict=True)]])

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """The event's bytes; see `encode`."""
        if fields.keys() != self._rules.keys():
            missing, unexpected = sorted(self._rules.keys() - fields.keys()), sorted(fields.keys() - self._rules.keys())
            raise InvalidEvent(f"{self.name}: missing fields {missing}, unexpected fields {unexpected}.")
        for field, rule in self._rules.items():
            if wrong := rule(fields[field]):
                raise InvalidEvent(f"{self.name}.{field} {wrong}.")
        return self.write([primitive(fields[field]) for field, primitive in self._primitives.items()])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 -- seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


SMALL = tuple(_varint(value << 1) for value in range(2048))
"""Small longs ready made, zigzag: nearly every length, and the numbers of most events."""


def long(value: int) -> bytes:
    """Zigzag, then seven bits a byte; microseconds since 1970, in every event, without a loop."""
    if 0 <= value < _SMALL_BELOW:
        return SMALL[value]
    if _EIGHT_BYTES_MIN <= value < _EIGHT_BYTES_BELOW:
        return _eight_bytes(value << 1)
    return _varint((value << 1) ^ (value >> 63))


_SMALL_BELOW = len(SMALL)
_EIGHT_BYTES_MIN, _EIGHT_BYTES_BELOW = 2**48, 2**55  # as a time: from 1978 to 3111


def _eight_bytes(value: int) -> bytes:
    """The varint of a number of 50 to 56 bits: halves move apart until every seven bits have their byte."""
    value = value & 0x0FFFFFFF | (value & 0xFFFFFFF_0000000) << 4
    value = value & 0x00003FFF_00003FFF | (value & 0x0FFFC000_0FFFC000) << 2
    value = value & 0x007F007F_007F007F | (value & 0x3F803F80_3F803F80) << 1
    return (value | 0x00808080_80808080).to_bytes(8, "little")


def string(value: str) -> bytes:
    text = value.encode()
    size = len(text)
    return (SMALL[size] if size < _SMALL_BELOW else long(size)) + text


def optional_string(value: str | None) -> bytes:
    if value is None:
        return b"\x00"
    text = value.encode()
    size = len(text)
    return b"\x02" + (SMALL[size] if size < _SMALL_BELOW else long(size)) + text


def decimal(value: int) -> bytes:
    """Two's complement in as few bytes as hold the absolute value and a sign."""
    size = (value.bit_length() + 8) >> 3
    return SMALL[size] + value.to_bytes(size, "big", signed=True)


def _writer_for(avro_type: Any) -> Field:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    match avro_type:
        case "string":
            return string
        case ["null", "string"]:
            return optional_string
        case {"type": "bytes", "logicalType": "decimal"}:
            return decimal
        case _:
            return long  # `rule_for` has refused every type that is not in the contract


def load(folder: Path) -> dict[str, Encoder]:
    """The encoders of the working schemas in a folder, by event name.

    The fingerprints come from a file beside them, so that none has to be computed at a function's cold start; a test
    computes them.
    """
    fingerprints: dict[str, str] = json.loads((folder / FINGERPRINTS).read_text(encoding="utf-8"))
    sources = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.avsc"))]
    return {source["name"]: Encoder(source, bytes.fromhex(fingerprints[source["name"]])) for source in sources}


Encoders = Mapping[str, Encoder]
"""By event name."""
ENCODERS: Encoders = load(SCHEMAS)
"""In single-object encoding."""


def glue_encoders(version_ids: Mapping[str, str]) -> Encoders:
    """Encoders in Glue's framing.

    Args:
        version_ids: of the schemas in the registry, by fingerprint (16 hexadecimal digits, as on the wire). By name,
            the id of another version of a schema could be taken for the working one's, and consumers would read bodies
            with the wrong schema.

    Raises:
        LookupError: a working schema has no id there.
        ValueError: an id is not written as Glue writes one.
    """
    missing = [name for name, encoder in ENCODERS.items() if encoder.fingerprint.hex() not in version_ids]
    if missing:
        raise LookupError(f"there is no schema version id for the working schema of {', '.join(missing)}")
    return {
        name: encoder.with_header(glue_framing.header(version_ids[encoder.fingerprint.hex()]))
        for name, encoder in ENCODERS.items()
    }


def encode(name: str, fields: Mapping[str, Any], encoders: Encoders = ENCODERS) -> bytes:
    """The event's bytes: the same for the same fields, always.

    Args:
        name: "AccountCreated", "BalanceWithdrawn" or "BalanceCredited".
        fields: every field of the working schema, also those with a default, and no other. Money is `Decimal` of
            scale 2, `occurred_at` an aware `datetime`.
        encoders: these choose the framing.

    Raises:
        InvalidEvent: the name is unknown, a field is missing, unexpected or of the wrong type, or a value would have to
            be rounded. Nothing was encoded; no retry can help.
    """
    encoder = encoders.get(name)
    if encoder is None:
        raise InvalidEvent(f"There is no event {name!r}; there are {', '.join(encoders)}.")
    return encoder.encode(fields)
