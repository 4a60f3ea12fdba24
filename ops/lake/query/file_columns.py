"""Compares a file's columns with the table's. Pure.

Parquet stores a file's schema as a flat list: the root, then each element; a group is directly before its children.
DuckDB and Athena find a column by its name and ignore case.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Element(NamedTuple):
    """An element of a file's schema, as DuckDB's `parquet_schema` reports it.

    Attributes:
        type: DuckDB's type; None for a group.
        children: the number of children; None if there are none.
    """

    name: str
    type: str | None
    children: int | None


def problem_of(elements: Iterable[Element], columns: Sequence[tuple[str, str]]) -> str | None:
    """Why a file with this schema does not match a table with these columns and types; None if it does.

    A file may lack columns or have additional ones, as files of other releases do.
    """
    expected = {name: duckdb_type(glue_type).upper() for name, glue_type in columns}
    seen: dict[str, str] = {}
    for name, found, _ in _columns(elements):
        column = name.lower()
        if column in seen:
            return f"Athena and DuckDB do not distinguish its columns {seen[column]} and {name}"
        seen[column] = name
        if column in expected and found != expected[column]:
            return f"its column {name} is {found or 'a group'}, not {expected[column]}"
    return None


def duckdb_type(glue_type: str) -> str:
    """DuckDB's name for a type of the Glue Data Catalog."""
    return {"string": "VARCHAR"}.get(glue_type, glue_type)


def _columns(elements: Iterable[Element]) -> Iterator[Element]:
    """The top-level elements: neither the root nor a field of a group."""
    inner = 0
    for number, each in enumerate(elements):
        if not number:
            continue
        if inner:
            inner -= 1
        else:
            yield each
        inner += each.children or 0
