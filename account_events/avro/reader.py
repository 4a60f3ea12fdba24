"""Reads Avro bodies as an event's fields, with the writer's schema or resolved to another one."""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError

from account_events.avro.body import primitive_reader_of, reader_of
from account_events.avro.contract import Schema
from account_events.avro.errors import CorruptBody, IncompatibleSchema
from account_events.avro.logical import Convert, logical_for

# The exceptions that fastavro raises for bytes that contradict the schema.
_FASTAVRO_ERRORS = (EOFError, LookupError, ArithmeticError, ValueError, TypeError)


class Reader:
    """Reads bodies written with one schema, optionally resolved to another.

    Resolution follows the Avro specification (avro.apache.org/docs/1.12.0/specification/#schema-resolution): a field
    that only the reader's schema has gets its default, and a field that only the writer's schema has is left out.

    Args:
        writer: the schema with which the bytes were written.
        reader: the schema of the returned fields; None: the writer's.

    Raises:
        IncompatibleSchema: a field has different logical types in the two schemas, which Avro itself does not check.
    """

    def __init__(self, writer: Schema, reader: Schema | None = None) -> None:
        wanted = writer if reader is None else reader
        self._name = writer.name
        for field in writer.field_types.keys() & wanted.field_types.keys():
            if _meaning(writer.field_types[field]) != _meaning(wanted.field_types[field]):
                raise IncompatibleSchema(writer.name, f"its field {field} has another logical type")
        self._resolution = () if is_simple(writer, wanted) else (_primitive(writer), _primitive(wanted))
        # Fields that are left out are read with their logical types, so that they are checked as well.
        self._readers = [
            (field, (primitive_reader_of if field in wanted.field_types else reader_of)(avro_type))
            for field, avro_type in writer.field_types.items()
        ]
        self._added = dict.fromkeys(wanted.field_types.keys() - writer.field_types.keys())
        self._left_out = writer.field_types.keys() - wanted.field_types.keys()
        converters = {field: logical_for(avro_type) for field, avro_type in wanted.field_types.items()}
        self._converters: list[tuple[str, Convert]] = [
            (field, convert) for field, convert in converters.items() if convert
        ]

    def read(self, data: bytes, start: int) -> dict[str, Any]:
        """Read the fields, by name, of the body from `start` to the end of `data`.

        Raises:
            CorruptBody: the body contradicts its schema, or bytes follow it.
            IncompatibleSchema: the body cannot be resolved to the reader's schema.
        """
        fields = self.primitives(data, start)
        for field, convert in self._converters:
            try:
                fields[field] = convert(fields[field])
            except (ValueError, OverflowError) as error:
                raise self.impossible(field, error) from error
        return fields

    def impossible(self, field: str, why: object) -> CorruptBody:
        """The error for a value that the field's type does not allow."""
        return CorruptBody(f"{self._name}.{field} has an invalid value: {why}.")

    def primitives(self, data: bytes, start: int) -> dict[str, Any]:
        """Like `read`, but money stays bytes (see `values.cents_of`) and times stay microseconds, both unchecked.

        Use it to convert events to text: a conversion to `Decimal` and `datetime` would nearly double the time.

        Raises:
            CorruptBody, IncompatibleSchema: see `read`.
        """
        resolved = self._resolved(data[start:]) if self._resolution else None
        fields: dict[str, Any] = {}
        offset = start
        try:
            for field, read in self._readers:
                fields[field], offset = read(data, offset)
        except (IndexError, struct.error) as error:
            raise self._truncated() from error
        except UnicodeDecodeError as error:
            raise self.impossible(self._field_after(fields), "text that is not UTF-8") from error
        except (ValueError, OverflowError) as error:
            raise self.impossible(self._field_after(fields), error) from error
        if offset > len(data):
            raise self._truncated()
        if offset < len(data):
            raise CorruptBody(f"{len(data) - offset} bytes follow the body of this {self._name}.")
        if resolved is not None:
            return resolved
        if self._added:
            fields |= self._added
        for field in self._left_out:
            del fields[field]
        return fields

    def _truncated(self) -> CorruptBody:
        return CorruptBody(f"The body of this {self._name} is truncated or has an invalid value.")

    def _field_after(self, fields: Mapping[str, Any]) -> str:
        """The name of the field that could not be read: the one after the fields that were."""
        return self._readers[len(fields)][0]

    def _resolved(self, body: bytes) -> dict[str, Any]:
        try:
            fields: Any = fastavro.schemaless_reader(BytesIO(body), *self._resolution)
        except SchemaResolutionError as error:
            raise IncompatibleSchema(self._name, str(error)) from error
        except _FASTAVRO_ERRORS as error:
            raise self._truncated() from error
        result: dict[str, Any] = fields
        return result


def is_simple(writer: Schema, reader: Schema) -> bool:
    """Whether resolution only leaves fields out and adds null defaults.

    This holds between all versions that the schema gate accepts. The simple case needs no resolution by fastavro,
    which takes as long as the reading itself.
    """
    shared = writer.field_types.keys() & reader.field_types.keys()
    added = [field for field in reader.source["fields"] if field["name"] not in shared]
    return all(writer.field_types[name] == reader.field_types[name] for name in shared) and all(
        "default" in field and field["default"] is None for field in added
    )


def _meaning(avro_type: Any) -> Any:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    """A type's logical type with its parameters, or those of a union's branches; None if it has no logical type."""
    match avro_type:
        case list():
            return [meaning for branch in avro_type if (meaning := _meaning(branch))]
        case {"logicalType": name}:
            return (name, avro_type.get("precision"), avro_type.get("scale", 0))
    return None


def _primitive(schema: Schema) -> Any:  # noqa: ANN401 -- fastavro's
    """The schema without the logical types that this package converts itself."""
    source: Mapping[str, Any] = schema.source
    fields = [
        {**field, "type": field["type"]["type"]} if logical_for(field["type"]) else field for field in source["fields"]
    ]
    return fastavro.parse_schema({**source, "fields": fields})
