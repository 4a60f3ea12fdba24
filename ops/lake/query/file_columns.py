"""Whether a file's columns are the table's. Pure.

Parquet keeps a file's schema as a flat list: the root first, then each element, a group right before its children.
DuckDB and Athena find a column by its name without regard to case.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Element(NamedTuple):
    """One of a file's schema, as DuckDB's `parquet_schema` reports it.

    Attributes:
        type: DuckDB's; None for a group.
        children: how many; None for none.
    """

    name: str
    type: str | None
    children: int | None


def problem_of(elements: Iterable[Element], columns: Sequence[tuple[str, str]]) -> str | None:
    """Why a file with this schema is no file of the table with these columns and types; None if it is one.

    A column may be missing and others may be there, as in files of other releases.
    """
    due = {name: duckdb_type(glue_type).upper() for name, glue_type in columns}
    seen: dict[str, str] = {}
    for name, found, _ in _columns(elements):
        column = name.lower()
        if column in seen:
            return f"its columns {seen[column]} and {name} are one column to Athena and DuckDB"
        seen[column] = name
        if column in due and found != due[column]:
            return f"its column {name} is {found or 'a group'}, not {due[column]}"
    return None


def duckdb_type(glue_type: str) -> str:
    """DuckDB's word for a type of the Glue Data Catalog."""
    return {"string": "VARCHAR"}.get(glue_type, glue_type)


def _columns(elements: Iterable[Element]) -> Iterator[Element]:
    """Those of the top level: neither the root nor a field of a group."""
    inner = 0
    for number, each in enumerate(elements):
        if not number:
            continue
        if inner:
            inner -= 1
        else:
            yield each
        inner += each.children or 0
