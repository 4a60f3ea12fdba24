"""Domain events as bytes, and back, in either of two framings. `encoder` writes them; this reads them.

Avro's single-object encoding: C3 01 | CRC-64-AVRO fingerprint of the writer's schema, 8 bytes little-endian | body
(avro.apache.org/docs/1.12.0/specification/#single-object-encoding)
The Glue Schema Registry's: see `glue`.

Money is `Decimal` of scale 2, `occurred_at` an aware `datetime` in UTC, on both ways.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastavro.schema import SchemaParseException

from account_events.avro import glue_framing
from account_events.avro.contract import Contract, Schema, load, parse
from account_events.avro.encoder import HEADER_SIZE, MARKER, encode
from account_events.avro.errors import (
    CorruptBody,
    ForeignSchema,
    UnknownFingerprint,
    UnknownFraming,
    UnknownSchemaVersion,
)
from account_events.avro.foreign_framings import what_it_is
from account_events.avro.reader import Reader
from account_events.avro.schemas_path import SCHEMAS

__all__ = ["CONTRACT", "HEADER_SIZE", "Codec", "DomainEvent", "FindSchema", "decode", "encode"]

FindSchema = Callable[[str], str | None]
"""From a schema version's id to the schema's source, or to None where there is none. What it raises is passed on."""

VERSIONS_MAX = 1024
"""Of the registry, remembered: many times what there are, and little enough for a stream of made-up ids."""

WHAT_LENGTH_MAX = 200
"""What is wrong with a schema quotes it, and it may be of any length."""

# What fastavro raises on a source that is no schema; what is no JSON raises one of them, too.
_NO_SCHEMA = (SchemaParseException, ValueError, LookupError, TypeError, AttributeError, RecursionError)


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
    """Decodes with every schema of a contract, and with those of a registry.

    Args:
        contract: the schemas with their fingerprints.
        find: asked for the schema of a Glue header, once for each id; a mapping's `get`, or a
            `account_events.consumer.glue_registry.GlueRegistry`. It may know newer schemas than the contract, of the
            same events.
    """

    def __init__(self, contract: Contract, find: FindSchema | None = None) -> None:
        self._contract = contract
        self._known = contract.known
        self._find = find
        self._of_version = lru_cache(maxsize=VERSIONS_MAX)(self._look_up)
        self._reader = lru_cache(maxsize=VERSIONS_MAX)(Reader)

    def decode(self, data: bytes) -> DomainEvent:
        """The event in the bytes, read with the schema it was written with.

        Raises:
            UnknownFraming: another framing, named in the message where it is recognised.
            UnknownFingerprint: the writer's schema is not among the known ones.
            UnknownSchemaVersion: nor is it found by its id in the registry.
            ForeignSchema: it is found, and no event's of this contract.
            CorruptBody: the body contradicts its schema, or bytes follow it.
        """
        schema, encoded, start = self.opened(data)
        fields = self._reader(schema).read(encoded, start)
        return DomainEvent(schema.name, schema.fingerprint.hex(), fields)

    def opened(self, data: bytes) -> tuple[Schema, bytes, int]:
        """The writer's schema, and the bytes and the position in them at which the Avro body begins.

        Raises:
            UnknownFraming, UnknownFingerprint, UnknownSchemaVersion, ForeignSchema, CorruptBody: see `decode`.
        """
        if data.startswith(MARKER) and len(data) >= HEADER_SIZE:
            schema = self._known.get(data[len(MARKER) : HEADER_SIZE])
            if schema is None:
                raise UnknownFingerprint(data[len(MARKER) : HEADER_SIZE].hex())
            return schema, data, HEADER_SIZE
        if not glue_framing.is_framed(data):
            raise UnknownFraming(what_it_is(data) or self._what_it_reads_as(data))
        schema = self._found(glue_framing.version_id_in(data))
        if not glue_framing.is_compressed(data):
            return schema, data, glue_framing.HEADER_SIZE
        try:
            return schema, glue_framing.inflated(data), 0
        except ValueError as error:
            raise CorruptBody(f"The body of this {schema.name} {error}.") from error

    def _found(self, version_id: str) -> Schema:
        what = self._of_version(version_id)
        if isinstance(what, str):
            raise ForeignSchema(version_id, f"is none of this contract's: {what}.")
        return what

    def _look_up(self, version_id: str) -> Schema | str:
        """The schema, or what is wrong with what was found.

        Raises:
            UnknownSchemaVersion: none was found; it is not remembered, since it may be there the next time.
        """
        if self._find is None:
            raise UnknownSchemaVersion(version_id, "is not known here: give the Codec a registry to ask.")
        source = self._find(version_id)
        if source is None:
            raise UnknownSchemaVersion(version_id, "is not in the registry asked: ask its publisher's.")
        try:
            return parse(source)
        except _NO_SCHEMA as error:
            return f"{type(error).__name__}: {error}"[:WHAT_LENGTH_MAX]

    def _what_it_reads_as(self, data: bytes) -> str:
        names: dict[str, None] = {}
        for schema in self._known.values():
            with suppress(CorruptBody):
                self._reader(schema).read(data, 0)
                names[schema.name] = None
        if names:
            return f"This is raw Avro, without a header; it reads as {' or '.join(names)}. Its writer has to frame it."
        return f"Neither single-object encoding nor Glue's framing; it begins with {data[:4].hex()}."


CONTRACT = load(SCHEMAS)
decode = Codec(CONTRACT).decode
