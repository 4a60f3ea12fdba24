"""Every event is in one table of the lake, so what a field is called in any event is a column of all."""

import json
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from ops.schema_gate.rules import Fault
from ops.schema_gate.source import Source

WhyNoColumn = Callable[[str], str | None]
"""Why a name cannot be a column's, or None if it can. The lake knows; nothing here knows the lake."""

NAME_LENGTH_MAX = 255
"""Of a column in the Glue Data Catalog: docs.aws.amazon.com/glue/latest/webapi/API_Column.html."""


def every_name(_: str) -> None:
    """No objection."""


def column_faults(
    working: Mapping[str, Source], published: AbstractSet[tuple[str, str]], why_no_column: WhyNoColumn
) -> Iterator[tuple[str, Fault]]:
    """Of each event the fields that cannot become columns; what was published already can no longer be helped.

    Args:
        working: by event name.
        published: events and the fields that they have in a published version.
        why_no_column: the lake's objections.
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
        f"its type is {json.dumps(avro_type)}, and {other} has a field of that name with another: in the lake "
        "all events are in one table, where a column has one type",
        "give it the same type or another name",
    )


def _name_fault(field: str, why: str) -> Fault:
    return Fault("column name", field, f"no column of the lake can have its name: it {why}", "give it another name")


def _column_type(avro_type: Any) -> Any:  # noqa: ANN401 -- Avro's JSON
    """Whether it may be null is no part of a column's type."""
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return branches[0] if len(branches) == 1 else branches
    return avro_type
