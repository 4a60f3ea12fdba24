"""Decodes domain events in either of two framings. `encoder` writes them.

Avro's single-object encoding: C3 01 | CRC-64-AVRO fingerprint of the writer's schema, 8 bytes little-endian | body
(avro.apache.org/docs/1.12.0/specification/#single-object-encoding)
The Glue Schema Registry's framing: see `glue_framing`.

Money is a `Decimal` of scale 2, `occurred_at` an aware `datetime` in UTC.
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
from account_events.avro.foreign_framings import describe
from account_events.avro.reader import Reader
from account_events.avro.schemas_path import SCHEMAS

__all__ = ["CONTRACT", "HEADER_SIZE", "Codec", "DomainEvent", "FindSchema", "decode", "encode"]

FindSchema = Callable[[str], str | None]
"""Returns the source of the schema with this version id, or None if no such schema exists. Its exceptions propagate."""

VERSIONS_MAX = 1024
"""How many of the registry's schemas are cached: far more than exist. The limit guards against invented version ids."""

REASON_LENGTH_MAX = 200
"""How many characters of the reason why a schema is invalid are reported: it may quote the schema, of any length."""

# The exceptions that fastavro and json raise for a source that is not a schema.
_NO_SCHEMA = (SchemaParseException, ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """A decoded event, with the fields of the schema that it was written with.

    Attributes:
        name: "AccountCreated", "BalanceWithdrawn" or "BalanceCredited".
        fingerprint: the fingerprint of the writer's schema, 16 hexadecimal digits as on the wire.
        fields: the values by field name.
    """

    name: str
    fingerprint: str
    fields: Mapping[str, Any]


class Codec:
    """Decodes events with the schemas of a contract and of a registry.

    Args:
        contract: the schemas with their fingerprints.
        find: called with the version id in a Glue header; a schema that it returns is cached. Pass the `get` of a
            mapping, or an `account_events.consumer.glue_registry.GlueRegistry`. It may know newer schemas than the
            contract.
    """

    def __init__(self, contract: Contract, find: FindSchema | None = None) -> None:
        self._contract = contract
        self._known = contract.known
        self._find = find
        self._of_version = lru_cache(maxsize=VERSIONS_MAX)(self._look_up)
        self._reader = lru_cache(maxsize=VERSIONS_MAX)(Reader)

    def decode(self, data: bytes) -> DomainEvent:
        """Decode an event with the schema that it was written with.

        What to do about each error: see `account_events.avro.errors`.

        Raises:
            UnknownFraming: the bytes have another framing; if it is recognised, the message names it.
            UnknownFingerprint: the contract has no schema with this fingerprint.
            UnknownSchemaVersion: `find` has no schema with this version id.
            ForeignSchema: the schema that `find` returned is not an event of this contract.
            CorruptBody: the body contradicts its schema, or bytes follow it.
        """
        schema, encoded, start = self.opened(data)
        fields = self._reader(schema).read(encoded, start)
        return DomainEvent(schema.name, schema.fingerprint.hex(), fields)

    def opened(self, data: bytes) -> tuple[Schema, bytes, int]:
        """The writer's schema, the bytes that contain the Avro body, and the offset at which it begins.

        Raises:
            UnknownFraming, UnknownFingerprint, UnknownSchemaVersion, ForeignSchema, CorruptBody: see `decode`.
        """
        if data.startswith(MARKER) and len(data) >= HEADER_SIZE:
            schema = self._known.get(data[len(MARKER) : HEADER_SIZE])
            if schema is None:
                raise UnknownFingerprint(data[len(MARKER) : HEADER_SIZE].hex())
            return schema, data, HEADER_SIZE
        if not glue_framing.is_framed(data):
            raise UnknownFraming(describe(data) or self._describe_unframed(data))
        schema = self._found(glue_framing.version_id_in(data))
        if not glue_framing.is_compressed(data):
            return schema, data, glue_framing.HEADER_SIZE
        try:
            return schema, glue_framing.inflated(data), 0
        except ValueError as error:
            raise CorruptBody(f"The body of this {schema.name} {error}.") from error

    def _found(self, version_id: str) -> Schema:
        found = self._of_version(version_id)
        if isinstance(found, str):
            raise ForeignSchema(version_id, f"is not one of this contract's: {found}.")
        return found

    def _look_up(self, version_id: str) -> Schema | str:
        """The schema, or the reason why the registry's source is not a schema of this contract.

        Raises:
            UnknownSchemaVersion: no schema was found. This result is not cached, because the schema may be registered
                later.
        """
        if self._find is None:
            raise UnknownSchemaVersion(version_id, "is unknown: pass a registry to the Codec.")
        source = self._find(version_id)
        if source is None:
            raise UnknownSchemaVersion(version_id, "is not in this registry: use the registry of its publisher.")
        try:
            return parse(source)
        except _NO_SCHEMA as error:
            return f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]

    def _describe_unframed(self, data: bytes) -> str:
        names: dict[str, None] = {}
        for schema in self._known.values():
            with suppress(CorruptBody):
                self._reader(schema).read(data, 0)
                names[schema.name] = None
        if names:
            return f"This is raw Avro without a header; it reads as {' or '.join(names)}. Its producer must frame it."
        return f"Neither single-object encoding nor Glue's framing; the bytes begin with {data[:4].hex()}."


CONTRACT = load(SCHEMAS)
decode = Codec(CONTRACT).decode
