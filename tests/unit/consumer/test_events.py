"""The event classes match the schemas."""

import json
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

from account_events.avro.schemas_path import SCHEMAS
from account_events.consumer import Event, OtherEvent
from account_events.consumer.events import EVENTS

FOLDER = SCHEMAS
NAMES = sorted(path.stem for path in FOLDER.glob("*.avsc"))


def _python(avro_type: Any) -> Any:  # noqa: ANN401 -- a type in Avro's JSON, one in Python's terms
    match avro_type:
        case [*branches]:
            return {kind for branch in branches for kind in _python(branch)}
        case {"logicalType": "decimal"}:
            return {Decimal}
        case {"logicalType": "timestamp-micros"}:
            return {datetime}
    return {{"null": NoneType, "string": str, "long": int}[avro_type]}


def test_every_schema_has_a_class_and_every_class_a_schema() -> None:
    assert sorted(EVENTS) == NAMES
    assert set(get_args(Event)) == {*EVENTS.values(), OtherEvent}
    assert all(kind.__name__ == name for name, kind in EVENTS.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_those_of_the_schema(name: str) -> None:
    assert name in EVENTS, f"account_events/consumer/events.py has no class {name}: add one, and to Event and EVENTS"
    source = json.loads((FOLDER / f"{name}.avsc").read_text())
    hints = get_type_hints(EVENTS[name])
    found = {field.name: set(get_args(hints[field.name])) or {hints[field.name]} for field in fields(EVENTS[name])}
    due = {field["name"]: _python(field["type"]) for field in source["fields"]}
    differ = sorted(field for field in found.keys() | due.keys() if found.get(field) != due.get(field))
    assert not differ, f"account_events/consumer/events.py: {name} and its schema differ in {', '.join(differ)}"
