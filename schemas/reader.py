"""Avro bodies as values: fastavro reads and resolves the primitive types, money and time are made here.

fastavro's own decimals are rounded where they have too many digits, and money must not be guessed; and its logical
types take longer than all the rest of a record.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.read import SchemaResolutionError

from schemas.contract import Schema
from schemas.errors import CorruptBody, IncompatibleSchema
from schemas.values import logical_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What fastavro raises on bytes that contradict the schema: end too early; no such branch of a union; time out of range;
# text that is not UTF-8; and on a registry's schema that lacks an attribute, or has one of a wrong type.
_FASTAVRO_ERRORS = (EOFError, LookupError, ArithmeticError, ValueError, TypeError)


class Reader:
    """Reads what was written with one schema, as that schema has it or resolved to another.

    Resolution is Avro's (avro.apache.org/docs/1.12.0/specification/#schema-resolution): fields that only the reader has
    get its defaults, those that only the writer has are left out.

    Args:
        writer: the schema of the bytes.
        reader: the schema of the values; the writer's if None.

    Raises:
        IncompatibleSchema: a field means something else in the two, which Avro itself does not see.
    """

    def __init__(self, writer: Schema, reader: Schema | None = None) -> None:
        wanted = writer if reader is None else reader
        self._name = writer.name
        for field in writer.field_types.keys() & wanted.field_types.keys():
            if _meaning(writer.field_types[field]) != _meaning(wanted.field_types[field]):
                raise IncompatibleSchema(writer.name, f"its field {field} has another logical type")
        self._writer = _primitive(writer)
        self._reader = None if is_simple(writer, wanted) else _primitive(wanted)
        self._added = dict.fromkeys(wanted.field_types.keys() - writer.field_types.keys()) if not self._reader else {}
        self._left_out = writer.field_types.keys() - wanted.field_types.keys() if not self._reader else set()
        converters = {field: logical_for(avro_type) for field, avro_type in wanted.field_types.items()}
        self._converters: list[tuple[str, Callable[[Any], Any]]] = [
            (field, convert) for field, convert in converters.items() if convert
        ]

    def read(self, data: bytes, start: int) -> dict[str, Any]:
        """The fields of the body that begins at `start` and ends with `data`, by name.

        Raises:
            CorruptBody: the body contradicts its schema, or bytes follow it.
            IncompatibleSchema: the reader's schema cannot take what was written.
        """
        fields = self.primitives(data, start)
        for field, convert in self._converters:
            try:
                fields[field] = convert(fields[field])
            except (ValueError, OverflowError) as error:
                raise self.impossible(field, error) from error
        return fields

    def impossible(self, field: str, why: object) -> CorruptBody:
        """The error of a field whose primitive value its logical type does not allow."""
        return CorruptBody(f"{self._name}.{field} holds an impossible value: {why}.")

    def primitives(self, data: bytes, start: int) -> dict[str, Any]:
        """As `read`, with money as the body's bytes (see `values.cents_of`) and times as microseconds, unchecked.

        For who would make text of them, which from `Decimal` and `datetime` takes longer than all the rest.

        Raises:
            CorruptBody, IncompatibleSchema: see `read`.
        """
        body = BytesIO(data)
        body.seek(start)
        try:
            fields: Any = fastavro.schemaless_reader(body, self._writer, self._reader)
        except SchemaResolutionError as error:
            raise IncompatibleSchema(self._name, str(error)) from error
        except _FASTAVRO_ERRORS as error:
            raise CorruptBody(f"The body of this {self._name} breaks off or holds an impossible value.") from error
        if self._added:
            fields |= self._added
        for field in self._left_out:
            del fields[field]
        if body.tell() != len(data):
            raise CorruptBody(f"{len(data) - body.tell()} bytes follow the body of this {self._name}.")
        result: dict[str, Any] = fields
        return result


def is_simple(writer: Schema, reader: Schema) -> bool:
    """Whether resolution is no more than leaving fields out and adding null.

    Then it need not be fastavro's, which takes as long as the reading itself. It is so between all versions that the
    gate lets pass.
    """
    shared = writer.field_types.keys() & reader.field_types.keys()
    added = [field for field in reader.source["fields"] if field["name"] not in shared]
    return all(writer.field_types[name] == reader.field_types[name] for name in shared) and all(
        "default" in field and field["default"] is None for field in added
    )


def _meaning(avro_type: Any) -> Any:  # noqa: ANN401 -- a type is a string, a list or a mapping in Avro's JSON
    """What a logical type says beside its primitive type; of a union, of its branches."""
    match avro_type:
        case list():
            return [meaning for branch in avro_type if (meaning := _meaning(branch))]
        case {"logicalType": name}:
            return (name, avro_type.get("precision"), avro_type.get("scale", 0))
    return None


def _primitive(schema: Schema) -> Any:  # noqa: ANN401 -- fastavro's
    """The schema without the logical types that are made here."""
    source: Mapping[str, Any] = schema.source
    fields = [
        {**field, "type": field["type"]["type"]} if logical_for(field["type"]) else field for field in source["fields"]
    ]
    return fastavro.parse_schema({**source, "fields": fields})
