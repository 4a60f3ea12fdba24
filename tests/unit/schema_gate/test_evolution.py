"""What may change between versions. A refusal names the field, the versions, the broken reader and an alternative."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.schema_gate.evolution import changes
from ops.schema_gate.gate import check
from ops.schema_gate.refusal import BOTH, Reader
from ops.schema_gate.source import read_source
from tests.support.schema_files import (
    INSTANT,
    MONEY,
    TEXT_OR_NULL,
    Json,
    changed,
    event,
    field,
    folder,
    part,
    refused,
    written,
)

NESTED = {"type": "record", "name": "Origin", "doc": "Where from.", "fields": [field("iban", "string")]}
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"], "default": "RED"}


def between(old: Any, new: Any) -> list[tuple[str, str | None, tuple[Reader, ...]]]:  # noqa: ANN401 -- Avro's JSON
    """The refused changes if the field `amount` changes its type."""
    one, other = (read_source(written(event(field("amount", avro_type)))) for avro_type in (old, new))
    return [(change.rule, change.field, change.breaks) for change in changes(one, other)]


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ("int", "long", (Reader.OLD,)),
        ("long", "int", (Reader.NEW,)),
        ("int", "float", (Reader.OLD,)),
        ("float", "double", (Reader.OLD,)),
        ("string", "bytes", BOTH),
        ("bytes", "string", BOTH),
        ("string", "long", BOTH),
        ("string", TEXT_OR_NULL, (Reader.OLD,)),
        (TEXT_OR_NULL, "string", (Reader.NEW,)),
        ("string", {"type": "array", "items": "string"}, BOTH),
        ({"type": "array", "items": "string"}, {"type": "map", "values": "string"}, BOTH),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}, (Reader.OLD,)),
        ({"type": "map", "values": "string"}, {"type": "map", "values": "bytes"}, BOTH),
        (NESTED, NESTED | {"name": "Source"}, BOTH),
        (NESTED, NESTED | {"namespace": "elsewhere"}, BOTH),
        ({"type": "fixed", "name": "F", "size": 4}, {"type": "fixed", "name": "F", "size": 8}, BOTH),
        (COLOUR, COLOUR | {"symbols": ["RED", "BLUE", "GREEN"]}, BOTH),
        (COLOUR, COLOUR | {"symbols": ["BLUE", "RED"]}, BOTH),
        (COLOUR, COLOUR | {"default": "BLUE"}, BOTH),
    ],
)
def test_a_published_type_must_stay(old: Any, new: Any, breaks: tuple[Reader, ...]) -> None:  # noqa: ANN401 -- Avro's JSON
    assert between(old, new) == [("type", "amount", breaks)]


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        (TEXT_OR_NULL, ["string", "null"], BOTH),
        (TEXT_OR_NULL, ["null", "string", "long"], (Reader.OLD,)),
        (["null", "string", "long"], TEXT_OR_NULL, (Reader.NEW,)),
    ],
)
def test_a_union_must_keep_its_branches(old: Any, new: Any, breaks: tuple[Reader, ...]) -> None:  # noqa: ANN401 -- as above
    assert between(old, new) == [("union", "amount", breaks)]


@pytest.mark.parametrize("around", ["", "union", "array", "map"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("long", INSTANT),
        (INSTANT, "long"),
        (INSTANT, INSTANT | {"logicalType": "timestamp-millis"}),
        ("bytes", MONEY),
        (MONEY, "bytes"),
        (MONEY, MONEY | {"precision": 20}),
        (MONEY, MONEY | {"scale": 3}),
        ({"type": "bytes", "logicalType": "decimal", "precision": 18}, MONEY),
    ],
)
def test_a_logical_type_must_stay_at_any_depth(around: str, old: Any, new: Any) -> None:  # noqa: ANN401 -- Avro's JSON
    wraps = {"union": ["null"], "array": {"type": "array", "items": 0}, "map": {"type": "map", "values": 0}}

    def wrapped(inner: Any) -> Any:  # noqa: ANN401 -- Avro's JSON
        match wraps.get(around):
            case list() as branches:
                return [*branches, inner]
            case dict() as outer:
                return {name: inner if part == 0 else part for name, part in outer.items()}
        return inner

    found = between(wrapped(old), wrapped(new))
    assert found
    assert set(found) == {("logical type", "amount", BOTH)}


def test_a_logical_type_must_stay_in_nested_records() -> None:
    new = changed(NESTED, lambda nested: nested["fields"].append(field("at", INSTANT)))
    assert between(new, changed(new, lambda nested: part(nested, "at").update(type="long"))) == [
        ("logical type", "amount.at", BOTH)
    ]


def test_another_spelling_of_a_type_is_not_a_change() -> None:
    assert between("string", {"type": "string"}) == []
    assert between(MONEY | {"scale": 0}, {"type": "bytes", "logicalType": "decimal", "precision": 18}) == []


def test_apaches_checker_finds_what_the_rules_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.schema_gate.evolution._record", lambda *_: iter(()))
    one, other = (read_source(written(event(field("amount", avro_type)))) for avro_type in ("int", "long"))
    [change] = changes(one, other)
    assert (change.rule, change.breaks) == ("resolution", (Reader.OLD,))
    assert "type mismatch (reader type: int not compatible with writer type: long)" in change.problem


V1 = event(field("amount", MONEY), field("currency", "string"))
NEW_FIELD = field("reason", TEXT_OR_NULL, default=None)


def moved(schema: Json) -> None:
    schema["fields"].append(schema["fields"].pop(-2))


CASES = [
    ("removed", "currency", lambda schema: schema["fields"].pop(), (Reader.OLD,)),
    ("removed", "causation_id", lambda schema: schema["fields"].remove(part(schema, "causation_id")), (Reader.OLD,)),
    ("added", "reason", lambda schema: schema["fields"].append(field("reason", "string")), (Reader.NEW,)),
    ("added", "reason", lambda schema: schema["fields"].append(field("reason", TEXT_OR_NULL)), (Reader.NEW,)),
    ("order", "currency", moved, BOTH),
    ("default", "currency", lambda schema: part(schema, "currency").update(default="EUR"), BOTH),
    ("default", "causation_id", lambda schema: part(schema, "causation_id").pop("default"), BOTH),
]


@pytest.mark.parametrize(("rule", "name", "change", "breaks"), CASES)
def test_a_published_field_must_stay(rule: str, name: str, change: Any, breaks: tuple[Reader, ...]) -> None:  # noqa: ANN401
    [refusal] = refused(folder(V1, working=changed(V1, change)), rule)
    assert (refusal.file, refusal.field, refusal.versions) == ("InterestPaid.avsc", name, (1,))
    assert refusal.breaks == breaks
    assert f"InterestPaid.avsc, field {name}, against published version 1: " in str(refusal)
    assert "What to do: " in str(refusal)


@pytest.mark.parametrize("position", [0, 3, 8])
def test_an_optional_field_may_be_added_anywhere(position: int) -> None:
    [refusal] = check(folder(V1, working=changed(V1, lambda schema: schema["fields"].insert(position, NEW_FIELD))))
    assert refusal.rule == "unpublished"


def test_a_nested_record_may_get_an_optional_field_and_no_other() -> None:
    nested = changed(NESTED, lambda found: found["fields"].append(NEW_FIELD))
    assert between(NESTED, nested) == []
    mandatory = changed(NESTED, lambda found: found["fields"].append(field("bic", "string")))
    assert between(NESTED, mandatory) == [("added", "amount.bic", (Reader.NEW,))]
    assert between(mandatory, NESTED) == [("removed", "amount.bic", (Reader.OLD,))]


def test_every_published_version_counts_not_only_the_newest() -> None:
    """Versions 2 and 3 have the field that version 2 added; version 3 alone has the field that it added itself."""
    v2 = changed(V1, lambda schema: schema["fields"].append(NEW_FIELD))
    v3 = changed(v2, lambda schema: schema["fields"].append(field("bank", TEXT_OR_NULL, default=None)))
    draft = changed(v3, lambda schema: part(schema, "reason").update(type="string", default=""))
    assert [refusal.versions for refusal in refused(folder(V1, v2, v3, working=draft), "type")] == [(2, 3)]
    assert [refusal.versions for refusal in refused(folder(V1, v2, v3, working=V1), "removed")] == [(2, 3), (3,)]


def test_published_versions_that_contradict_each_other_are_found() -> None:
    v2 = changed(V1, lambda schema: part(schema, "currency").update(type="long"))
    assert [(found.file, found.versions) for found in refused(folder(V1, v2), "type")] == [
        ("InterestPaid.avsc", (1,)),
        ("history/InterestPaid/2.avsc", (1,)),
    ]


def test_all_refusals_are_reported_not_only_the_first() -> None:
    def spoil(schema: Json) -> None:
        part(schema, "amount").update(type=MONEY | {"scale": 3})
        part(schema, "sequence").update(type="int")
        schema["fields"].remove(part(schema, "currency"))

    found = {(refusal.rule, refusal.field) for refusal in check(folder(V1, working=changed(V1, spoil)))}
    assert {("logical type", "amount"), ("type", "sequence"), ("removed", "currency")} <= found


@given(st.permutations(range(8)))
def test_any_other_order_is_refused(order: list[int]) -> None:
    draft = changed(V1, lambda schema: schema.update(fields=[schema["fields"][position] for position in order]))
    assert bool(refused(folder(V1, working=draft), "order")) == (order != sorted(order))
