"""Generates the reference of events from the schemas and their history: `make events-doc` writes docs/events.md."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from account_core.api.openapi.examples import ROWS
from account_events.avro.encoder import MARKER, encode
from account_events.avro.errors import InvalidEvent
from account_events.avro.schemas_path import SCHEMAS
from ops.schema_gate import schema_folder
from ops.schema_gate.gate import opened_schemas
from ops.schema_gate.source import Source
from projector.errors import Unpublishable
from projector.translate import translate

DOCUMENT = Path(__file__).parents[1] / "docs/events.md"
_FINGERPRINT_SIZE = 8
_INTRODUCTION = """# Events

Generated from the schemas by `make events-doc`; do not edit. [Consuming domain events](consuming.md) describes how to
read the stream, [Evolving events](evolving-events.md) how events change.

Each event is something that happened to one account. On the stream, it is in Avro's single-object encoding: `C3 01`,
the fingerprint of the schema with which it was written (8 bytes), then the values of the fields in the schema's order,
without names. The fingerprint identifies the schema version with which to read the event. Every version is in
`schemas/history/`, and events of every version may still be on the stream.

The types in the tables:

| here | in the schema | in Python |
|---|---|---|
| text | `string`: its length in bytes, then UTF-8 | `str` |
| whole number | `long`: signed 64-bit, zigzag, in 1 to 10 bytes | `int` |
| money, *d* digits, *s* after the point | `bytes`, logical type `decimal(d, s)`: a length, then the amount without \
its decimal point, big-endian two's complement | `Decimal` |
| time in microseconds | `long`, logical type `timestamp-micros`: since 1970-01-01, UTC | `datetime` in UTC |
| ... or null | a union with `null`: `00` for null, else `02` and the value | or `None` |

In the JSON examples, money is text, because JSON parsers may read numbers as binary fractions. Times are ISO 8601.
"""


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    source: Source


@dataclass(frozen=True, slots=True)
class Event:
    """An event and all its versions, oldest first.

    Attributes:
        corrected: the working schema, if it differs from the newest version in its docs only.
    """

    name: str
    versions: Sequence[Version]
    corrected: Source | None = None

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    @property
    def current(self) -> Source:
        """The newest version, with its current docs."""
        return self.corrected or self.newest.source

    def row(self, field: str) -> str:
        """The field's row in a table. A common field has the same row in every event."""
        found = self.current.fields[field]
        since = next(version.number for version in self.versions if field in version.source.fields)
        is_optional = [version.number for version in self.versions if _may_be_null(version.source.fields.get(field))]
        null = f"since {is_optional[0]}" if is_optional else "never"
        return f"| `{field}` | {in_words(found['type'])} | {since} | {null} | {_cell(found['doc'])} |"


def text() -> str:
    """The content of docs/events.md."""
    found = events()
    common = [field for field in found[0].newest.source.fields if len({_row(event, field) for event in found}) == 1]
    parts = [_INTRODUCTION, _overview(found), _fields("## The fields of every event", found[0], common)]
    for event in found:
        own = [field for field in event.newest.source.fields if field not in common]
        parts += [
            f"## {event.name}\n\n{event.current.json['doc']}\n",
            _fields("In addition to the fields of every event:", event, own),
            _versions(event),
            _example(event),
        ]
    return "\n".join(parts)


def events() -> list[Event]:
    """The project's events, by name."""
    versions: dict[str, list[Version]] = {}
    corrected: dict[str, Source] = {}
    for schema in opened_schemas(schema_folder.read(SCHEMAS)):  # the working schema comes last
        published = versions.setdefault(schema.name, [])
        if schema.version is not None:
            published.append(Version(schema.version, schema.source))
        elif published and published[-1].source.without_docs == schema.source.without_docs:
            corrected[schema.name] = schema.source
    return [Event(name, found, corrected.get(name)) for name, found in versions.items() if found]


def in_words(avro_type: Any) -> str:  # noqa: ANN401 -- Avro's JSON
    """Describes a field's type in words.

    Raises:
        NotImplementedError: the contract uses a type without a description; add one here.
    """
    match avro_type:
        case "string":
            return "text"
        case "long":
            return "whole number"
        case ["null", inner]:
            return f"{in_words(inner)} or null"
        case {"logicalType": "decimal", "precision": precision, "scale": scale}:
            return f"money, {precision} digits, {scale} after the point"
        case {"logicalType": "timestamp-micros"}:
            return "time in microseconds"
    raise NotImplementedError(
        f"tools/events_doc.py has no description of the Avro type {avro_type}: add one to in_words."
    )


def _may_be_null(field: Mapping[str, Any] | None) -> bool:
    return field is not None and isinstance(field["type"], list) and "null" in field["type"]


def _row(event: Event, field: str) -> str | None:
    return event.row(field) if field in event.newest.source.fields else None


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")


def _overview(found: Iterable[Event]) -> str:
    rows = [
        f"| [{event.name}](#{event.name.lower()}) | {_cell(event.current.json['doc'])} | {event.newest.number} | "
        f"`{event.newest.source.fingerprint}` |"
        for event in found
    ]
    return "\n".join(["| event | meaning | version | fingerprint on the wire |", "|---|---|---|---|", *rows, ""])


def _fields(heading: str, event: Event, fields: Iterable[str]) -> str:
    rows = [event.row(field) for field in fields]
    head = ["| field | type | since version | null | meaning |", "|---|---|---|---|---|"]
    return "\n".join([heading, "", *head, *rows, ""])


def _versions(event: Event) -> str:
    rows = []
    docs: dict[str, str] = {}
    for version in event.versions:
        current = {name: field["doc"] for name, field in version.source.fields.items()}
        added = [f"`{name}`" for name in current if name not in docs]
        reworded = [f"`{name}`" for name in current if docs.get(name, current[name]) != current[name]]
        what = [f"adds {', '.join(added)}"] if docs and added else []
        what += [f"clarifies the meaning of {', '.join(reworded)}"] if reworded else []
        path = f"../schemas/history/{event.name}/{version.number}.avsc"
        rows.append(
            f"| [{version.number}]({path}) | `{version.source.fingerprint}` | {'; '.join(what) or 'first version'} |"
        )
        docs = current
    return "\n".join(["| version | fingerprint on the wire | change |", "|---|---|---|", *rows, ""])


def _example(event: Event) -> str:
    fields = _values(event.name)
    data = _encoded(event.name, fields)
    shown = json.dumps({name: _plain(fields[name]) for name in event.newest.source.fields}, indent=2)
    pieces = list(_pieces(event, fields, data))
    width = max(len(what) for _, what in pieces)
    lines = "\n".join(f"{what:<{width}}  {part.hex()}" for part, what in pieces)
    return (
        f"Example:\n\n```json\n{shown}\n```\n\n"
        f"The same event on the wire, {len(data)} bytes, in hexadecimal, as a whole and field by field:\n\n"
        f"```text\n{data.hex()}\n\n{lines}\n```\n"
    )


def _values(name: str) -> dict[str, Any]:
    for row in reversed(ROWS):
        translated, fields = translate(row)
        if translated == name:
            return fields
    raise LookupError(
        f"There is no example of {name}: add a row with this event to ROWS in account_core/api/openapi/examples.py. If "
        "projector/translate.py has no case for the event, add one, too."
    )


def _encoded(name: str, fields: Mapping[str, Any]) -> bytes:
    try:
        return encode(name, fields)
    except InvalidEvent as error:
        raise LookupError(
            f"projector/translate.py does not match the working schema: {error} Correct projector/translate.py first."
        ) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 -- a field's value
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def _pieces(event: Event, fields: Mapping[str, Any], data: bytes) -> Iterator[tuple[bytes, str]]:
    """The encoder's bytes, split at the end of each field according to fastavro."""
    offset = len(MARKER) + _FINGERPRINT_SIZE
    yield data[: len(MARKER)], "single-object marker"
    yield data[len(MARKER) : offset], f"fingerprint of version {event.newest.number}"
    for name, field in event.newest.source.fields.items():
        out = BytesIO()
        fastavro.schemaless_writer(out, field["type"], fields[name])
        piece = out.getvalue()
        if data[offset : offset + len(piece)] != piece:
            raise ValueError(f"The encoder and fastavro encode {event.name}.{name} differently.")
        yield piece, name
        offset += len(piece)


if __name__ == "__main__":
    try:
        DOCUMENT.write_text(text(), encoding="utf-8")
    except (LookupError, NotImplementedError, Unpublishable) as error:
        sys.exit(f"docs/events.md was not written: {error.args[0]}")
