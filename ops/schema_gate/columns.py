"""Checks that new fields can become columns: the lake holds all events in one table, with a column per field name."""

import json
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from ops.schema_gate.rules import Fault
from ops.schema_gate.source import Source

WhyNoColumn = Callable[[str], str | None]
"""Returns why a column cannot have a name, or None if it can. Passed in, so that this package needs no lake package."""

NAME_LENGTH_MAX = 255
"""The longest column name in the Glue Data Catalog: docs.aws.amazon.com/glue/latest/webapi/API_Column.html."""


def every_name(_: str) -> None:
    """Accepts every name."""


def column_faults(
    working: Mapping[str, Source], published: AbstractSet[tuple[str, str]], why_no_column: WhyNoColumn
) -> Iterator[tuple[str, Fault]]:
    """Every field that cannot become a column, as its event's name and the fault. Published fields are exempt.

    Args:
        working: schemas by event name.
        published: pairs of an event's name and a field that a published version of the event has.
        why_no_column: the lake's rule for names.
    """
    declared = [
        (name, field, declared["type"]) for name, source in working.items() for field, declared in source.fields.items()
    ]
    first: dict[str, tuple[str, Any]] = {}
    for name, field, avro_type in sorted(declared, key=lambda found: found[:2] not in published):
        other, column_type = first.setdefault(field, (name, _column_type(avro_type)))
        if (name, field) in published:
            continue
        if _column_type(avro_type) != column_type:
            yield name, _type_fault(field, avro_type, other)
        why = f"is longer than {NAME_LENGTH_MAX}" if len(field) > NAME_LENGTH_MAX else why_no_column(field)
        if why:
            yield name, _name_fault(field, why)


def _type_fault(field: str, avro_type: Any, other: str) -> Fault:  # noqa: ANN401 -- Avro's JSON
    return Fault(
        "column type",
        field,
        f"its type is {json.dumps(avro_type)}, but {other} has a field of that name with a different type: the lake "
        "holds all events in one table, and a column has one type",
        "give it the same type or another name",
    )


def _name_fault(field: str, why: str) -> Fault:
    return Fault("column name", field, f"its name cannot be a column of the lake: it {why}", "give it another name")


def _column_type(avro_type: Any) -> Any:  # noqa: ANN401 -- Avro's JSON
    """The type without null: every column may be null."""
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return branches[0] if len(branches) == 1 else branches
    return avro_type
