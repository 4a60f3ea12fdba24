"""Loads every schema ever published, each with its fingerprint.

New events are written with `<Name>.avsc`. The published versions are `history/<Name>/<version>.avsc`: they are kept
forever, because the events written with them are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from account_events.avro.body import reader_of

NAMESPACE = "account.events.v1"

_INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
COMMON_FIELDS: Mapping[str, Any] = {
    "event_id": "string",
    "account_id": "string",
    "sequence": "long",
    "occurred_at": _INSTANT,
    "correlation_id": "string",
    "causation_id": ["null", "string"],
}
"""The fields of every event. With them, consumers can drop duplicates, restore the order and find gaps in any event."""


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """One version of an event's schema. Instances are compared by identity.

    Attributes:
        name: the event's name, without the namespace.
        fingerprint: CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian as on the wire
            (avro.apache.org/docs/1.12.0/specification/#schema-fingerprints).
        parsed: fastavro's parsed schema.
        field_types: the fields' Avro types by name, in the record's order.
        source: the schema's JSON.
    """

    name: str
    fingerprint: bytes
    parsed: Any
    field_types: Mapping[str, Any]
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """The schemas for writing, by event name, and all schemas for reading, by fingerprint."""

    working: Mapping[str, Schema]
    known: Mapping[bytes, Schema]


def load(folder: Path) -> Contract:
    """Load the contract from a folder.

    A fingerprint ignores docs, defaults and logical types, so two versions may have the same fingerprint. The one that
    was published first then determines how the bytes are read.

    Raises:
        ValueError: a file is not valid JSON, or it does not contain the record of `NAMESPACE` that its path names.
        fastavro.schema.SchemaParseException: a file is not an Avro schema.
    """
    working = {path.stem: _read(path, path.stem) for path in sorted(folder.glob("*.avsc"))}
    published = [
        _read(path, path.parent.name)
        for path in sorted(folder.glob("history/*/*.avsc"), key=lambda path: (path.parent.name, int(path.stem)))
    ]
    known: dict[bytes, Schema] = {}
    for schema in (*published, *working.values()):
        known.setdefault(schema.fingerprint, schema)
    return Contract(working, known)


def parse(source: str) -> Schema:
    """Parse a schema from Avro's JSON.

    Raises:
        ValueError: the source is not JSON or not a record in `NAMESPACE`, or `body.reader_of` does not support a type.
        fastavro.schema.SchemaParseException: the source is not an Avro schema.
    """
    avro = json.loads(source)
    if not isinstance(avro, dict) or avro.get("type") != "record":
        raise ValueError("it is not a record")
    reader_of(avro)  # before fastavro.parse_schema, which recurses into a recursive record until the process crashes
    parsed: Any = fastavro.parse_schema(avro)
    namespace, _, name = parsed["name"].rpartition(".")
    if namespace != NAMESPACE:
        raise ValueError(f"{parsed['name']} is not in {NAMESPACE}")
    return Schema(
        name=name,
        fingerprint=bytes.fromhex(fingerprint(to_parsing_canonical_form(avro), "CRC-64-AVRO")),
        parsed=parsed,
        field_types={field["name"]: field["type"] for field in avro["fields"]},
        source=avro,
    )


def _read(path: Path, name: str) -> Schema:
    try:
        schema = parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must contain the record {NAMESPACE}.{name}: {error}.") from error
    if schema.name != name:
        raise ValueError(f"{path} must contain the record {NAMESPACE}.{name}.")
    return schema
