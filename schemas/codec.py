"""Domain events as bytes, and back: Avro's single-object encoding. `encoder` writes it; this reads it.

C3 01 | CRC-64-AVRO fingerprint of the writer's schema, 8 bytes little-endian | Avro binary body
(avro.apache.org/docs/1.12.0/specification/#single-object-encoding)

Money is `Decimal` of scale 2, `occurred_at` an aware `datetime` in UTC, on both ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.contract import Contract, Schema, load
from schemas.encoder import MARKER, encode
from schemas.errors import NotSingleObject, UnknownFingerprint
from schemas.reader import Reader

__all__ = ["HEADER_SIZE", "Codec", "DomainEvent", "decode", "encode"]

HEADER_SIZE = 10

# The other framings met on Kinesis, by their first bytes; all four differ.
_FOREIGN = (
    (b"\xf3\x89\x9a\xc2", "a KPL aggregate: de-aggregate it first"),
    (b"\x03", "AWS Glue Schema Registry framing"),
    (b"\x00", "Confluent Schema Registry framing"),
)


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """One event as another team reads it.

    Attributes:
        name: "AccountCreated", "BalanceWithdrawn" or "BalanceCredited".
        fingerprint: the writer's schema, 16 hexadecimal digits as on the wire.
        fields: by the names in the writer's schema.
    """

    name: str
    fingerprint: str
    fields: Mapping[str, Any]


class Codec:
    """Decodes with every schema of a contract."""

    def __init__(self, contract: Contract) -> None:
        self._known = contract.known
        self._readers = {fingerprint: Reader(schema) for fingerprint, schema in contract.known.items()}

    def decode(self, data: bytes) -> DomainEvent:
        """The event in the bytes, read with the schema it was written with.

        Raises:
            NotSingleObject: another framing, named in the message where it is recognised.
            UnknownFingerprint: the writer's schema is not among the known ones.
            CorruptBody: the body contradicts its schema, or bytes follow it.
        """
        schema, encoded, start = self.opened(data)
        fields = self._readers[schema.fingerprint].read(encoded, start)
        return DomainEvent(schema.name, schema.fingerprint.hex(), fields)

    def opened(self, data: bytes) -> tuple[Schema, bytes, int]:
        """The writer's schema, and the bytes and the position in them at which the Avro body begins.

        Raises:
            NotSingleObject, UnknownFingerprint: see `decode`.
        """
        if not data.startswith(MARKER) or len(data) < HEADER_SIZE:
            raise NotSingleObject(_what_it_is(data))
        schema = self._known.get(data[len(MARKER) : HEADER_SIZE])
        if schema is None:
            raise UnknownFingerprint(data[len(MARKER) : HEADER_SIZE].hex())
        return schema, data, HEADER_SIZE


def _what_it_is(data: bytes) -> str:
    if data.startswith(MARKER):
        return f"The single-object header is {HEADER_SIZE} bytes; there are only {len(data)}."
    for first_bytes, what in _FOREIGN:
        if data.startswith(first_bytes):
            return f"Not Avro single-object encoding; it looks like {what}."
    return f"Not Avro single-object encoding; it begins with {data[:4].hex() or 'nothing at all'}."


_CODEC = Codec(load(Path(__file__).parent))
decode = _CODEC.decode
