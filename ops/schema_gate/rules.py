"""The rules for a single version of a schema: the encoder can write it, and every reader can read it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from keyword import iskeyword
from typing import Any

import fastavro

from account_events.avro.contract import COMMON_FIELDS, NAMESPACE
from account_events.avro.values import rule_for
from ops.schema_gate.source import Source, words_in

Json = Mapping[str, Any]

# Allowed attributes by type. Readers may ignore any other attribute, so a misspelt "logicalType" would have no effect.
_ATTRIBUTES = {
    "record": {"type", "name", "namespace", "doc", "fields"},
    "enum": {"type", "name", "namespace", "doc", "symbols", "default"},
    "fixed": {"type", "name", "namespace", "doc", "size", "logicalType", "precision", "scale"},
    "array": {"type", "items"},
    "map": {"type", "values"},
}
_OF_PRIMITIVES = {"type", "logicalType", "precision", "scale"}
_OF_FIELDS = {"name", "type", "doc", "default"}
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EVENT_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
WORDS_MIN = 3
"""The fewest words in a doc: fewer would only repeat a name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one schema; see `Refusal`."""

    rule: str
    field: str | None
    problem: str
    instead: str


def faults(source: Source, name: str) -> Iterator[Fault]:
    """Everything that is wrong with an event's schema; `name` is the name of its file."""
    yield from _name(source.json, name)
    yield from _record(source.json, "")
    for field, avro_type in COMMON_FIELDS.items():
        if source.fields.get(field, {}).get("type") != avro_type:
            yield Fault(
                "common fields",
                field,
                "every event must have this field with this type, because consumers rely on it in all events",
                f'give it {{"name": "{field}", "type": {json.dumps(avro_type)}}}',
            )
    for field, declared in source.fields.items():
        yield from _type_has_a_rule(field, declared["type"])


def _name(record: Json, name: str) -> Iterator[Fault]:
    found = (record.get("namespace"), record["name"])
    if found != (NAMESPACE, name):
        written = ".".join(part for part in found if part)
        problem = f"the record's name is {written}, but its file and its consumers require {NAMESPACE}.{name}"
        if written == f"{NAMESPACE}.{name}":
            problem = "its name contains the namespace, but the encoder requires name and namespace separately"
        yield Fault(
            "name",
            None,
            problem,
            f'write "namespace": "{NAMESPACE}", "name": "{name}"; put another event into a separate file',
        )
    if not _EVENT_NAME.fullmatch(name):
        yield Fault(
            "event name",
            None,
            f"the event's name, {name}, is not in CapWords like the classes that consumers use",
            "give it and its file a name of letters and digits that begins with a capital: InterestPaid",
        )


def _record(record: Json, path: str) -> Iterator[Fault]:
    yield from _attributes(path.rstrip(".") or None, record, _ATTRIBUTES["record"])
    yield from _doc(path.rstrip(".") or None, record)
    for field in record["fields"]:
        where = path + field["name"]
        yield from _attributes(where, field, _OF_FIELDS)
        yield from _doc(where, field)
        if not _FIELD_NAME.fullmatch(field["name"]) or iskeyword(field["name"]):
            yield Fault(
                "field name",
                where,
                "the name is not in lower_snake_case, or is a Python keyword: Athena lowercases all names, and typed "
                "events use them as attributes",
                "give it a name of lower-case letters, digits and underscores",
            )
        yield from _type(where, field["type"])
        if "default" in field:
            yield from _default(where, field)


def _type(where: str, avro_type: Any) -> Iterator[Fault]:  # noqa: ANN401 -- Avro's JSON
    match avro_type:
        case list():
            for branch in avro_type:
                yield from _type(where, branch)
        case {"type": "record"}:
            yield from _record(avro_type, f"{where}.")
        case {"type": kind}:
            yield from _attributes(where, avro_type, _ATTRIBUTES.get(kind, _OF_PRIMITIVES))
            for part in ("items", "values"):
                yield from _type(where, avro_type.get(part))


def _attributes(where: str | None, part: Json, allowed: set[str]) -> Iterator[Fault]:
    if "aliases" in part:
        yield Fault(
            "aliases",
            where,
            "it has aliases: the codec, typed events and Athena find a field by its name, so a renamed one is missing",
            "keep the published name and remove the aliases",
        )
    if unknown := sorted(part.keys() - allowed - {"aliases"}):
        yield Fault(
            "attributes",
            where,
            f"readers silently ignore the attribute {', '.join(unknown)}",
            f"correct its spelling or remove it; allowed are {', '.join(sorted(allowed))}",
        )


def _doc(where: str | None, part: Json) -> Iterator[Fault]:
    doc = part.get("doc")
    if words_in(doc) < WORDS_MIN or not str(doc).strip().endswith("."):
        yield Fault(
            "doc",
            where,
            f"the doc is missing, is not a sentence, or has fewer than {WORDS_MIN} words",
            'explain in "doc" what it means, its unit, and when it is null; end with a full stop',
        )


def _type_has_a_rule(field: str, avro_type: Any) -> Iterator[Fault]:  # noqa: ANN401 -- Avro's JSON
    try:
        rule_for(avro_type)
    except NotImplementedError:
        yield Fault(
            "type without a rule",
            field,
            f"the encoder has no rule for the type {json.dumps(avro_type)}, so no event could be written",
            "use an existing type, or add the rule to account_events/avro/values.py and the encoder, with tests",
        )


def _default(where: str, declared: Json) -> Iterator[Fault]:
    """Refuses a default that fastavro does not turn into a value of the field's type.

    fastavro checks only some defaults, and returns those of logical types unconverted, as written in the JSON.
    """
    try:
        rule = rule_for(declared["type"])
    except NotImplementedError:
        return
    empty, reader = ({"type": "record", "name": "Read", "fields": fields} for fields in ([], [dict(declared)]))
    filled: Any = fastavro.schemaless_reader(BytesIO(), empty, reader)
    value = filled[declared["name"]]
    is_of_first_branch = not isinstance(declared["type"], list) or declared["type"][0] != "null" or value is None
    if (wrong := rule(value)) or not is_of_first_branch:
        yield Fault(
            "default value",
            where,
            f"readers cannot use the default {json.dumps(declared['default'])}: "
            + (f"it {wrong}" if wrong else "before Avro 1.12 it must be of the union's first branch"),
            'make the field optional: "type": ["null", ...], "default": null',
        )
