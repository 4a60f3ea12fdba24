"""Readers and writers according to the specification of schema resolution; each case is one of its sentences.

avro.apache.org/docs/1.12.0/specification/#schema-resolution
"""

import json
from itertools import product
from typing import Any

import pytest
from avro.errors import AvroException

from ops.schema_gate.compatibility import can_read, why_not

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
PROMOTIONS = {  # writer -> readers
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- Avro's JSON
    return {"type": "record", "name": name, "fields": list(fields), **more}


def enum(*symbols: str, name: str = "E", **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- Avro's JSON
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F") -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


A, B = {"name": "a", "type": "long"}, {"name": "b", "type": "string"}
B_OR_X = B | {"default": "x"}


@pytest.mark.parametrize(("reader", "writer"), [*product(PRIMITIVES, PRIMITIVES)])
def test_primitives_are_read_as_themselves_or_promoted(reader: str, writer: str) -> None:
    assert can_read(reader, writer) == (reader == writer or reader in PROMOTIONS.get(writer, ()))


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        pytest.param({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, id="items, recursively"),
        pytest.param({"type": "map", "values": "double"}, {"type": "map", "values": "int"}, id="values, recursively"),
        pytest.param(fixed(4), fixed(4), id="fixed, same size and name"),
        pytest.param(enum("X", "Y"), enum("X"), id="symbols the writer never writes"),
        pytest.param(enum("X", default="X"), enum("X", "Y"), id="unknown symbol, reader has a default"),
        pytest.param(record(B, A), record(A, B), id="the order of fields may differ"),
        pytest.param(record(A), record(A, B), id="the writer's surplus field is ignored"),
        pytest.param(record(A, B_OR_X), record(A), id="reader's field with a default"),
        pytest.param(record(A, namespace="x"), record(A, namespace="y"), id="records, same unqualified name"),
        pytest.param(["null", "long"], "int", id="reader's union, first branch that matches"),
        pytest.param("long", ["int", "long"], id="writer's union, reader matches every branch"),
        pytest.param(["string", "null"], ["null", "string"], id="both unions, in another order"),
        pytest.param(record({"name": "c", "type": "long", "aliases": ["a"]}), record(A), id="alias of a field"),
        pytest.param(record(A, name="S", aliases=["R"]), record(A), id="alias of a record"),
    ],
)
def test_a_reader_can_read_what_the_specification_allows(reader: Any, writer: Any) -> None:  # noqa: ANN401 -- Avro's JSON
    assert why_not(reader, writer) is None
    assert can_read(json.dumps(reader), json.dumps(writer))


@pytest.mark.parametrize(
    ("reader", "writer", "why"),
    [
        pytest.param(
            {"type": "array", "items": "int"}, {"type": "array", "items": "long"}, "type mismatch", id="items"
        ),
        pytest.param({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, "type mismatch", id="values"),
        pytest.param({"type": "array", "items": "int"}, {"type": "map", "values": "int"}, "type mismatch", id="kinds"),
        pytest.param(fixed(4), fixed(8), "fixed size", id="fixed of another size"),
        pytest.param(fixed(4), fixed(4, name="G"), "name mismatch", id="fixed of another name"),
        pytest.param(enum("X"), enum("X", "Y"), "missing enum symbols", id="unknown symbol, no default"),
        pytest.param(enum("X"), enum("X", name="G"), "name mismatch", id="enum of another name"),
        pytest.param(record(A, B), record(A), "missing default value", id="reader's field without a default"),
        pytest.param(record(A | {"type": "int"}), record(A), "type mismatch", id="field's type, recursively"),
        pytest.param(record(A, name="S"), record(A), "name mismatch", id="record of another name"),
        pytest.param(["null", "int"], "long", "missing union branch", id="no branch matches"),
        pytest.param("int", ["int", "string"], "type mismatch", id="a branch that the reader does not match"),
        pytest.param(
            ["null", "int"], ["null", "string"], "missing union branch", id="both unions, a branch is missing"
        ),
        pytest.param(record(A), "long", "type mismatch", id="record and primitive"),
    ],
)
def test_a_reader_cannot_read_what_the_specification_forbids(reader: Any, writer: Any, why: str) -> None:  # noqa: ANN401 -- Avro's JSON
    assert why in (why_not(reader, writer) or "")
    assert not can_read(json.dumps(reader), json.dumps(writer))


def test_records_that_contain_themselves_can_be_compared() -> None:
    tree = record(A, {"name": "next", "type": ["null", "R"], "default": None})
    assert can_read(tree, tree)
    assert not can_read(record(A | {"type": "int"}, tree["fields"][1]), tree)


def test_an_unknown_logical_type_is_ignored() -> None:
    assert can_read({"type": "long", "logicalType": "fortnights"}, "long")


@pytest.mark.parametrize("text", ["", "{", '{"type": "recrod"}', "[1]", "3"])
def test_a_text_that_is_not_a_schema_raises_an_error(text: str) -> None:
    with pytest.raises(AvroException):
        can_read(text, "long")
