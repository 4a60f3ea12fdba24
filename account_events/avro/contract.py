"""Every schema ever published, read from the files beside this one, each with its fingerprint.

`<Name>.avsc` is the schema new events are written with; `history/<Name>/<version>.avsc` are the published ones, which
stay for ever because events written with them do.
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
"""What every event carries: by these consumers drop duplicates, restore the order and find gaps, knowing no event."""


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """One version of one event's schema; each object is equal to itself alone.

    Attributes:
        name: the event's, without the namespace.
        fingerprint: CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian as on the wire
            (avro.apache.org/docs/1.12.0/specification/#schema-fingerprints).
        parsed: fastavro's.
        field_types: the fields' Avro types by name, in the record's order.
        source: as in its file.
    """

    name: str
    fingerprint: bytes
    parsed: Any
    field_types: Mapping[str, Any]
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """The schemas to write with, by event name, and all there are to read with, by fingerprint."""

    working: Mapping[str, Schema]
    known: Mapping[bytes, Schema]


def load(folder: Path) -> Contract:
    """The contract kept in a folder.

    A fingerprint leaves out docs, defaults and logical types, so two files may share one; what was published first
    says what the bytes mean.

    Raises:
        ValueError: a file is not valid JSON, or its schema's name is not its file's in `NAMESPACE`.
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
    """The schema in a text of Avro's JSON.

    Raises:
        ValueError: it is not JSON, or no record of `NAMESPACE`, or no body could be read by it (see `body.reader_of`).
        fastavro.schema.SchemaParseException: it is no Avro schema.
    """
    avro = json.loads(source)
    if not isinstance(avro, dict) or avro.get("type") != "record":
        raise ValueError("it is no record")
    reader_of(avro)  # before fastavro gets it, which follows a record that contains itself until the process dies
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
        raise ValueError(f"{path} must hold the record {NAMESPACE}.{name}: {error}.") from error
    if schema.name != name:
        raise ValueError(f"{path} must hold the record {NAMESPACE}.{name}.")
    return schema
