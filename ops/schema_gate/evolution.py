"""What may change between two versions of an event's schema, and what may not.

The rule is narrower than the specification's resolution, which asks only whether a reader can go on: every field that
two versions share must come out of either with the same value. So a published field never changes, but for its doc;
new optional fields may be added anywhere.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.schema_gate.compatibility import explain
from ops.schema_gate.refusal import BOTH, Reader
from ops.schema_gate.source import Source, words_in

Json = Mapping[str, Any]

ANOTHER_FIELD = "leave the field as it was published and add an optional one under another name"
_NO_DEFAULT = object()
_LOGICAL = {"logicalType": "logical type", "precision": "decimal precision", "scale": "decimal scale"}
_OTHER = {"size": "size", "symbols": "list of enum symbols", "default": "enum default"}


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is refused; see `Refusal`."""

    rule: str
    field: str | None
    problem: str
    instead: str
    breaks: tuple[Reader, ...] = BOTH


def changes(old: Source, new: Source) -> Iterator[Change]:
    """Every refused change from a version to a later one; the last word is Apache's checker, asked both ways."""
    found = list(_record(old.json, new.json, ""))
    by_field = {field: _breaks(old, new, field) for field in old.fields}
    for change in found:
        # Where the checker says that only one of them stops, that one; where neither stops, both read another value.
        breaks = by_field.get((change.field or "").partition(".")[0]) or change.breaks
        yield Change(change.rule, change.field, change.problem, change.instead, breaks)
    if not found:
        for reader, why in _verdicts(old.avro, new.avro):
            yield Change("resolution", None, f"Apache's checker says: {why}", "undo it", (reader,))
    yield from _docs(old, new)


def _docs(old: Source, new: Source) -> Iterator[Change]:
    """A doc may be put better. One of less than half the words has lost what it said."""
    for name, was, now in [
        (None, old.json, new.json),
        *((name, old.fields[name], new.fields[name]) for name in old.fields if name in new.fields),
    ]:
        before, after = words_in(was.get("doc")), words_in(now.get("doc"))
        if 0 < after < before / 2:  # none at all is against the rules of a single version
            yield Change(
                "shortened doc",
                name,
                f"its doc had {before} words and has {after}",
                "put back what it said: a doc keeps at least half of its words",
                (),
            )


def _breaks(old: Source, new: Source, field: str) -> tuple[Reader, ...]:
    if field not in new.fields:
        return ()
    was, now = old.avro.fields_dict[field].type, new.avro.fields_dict[field].type
    return tuple(reader for reader, _ in _verdicts(was, now))


def _verdicts(old: Any, new: Any) -> Iterator[tuple[Reader, str]]:  # noqa: ANN401 -- Apache's schemas
    for reader, why in ((Reader.OLD, explain(old, new)), (Reader.NEW, explain(new, old))):
        if why:
            yield reader, why


def _record(old: Json, new: Json, path: str) -> Iterator[Change]:
    """Of two records: the event's, or nested ones at a path that ends with a dot."""
    was, now = ({field["name"]: field for field in record["fields"]} for record in (old, new))
    for name, field in was.items():
        if name not in now:
            yield _removed(path + name, field)
        else:
            yield from _field(path + name, field, now[name])
    for name in now.keys() - was.keys():
        if "default" not in now[name]:
            yield _added_without_default(path + name, now[name])
    kept = [name for name in now if name in was]
    order = [name for name in was if name in now]
    if kept != order:
        moved, first = next(pair for pair in zip(kept, order, strict=True) if pair[0] != pair[1])
        yield Change(
            "order",
            path + moved,
            f"it stands before {first}, which was published before it",
            "put the published fields back into their order; new ones may stand anywhere between them",
        )


def _removed(path: str, field: Json) -> Change:
    """The old reader fails or, by a default, never learns of it; who reads by the writer's schema misses the name."""
    way_out = "write null in it" if "null" in _branches(field["type"]) else "go on writing it"
    return Change(
        "removed",
        path,
        "the field was removed or renamed",
        f"keep it and {way_out}; under another name, add an optional field beside it",
        (Reader.OLD,),
    )


def _added_without_default(path: str, field: Json) -> Change:
    optional = {"type": ["null", *(branch for branch in _branches(field["type"]) if branch != "null")], "default": None}
    return Change(
        "added",
        path,
        "the field is new and has no default, and old events do not hold it",
        f"make it optional: {json.dumps(optional)}",
        (Reader.NEW,),
    )


def _branches(avro_type: Any) -> Sequence[Any]:  # noqa: ANN401 -- Avro's JSON
    return avro_type if isinstance(avro_type, list) else [avro_type]


def _field(path: str, old: Json, new: Json) -> Iterator[Change]:
    yield from _type(path, old["type"], new["type"])
    was, now = old.get("default", _NO_DEFAULT), new.get("default", _NO_DEFAULT)
    if was is not now and _written(was) != _written(now):
        yield Change(
            "default",
            path,
            f"its default was {_written(was)} and is {_written(now)}: events without the field get another value",
            f"put back {_written(was)}; for another default, add an optional field under another name",
        )


def _type(path: str, old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401 -- Avro's JSON
    match old, new:
        case list(), list() if len(old) == len(new) and list(map(_kind, old)) == list(map(_kind, new)):
            for before, after in zip(old, new, strict=True):
                yield from _type(path, before, after)
        case list(), list():
            yield Change(
                "union",
                path,
                f"the branches of its union were {_written(old)} and are {_written(new)}",
                f"{ANOTHER_FIELD}; branches keep their number and their order",
            )
        case dict(), dict() if _kind(old) == _kind(new):
            yield from _attributes(path, old, new)
            yield from _inside(path, old, new)
        case _ if _kind(old) == _kind(new):
            yield from _attributes(path, _attributed(old), _attributed(new))
        case _:
            yield Change("type", path, f"its type was {_written(old)} and is {_written(new)}", ANOTHER_FIELD)


def _attributes(path: str, old: Json, new: Json) -> Iterator[Change]:
    for rule, names in (("logical type", _LOGICAL), ("type", _OTHER)):
        for attribute, words in names.items():
            was, now = old.get(attribute), new.get(attribute)
            if attribute == "scale" and was != now:
                was, now = was or 0, now or 0  # the specification: left out, it is 0
            if was != now:
                problem = f"its {words} was {_or_none(was)} and is {_or_none(now)}: the same bytes mean something else"
                yield Change(rule, path, problem, ANOTHER_FIELD)


def _inside(path: str, old: Json, new: Json) -> Iterator[Change]:
    match old["type"]:
        case "array":
            yield from _type(path, old["items"], new["items"])
        case "map":
            yield from _type(path, old["values"], new["values"])
        case "record":
            yield from _record(old, new, f"{path}.")


def _kind(avro_type: Any) -> Any:  # noqa: ANN401 -- Avro's JSON
    """What two types must have in common to be compared further: the primitive, or the kind and the name."""
    if _is_named(avro_type):
        return avro_type["type"], avro_type.get("namespace"), avro_type["name"]
    return _kind(avro_type["type"]) if isinstance(avro_type, dict) else avro_type


def _is_named(avro_type: Any) -> bool:  # noqa: ANN401 -- Avro's JSON
    return isinstance(avro_type, dict) and "name" in avro_type


def _attributed(avro_type: Any) -> Json:  # noqa: ANN401 -- Avro's JSON
    return avro_type if isinstance(avro_type, dict) else {"type": avro_type}


def _or_none(attribute: Any) -> str:  # noqa: ANN401 -- JSON
    return "none" if attribute is None else _written(attribute)


def _written(value: Any) -> str:  # noqa: ANN401 -- JSON
    return "none" if value is _NO_DEFAULT else json.dumps(value)
