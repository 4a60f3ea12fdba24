"""Writes rows, as in Firehose's JSON, to Parquet with the column types of a Glue table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = Mapping[str, Any]
"""Values by column; a column that is absent is null. Decimals and timestamps are text, see `consumers.lake.rows`."""

_PLAIN = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "double": pa.float64(),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


class Unconvertible(Exception):
    """A row does not match the columns."""


def arrow_schema(columns: Iterable[tuple[str, str]]) -> pa.Schema:
    """The Arrow schema for names and Glue types.

    Raises:
        NotImplementedError: a type is not supported yet.
    """
    return pa.schema([(name, _arrow_type(glue_type)) for name, glue_type in columns])


def parquet(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    """A Parquet file, compressed with Snappy, which is Firehose's default. Columns not in the schema are left out.

    Raises:
        Unconvertible: a value is not of its column's type. No value is rounded or truncated.
    """
    arrays = [_array([row.get(field.name) for row in rows], field) for field in schema]
    file = BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file, compression="snappy")
    return file.getvalue()


def _arrow_type(glue_type: str) -> pa.DataType:
    if matched := _DECIMAL.fullmatch(glue_type):
        return pa.decimal128(int(matched[1]), int(matched[2]))
    try:
        return _PLAIN[glue_type]
    except KeyError:
        raise NotImplementedError(
            f"The Glue type {glue_type} is not supported: add it to consumers/lake/delivery/parquet.py, with a test."
        ) from None


def _array(values: list[Any], field: pa.Field) -> pa.Array:
    as_text = pa.types.is_decimal(field.type) or pa.types.is_timestamp(field.type)
    if pa.types.is_integer(field.type) and (odd := {type(value) for value in values} - {int, type(None)}):
        raise Unconvertible(f"{field.name}: {', '.join(each.__name__ for each in odd)} instead of an integer")
    try:
        array = pa.array(values, pa.string() if as_text else field.type)
        return array.cast(field.type) if as_text else array
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError) as error:
        raise Unconvertible(f"{field.name}: {error}") from error
