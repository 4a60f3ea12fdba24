"""Reads the columns of a Parquet file from the text of its schema, as Parquet's Java library prints it. Pure."""

import re
from collections.abc import Iterator

from ops.lake.query.file_columns import Element

_FIELD = re.compile(
    r"\s*(?:required|optional|repeated)\s+(?P<physical>\w+)(?:\(\d+\))?\s+(?P<name>\S+?)"
    r"(?:\s+\((?P<logical>\w+)(?:\((?P<details>[^)]*)\))?\))?(?:\s+=\s+\d+)?\s*(?P<end>[;{])"
)
_PHYSICAL = {
    "binary": "BLOB",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
    "float": "FLOAT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "int96": "TIMESTAMP",
}
_LOGICAL = {"STRING": "VARCHAR", "UTF8": "VARCHAR", "ENUM": "VARCHAR", "JSON": "JSON"}
_TIMES = {"MICROS": "TIMESTAMP", "MILLIS": "TIMESTAMP_MS", "NANOS": "TIMESTAMP_NS"}


def elements(schema: str) -> Iterator[Element]:
    """The file's root and its columns, with the types that DuckDB has for them; see `file_columns.problem_of`.

    Times with and without a zone are not distinguished: Parquet's library cannot do it for older files, and as both are
    in UTC, their values are equal.
    """
    depth = 0
    for line in schema.splitlines():
        if depth == 0 and line.startswith("message"):
            depth = 1
            yield Element("root", None, None)
        elif line.strip() == "}" or line.strip().startswith("} "):
            depth -= 1
        elif found := _FIELD.fullmatch(line):
            if depth == 1:
                yield Element(found["name"], _type(found), None)
            depth += found["end"] == "{"


def _type(found: re.Match[str]) -> str | None:
    physical, logical, details = found["physical"], found["logical"], (found["details"] or "").replace(" ", "")
    if physical == "group":
        return None
    if logical is None:
        return _PHYSICAL.get(physical, physical.upper())
    if logical == "TIMESTAMP":
        unit = details.partition(",")[0]
        return _TIMES.get(unit, unit)
    if (logical, details) == ("INTEGER", "64,true"):
        return "BIGINT"
    return _LOGICAL.get(logical, f"{logical}({details})" if details else logical)
