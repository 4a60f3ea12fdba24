"""fastavro reads every change that the gate accepts in both directions, and the common fields keep their values."""

import copy
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
from hypothesis import assume, event, given
from hypothesis import strategies as st

from ops.schema_gate.evolution import changes
from ops.schema_gate.rules import faults
from ops.schema_gate.source import read_source
from tests.support.schema_files import INSTANT, MONEY, TEXT_OR_NULL, Json, written

LEAVES: list[Any] = ["string", "bytes", "int", "long", "float", "double", "boolean", INSTANT, MONEY, TEXT_OR_NULL]
LEAVES += [["string", "null"], ["null", "string", "long"], ["null", MONEY], MONEY | {"scale": 3}]
NAMES = ["a", "b", "c", "d", "e", "f"]


def record(name: str, fields: list[Json]) -> Json:
    return {"type": "record", "name": name, "doc": "A record.", "fields": fields}


@st.composite
def types(draw: st.DrawFn, name: str, depth: int = 2) -> Any:  # noqa: ANN401 -- Avro's JSON
    kind = draw(st.sampled_from(["leaf"] * 4 + (["array", "map", "optional", "record", "enum"] if depth else ["leaf"])))
    inner = types(name, depth - 1)
    match kind:
        case "array":
            return {"type": "array", "items": draw(inner)}
        case "map":
            return {"type": "map", "values": draw(inner)}
        case "optional":
            found = draw(inner)
            return found if isinstance(found, list) else ["null", found]
        case "record":
            return record(f"R{depth}{name}", draw(fields(depth - 1, f"{name}{depth}")))
        case "enum":
            return {"type": "enum", "name": f"E{depth}{name}", "symbols": draw(st.permutations(["X", "Y", "Z"]))}
    return copy.deepcopy(draw(st.sampled_from(LEAVES)))


@st.composite
def fields(draw: st.DrawFn, depth: int = 2, path: str = "") -> list[Json]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4))
    return [{"name": name, "type": draw(types(f"{path}{name}", depth)), "doc": "A field."} for name in names]


@st.composite
def optional_field(draw: st.DrawFn, name: str) -> Json:
    """A new field with a default, which may be invalid."""
    avro_type, default = draw(
        st.sampled_from(
            [
                (TEXT_OR_NULL, None),
                (TEXT_OR_NULL, "x"),
                ("string", ""),
                ("long", 7),
                (["null", MONEY], None),
                (INSTANT, 0),
            ]
        )
    )
    return {"name": name, "type": avro_type, "default": default, "doc": "A new field."}


@st.composite
def evolved(draw: st.DrawFn, old: Json) -> Json:
    """The record after a few compatible or incompatible changes, also in its nested records."""
    new = copy.deepcopy(old)
    for number in range(draw(st.integers(1, 3))):
        target = draw(st.sampled_from(_records(new)))
        indexes = st.integers(0, len(target["fields"]) - 1)
        match draw(st.sampled_from(["add"] * 6 + ["remove", "type", "move", "doc"])):
            case "add":
                target["fields"].insert(draw(indexes), draw(optional_field(f"new_{number}")))
            case "remove" if len(target["fields"]) > 1:
                target["fields"].pop(draw(indexes))
            case "type":
                index = draw(indexes)
                kept = {name: target["fields"][index][name] for name in ("name", "doc")}
                target["fields"][index] = {**kept, "type": draw(types(f"t{number}"))}
            case "move":
                target["fields"] = draw(st.permutations(target["fields"]))
            case _:
                target["fields"][draw(indexes)]["doc"] = "Another doc."
    return new


def _records(avro_type: Any) -> list[Json]:  # noqa: ANN401 -- Avro's JSON
    match avro_type:
        case list():
            return [found for branch in avro_type for found in _records(branch)]
        case {"type": "record"}:
            return [avro_type, *(found for field in avro_type["fields"] for found in _records(field["type"]))]
        case {"items": inner} | {"values": inner}:
            return _records(inner)
    return []


def values(avro_type: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401, PLR0911 -- a line for each type
    match avro_type:
        case list():
            return st.one_of([values(branch) for branch in avro_type])
        case {"logicalType": "decimal", "scale": scale}:
            return st.integers(-(10**17), 10**17).map(lambda units: Decimal(units).scaleb(-scale))
        case {"logicalType": "timestamp-micros"}:
            return st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis requires it
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=2)
        case {"type": "map", "values": inner}:
            return st.dictionaries(st.text(_CHARACTERS, max_size=3), values(inner), max_size=2)
        case {"type": "record", "fields": declared}:
            return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in declared})
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
    return _PRIMITIVE_VALUES[avro_type]


_CHARACTERS = st.characters(exclude_categories=["Cs"])
_PRIMITIVE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(_CHARACTERS, max_size=5),
    "bytes": st.binary(max_size=5),
}


def read(data: Any, writer: Json, reader: Json) -> Any:  # noqa: ANN401 -- any value of a record
    out = BytesIO()
    fastavro.schemaless_writer(out, writer, data)
    return fastavro.schemaless_reader(BytesIO(out.getvalue()), writer, reader)


def shared(one: Any, other: Any) -> Any:  # noqa: ANN401 -- any value of a record
    """The parts of the first value that the second one has as well."""
    match one, other:
        case dict(), dict():
            return {name: shared(value, other[name]) for name, value in one.items() if name in other}
        case list(), list() if len(one) == len(other):
            return [shared(mine, theirs) for mine, theirs in zip(one, other, strict=True)]
    return one


def _is_accepted(old: Json, new: Json) -> bool:
    one, other = read_source(written(old)), read_source(written(new))
    bad_defaults = [fault for fault in faults(other, "E") if fault.rule == "default value"]
    return not bad_defaults and not list(changes(one, other))


@given(st.data())
def test_an_accepted_change_is_read_both_ways_with_the_same_values(data: st.DataObject) -> None:
    old = record("E", data.draw(fields()))
    new = data.draw(evolved(old))
    is_accepted = _is_accepted(old, new)
    event(f"accepted: {is_accepted}")
    assume(is_accepted)
    for writer, reader in ((old, new), (new, old)):
        put = data.draw(values(writer))
        got = read(put, writer, reader)
        assert shared(got, put) == shared(put, got)
        assert repr(shared(got, put)) == repr(shared(read(put, writer, writer), got))
        assert set(got) == {field["name"] for field in reader["fields"]}
        assert read(got, reader, reader) == got  # a default is a value like any other


@given(st.data())
def test_optional_fields_alone_may_always_be_added(data: st.DataObject) -> None:
    old = record("E", data.draw(fields()))
    new = copy.deepcopy(old)
    for number, target in enumerate(_records(new)):
        index = data.draw(st.integers(0, len(target["fields"])))
        target["fields"].insert(index, {"name": f"new_{number}", "type": TEXT_OR_NULL, "default": None, "doc": "New."})
    assert _is_accepted(old, new)
