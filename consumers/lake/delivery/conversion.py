"""From the function's JSON to Parquet by the table's columns; what does not match them is told apart. Pure.

Source: Amazon Data Firehose Developer Guide, "Convert input data format": JSON objects, also several in a record, one
after the other; "Handling errors for data format conversion". The OpenX reader takes a text for a number where it can;
here a row has to match.
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
    """The file, its rows, and the records that are not in it, each with the reason. No file without rows: empty."""
    try:
        rows = [row for each in transformed for row in json_objects(each.data)]
        return (parquet(rows, schema) if rows else b""), len(rows), []
    except (ValueError, RecursionError, Unconvertible):
        return _one_by_one(transformed, schema)


def _one_by_one(
    transformed: Sequence[Transformed], schema: pa.Schema
) -> tuple[bytes, int, list[tuple[Transformed, str]]]:
    """Where something is wrong: with which."""
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
        ValueError: there is something else, or nothing.
    """
    text, at, found = data.decode(), 0, []
    decoder = json.JSONDecoder()
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        if not isinstance(document, dict):
            raise ValueError("a JSON object is due")  # noqa: TRY004 -- of the data, not of an argument
        found.append(document)
        while at < len(text) and text[at].isspace():
            at += 1
    if not found:
        raise ValueError("the record is empty")
    return found
