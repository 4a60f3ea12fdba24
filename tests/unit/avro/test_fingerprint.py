"""The fingerprints, computed independently of fastavro from the Avro specification."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_events.avro.contract import load
from account_events.avro.encoder import FINGERPRINTS
from account_events.avro.schemas_path import SCHEMAS

FOLDER = SCHEMAS
FILES = sorted(FOLDER.glob("**/*.avsc"))

# avro.apache.org/docs/1.12.0/specification/#schema-fingerprints
EMPTY = 0xC15D213AA4D7A795
TABLE: list[int] = []
for byte in range(256):
    value = byte
    for _ in range(8):
        value = (value >> 1) ^ (EMPTY if value & 1 else 0)
    TABLE.append(value)


def crc_64_avro(data: bytes) -> bytes:
    result = EMPTY
    for byte in data:
        result = (result >> 8) ^ TABLE[(result ^ byte) & 0xFF]
    return result.to_bytes(8, "little")


def parsing_canonical_form(schema: Any) -> str:  # noqa: ANN401 -- Avro's JSON
    """The canonical form (.../specification/#parsing-canonical-form-for-schemas) of this contract's types."""
    match schema:
        case str():
            return json.dumps(schema)
        case list():
            return "[" + ",".join(map(parsing_canonical_form, schema)) + "]"
        case {"type": "record", "name": name, "namespace": namespace, "fields": fields}:
            inner = ",".join(
                f'{{"name":{json.dumps(field["name"])},"type":{parsing_canonical_form(field["type"])}}}'
                for field in fields
            )
            return f'{{"name":"{namespace}.{name}","type":"record","fields":[{inner}]}}'
        case {"type": str(primitive)}:
            return json.dumps(primitive)
    raise NotImplementedError(schema)


def test_the_example_of_the_specification_has_its_fingerprint() -> None:
    # share/test/data/schema-tests.txt of apache/avro: "null" has the fingerprint 7195948357588979594.
    assert int.from_bytes(crc_64_avro(b'"null"'), "little") == 7195948357588979594


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_schema_is_known_by_its_canonical_fingerprint(path: Path) -> None:
    canonical = parsing_canonical_form(json.loads(path.read_text()))
    name = json.loads(path.read_text())["name"]
    assert load(FOLDER).known[crc_64_avro(canonical.encode())].name == name


def test_the_stored_fingerprints_match_the_current_schemas() -> None:
    kept = json.loads((FOLDER / FINGERPRINTS).read_text())
    assert kept == {name: schema.fingerprint.hex() for name, schema in load(FOLDER).working.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_record_and_every_field_are_documented(path: Path) -> None:
    source = json.loads(path.read_text())
    assert all(part.get("doc", "").endswith(".") for part in (source, *source["fields"]))


def test_every_working_schema_has_a_published_version() -> None:
    published = {path.parent.name for path in FOLDER.glob("history/*/*.avsc")}
    assert published == {path.stem for path in FOLDER.glob("*.avsc")}
