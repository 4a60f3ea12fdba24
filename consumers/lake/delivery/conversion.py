"""Converts the function's JSON to Parquet with the table's columns, and separates the records that do not match. Pure.

Source: Amazon Data Firehose Developer Guide, "Convert input data format" (a record holds one or several JSON objects,
one after the other), "Handling errors for data format conversion". Firehose's OpenX reader converts text to numbers
where it can; here a row must match exactly.
"""

from collections.abc import Sequence

import pyarrow as pa

from consumers.lake.delivery.contract import Transformed, json_objects
from consumers.lake.delivery.parquet import Row, Unconvertible, parquet


def converted(
    transformed: Sequence[Transformed], schema: pa.Schema
) -> tuple[bytes, int, list[tuple[Transformed, str]]]:
    """Returns the file (empty without rows), its number of rows, and the records left out, each with the reason."""
    try:
        rows = [row for each in transformed for row in json_objects(each.data)]
        return (parquet(rows, schema) if rows else b""), len(rows), []
    except (ValueError, RecursionError, Unconvertible):
        return _one_by_one(transformed, schema)


def _one_by_one(
    transformed: Sequence[Transformed], schema: pa.Schema
) -> tuple[bytes, int, list[tuple[Transformed, str]]]:
    """Like `converted`, but converts each record on its own, to find those that do not match."""
    rows: list[Row] = []
    failed: list[tuple[Transformed, str]] = []
    for each in transformed:
        try:
            theirs = json_objects(each.data)
            parquet(theirs, schema)
        except (ValueError, RecursionError, Unconvertible) as error:
            failed.append((each, str(error)))
        else:
            rows += theirs
    return (parquet(rows, schema) if rows else b""), len(rows), failed
