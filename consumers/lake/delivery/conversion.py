"""Converts the function's JSON to Parquet with the table's columns, and separates the records that do not match. Pure.

Source: Amazon Data Firehose Developer Guide, "Convert input data format" (a record holds one or several JSON objects,
one after the other), "Handling errors for data format conversion". Firehose's OpenX reader converts text to numbers
where it can; here a row must match exactly.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from consumers.lake.delivery.contract import Transformed
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


def json_objects(data: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a record.

    Raises:
        ValueError: the data is empty, or holds anything else.
    """
    text, at, found = data.decode(), 0, []
    decoder = json.JSONDecoder()
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 -- about the data, not an argument
        found.append(document)
        while at < len(text) and text[at].isspace():
            at += 1
    if not found:
        raise ValueError("the record is empty")
    return found
