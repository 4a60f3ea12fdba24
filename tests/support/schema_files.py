"""Valid folders of schemas in memory; each test breaks one thing."""

import copy
import json
from collections.abc import Callable
from typing import Any

from ops.schema_gate.gate import Files, Opened, check, digest_of, file_of, fingerprints_of
from ops.schema_gate.refusal import Refusal
from ops.schema_gate.source import read_source

Json = dict[str, Any]
MONEY: Json = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}
INSTANT: Json = {"type": "long", "logicalType": "timestamp-micros"}
TEXT_OR_NULL = ["null", "string"]


def field(name: str, avro_type: Any, **more: Any) -> Json:  # noqa: ANN401 -- Avro's JSON
    return {"name": name, "type": avro_type, "doc": f"What the {name} is.", **more}


def event(*fields: Json, name: str = "InterestPaid") -> Json:
    """An event that the gate accepts: the fields that every event has, then `fields`."""
    return {
        "type": "record",
        "name": name,
        "namespace": "account.events.v1",
        "doc": "Interest was paid.",
        "fields": [
            field("event_id", "string"),
            field("account_id", "string"),
            field("sequence", "long"),
            field("occurred_at", INSTANT),
            field("correlation_id", "string"),
            field("causation_id", TEXT_OR_NULL, default=None),
            *fields,
        ],
    }


def written(schema: object) -> bytes:
    return json.dumps(schema).encode()


def folder(*versions: Json, working: Json | None = None, name: str = "InterestPaid") -> Files:
    """One event's published versions and its working schema (default: the newest version)."""
    published = {number: written(version) for number, version in enumerate(versions, start=1)}
    draft = written(working if working is not None else versions[-1])
    digests = {file_of(name, number): digest_of(data) for number, data in published.items()}
    newest = [Opened(name, None, read_source(data)) for data in list(published.values())[-1:]]
    fingerprints = fingerprints_of(newest)
    return Files({name: draft}, {name: published}, (), kept(digests), kept(fingerprints))


def kept(found: dict[str, str]) -> bytes:
    """A file of digests or fingerprints, as publishing writes it."""
    return (json.dumps(found, indent=2) + "\n").encode()


def changed(schema: Json, change: Callable[[Json], object]) -> Json:
    """A changed copy."""
    found = copy.deepcopy(schema)
    change(found)
    return found


def part(schema: Json, name: str) -> Json:
    """A field, to be changed in place."""
    found: Json = next(found for found in schema["fields"] if found["name"] == name)
    return found


def refused(files: Files, rule: str) -> list[Refusal]:
    return [refusal for refusal in check(files) if refusal.rule == rule]
