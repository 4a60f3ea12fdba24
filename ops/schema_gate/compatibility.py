"""Decides, with Apache's checker, whether data written with one schema can be read with another.

The checker follows avro.apache.org/docs/1.12.0/specification/#schema-resolution. It accepts some changes that alter the
values that are read; `evolution` refuses them.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import IgnoredLogicalType

AvroJson = str | Mapping[str, Any] | Sequence[Any]
"""A schema: its JSON text, or the parsed JSON. The bare name of a primitive type is a schema, too."""


def why_not(reader: AvroJson, writer: AvroJson) -> str | None:
    """Why a consumer with the schema `reader` cannot read what was written with `writer`; None if it can.

    Raises:
        avro.errors.AvroException: `reader` or `writer` is not a schema or not JSON.
    """
    return explain(_parsed(reader), _parsed(writer))


def can_read(reader: AvroJson, writer: AvroJson) -> bool:
    """Whether a consumer with the schema `reader` can read everything written with `writer`; see `why_not`."""
    return why_not(reader, writer) is None


def explain(reader: avro.schema.Schema, writer: avro.schema.Schema) -> str | None:
    """`why_not` for parsed schemas."""
    # A checker caches pairs by identity, so each comparison needs a new one.
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(reader, writer)
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    kinds = sorted({kind.name.replace("_", " ") for kind in result.incompatibilities})
    return f"{', '.join(kinds)} ({'; '.join(sorted(result.messages))}) at {', '.join(sorted(result.locations))}"


def _parsed(schema: AvroJson) -> avro.schema.Schema:
    is_text = isinstance(schema, str) and schema.lstrip()[:1] in tuple('"{[')
    text = str(schema) if is_text else json.dumps(schema)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IgnoredLogicalType)  # the specification: readers ignore unknown logical types
        return avro.schema.parse(text)
