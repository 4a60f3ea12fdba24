"""Finds the changes between two versions of an event's schema that are not allowed.

The rule is stricter than Avro's schema resolution, which only decides whether data can be read: consumers of both
versions must read the same value in every field that the versions share. So a published field never changes, except for
its doc. New optional fields may be added anywhere.
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
    """A change that is not allowed; see `Refusal`."""

    rule: str
    field: str | None
    problem: str
    instead: str
    breaks: tuple[Reader, ...] = BOTH


def changes(old: Source, new: Source) -> Iterator[Change]:
    """Every change between two versions that is not allowed. If the rules find none, Apache's checker decides."""
    found = list(_record(old.json, new.json, ""))
    by_field = {field: _breaks(old, new, field) for field in old.fields}
    for change in found:
        # The readers that fail according to the checker. If neither fails, both read a different value.
        breaks = by_field.get((change.field or "").partition(".")[0]) or change.breaks
        yield Change(change.rule, change.field, change.problem, change.instead, breaks)
    if not found:
        for reader, why in _failing_readers(old.avro, new.avro):
            yield Change("resolution", None, f"Apache's checker reports: {why}", "undo the change", (reader,))
    yield from _docs(old, new)


def _docs(old: Source, new: Source) -> Iterator[Change]:
    """A doc may be reworded, but not to less than half of its words."""
    for name, was, now in [
        (None, old.json, new.json),
        *((name, old.fields[name], new.fields[name]) for name in old.fields if name in new.fields),
    ]:
        before, after = words_in(was.get("doc")), words_in(now.get("doc"))
        if 0 < after < before / 2:  # an empty doc is a fault of the version itself, see `rules`
            yield Change(
                "shortened doc",
                name,
                f"its doc had {before} words and has {after}",
                "restore what it explained: a doc must keep at least half of its words",
                (),
            )


def _breaks(old: Source, new: Source, field: str) -> tuple[Reader, ...]:
    if field not in new.fields:
        return ()
    was, now = old.avro.fields_dict[field].type, new.avro.fields_dict[field].type
    return tuple(reader for reader, _ in _failing_readers(was, now))


def _failing_readers(old: Any, new: Any) -> Iterator[tuple[Reader, str]]:  # noqa: ANN401 -- Apache's schemas
    for reader, why in ((Reader.OLD, explain(old, new)), (Reader.NEW, explain(new, old))):
        if why:
            yield reader, why


def _record(old: Json, new: Json, path: str) -> Iterator[Change]:
    """Compares two records: the event's, or nested ones at a path that ends with a dot."""
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
            f"it now comes before {first}, but was published after it",
            "restore the order of the published fields; new ones may go anywhere between them",
        )


def _removed(path: str, field: Json) -> Change:
    """An old consumer fails or silently reads the default; one that reads with the writer's schema misses the field."""
    way_out = "write null to it" if "null" in _branches(field["type"]) else "keep writing it"
    return Change(
        "removed",
        path,
        "the field was removed or renamed",
        f"keep it and {way_out}; for another name, add a new optional field",
        (Reader.OLD,),
    )


def _added_without_default(path: str, field: Json) -> Change:
    optional = {"type": ["null", *(branch for branch in _branches(field["type"]) if branch != "null")], "default": None}
    return Change(
        "added",
        path,
        "the field is new and has no default, and old events do not contain it",
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
            f"its default was {_written(was)} and is {_written(now)}: events without the field would get another value",
            f"restore {_written(was)}; for another default, add an optional field under another name",
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
                f"{ANOTHER_FIELD}; the number and order of branches must not change",
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
                was, now = was or 0, now or 0  # the specification: an omitted scale is 0
            if was != now:
                problem = (
                    f"its {words} was {_or_none(was)} and is {_or_none(now)}: the same bytes would mean something else"
                )
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
    """The primitive type, or the kind and the name. Only types that share it are compared in detail."""
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
