"""Avro bodies by their schema, strictly: what is read is exactly what was written, or it is refused.

avro.apache.org/docs/1.12.0/specification/#binary-encoding. fastavro and Apache's own library take bytes that contradict
the schema for values: a union's branch -2 for its first, a boolean 2 for true, a number of 70 bits for another one,
a text that breaks off for a shorter one. With money none of them may pass, so these readers are own code; and they are
no slower than fastavro's (benchmarks/consumers.py), because each is made for its type once.

Numbers have one spelling: as few bytes as hold them. The specification does not demand it, but no Avro library writes
another, and two bodies of one event would not be the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from account_events.avro.logical import logical_for
from account_events.avro.primitives import PRIMITIVES, Read, length, long, string

Json = Mapping[str, Any]
DEPTH_MAX = 32
"""Of types in each other; readers call each other as deeply."""


def reader_of(avro_type: Any, depth: int = 0) -> Read:  # noqa: ANN401 -- a type is a string, a list or a mapping in JSON
    """The reader of a type's values, logical types as Python's.

    Raises:
        ValueError: it refers to another type by name, as one that contains itself does; is nested too deeply; has a
            decimal that is none; or is no type at all.
    """
    read = primitive_reader_of(avro_type, depth)
    convert = logical_for(avro_type)
    if convert is None:
        return read

    def converted(data: bytes, place: int) -> tuple[Any, int]:
        value, place = read(data, place)
        return convert(value), place

    return converted


def primitive_reader_of(avro_type: Any, depth: int = 0) -> Read:  # noqa: ANN401 -- as above
    """As `reader_of`, but for the type's own logical type: its value is left as the body has it.

    Raises:
        ValueError: see `reader_of`.
    """
    if depth > DEPTH_MAX:
        raise ValueError(f"more than {DEPTH_MAX} types in each other")
    match avro_type:
        case (str() as kind) | {"type": str(kind)} if kind in PRIMITIVES:
            return PRIMITIVES[kind]
        case ["null", "string"]:
            return _optional_string
        case [*branches]:
            return _union([reader_of(branch, depth + 1) for branch in branches])
        case {"type": str(kind)} if kind in _COMPLEX:
            return _COMPLEX[kind](avro_type, depth + 1)
    raise ValueError("a type whose values may have no end, or that is none")


def _fixed(avro_type: Json, _: int) -> Read:
    size = avro_type.get("size")
    if type(size) is not int or size < 0:
        raise ValueError("a fixed type without a size")

    def fixed(data: bytes, place: int) -> tuple[bytes, int]:
        end = place + size
        return data[place:end], end

    return fixed


def _optional_string(data: bytes, place: int) -> tuple[str | None, int]:
    branch = data[place]
    if branch == 2:  # noqa: PLR2004 -- 1, zigzag
        return string(data, place + 1)
    if branch:
        raise ValueError(_NO_BRANCH)
    return None, place + 1


_NO_BRANCH = "a branch that its union does not have"


def _union(branches: Sequence[Read]) -> Read:
    def union(data: bytes, place: int) -> tuple[Any, int]:
        branch, place = long(data, place)
        if not 0 <= branch < len(branches):
            raise ValueError(_NO_BRANCH)
        return branches[branch](data, place)

    return union


def _enum(avro_type: Json, _: int) -> Read:
    symbols = avro_type.get("symbols")
    if not isinstance(symbols, list):
        raise ValueError("an enum without symbols")  # noqa: TRY004 -- what is wrong with a type is a ValueError

    def enum(data: bytes, place: int) -> tuple[Any, int]:
        symbol, place = long(data, place)
        if not 0 <= symbol < len(symbols):
            raise ValueError("a symbol that its enum does not have")
        return symbols[symbol], place

    return enum


def _record(avro_type: Json, depth: int) -> Read:
    declared = avro_type.get("fields")
    if not isinstance(declared, list):
        raise ValueError("a record without fields")  # noqa: TRY004 -- as above
    fields = [_field(field, depth) for field in declared]
    if len(dict(fields)) < len(fields):
        raise ValueError("a record with two fields of one name")

    def record(data: bytes, place: int) -> tuple[dict[str, Any], int]:
        values = {}
        for name, read in fields:
            values[name], place = read(data, place)
        return values, place

    return record


_ITS_FIELD = "its field "


def _field(field: Any, depth: int) -> tuple[str, Read]:  # noqa: ANN401 -- JSON
    match field:
        case {"name": str(name), "type": avro_type}:
            try:
                return name, reader_of(avro_type, depth)
            except ValueError as error:
                inner = str(error).partition(_ITS_FIELD)[2]
                raise ValueError(_ITS_FIELD + (f"{name}.{inner}" if inner else f"{name} has {error}")) from error
    raise ValueError("a record with a field that has no name or no type")


def _array(avro_type: Json, depth: int) -> Read:
    items = avro_type.get("items")
    item = reader_of(items, depth)
    if not _takes_bytes(items):
        raise ValueError("a type whose values may have no end: an array of what takes no bytes")

    def array(data: bytes, place: int) -> tuple[list[Any], int]:
        values = []
        count, place, end = _block(data, place)
        while count:
            for _ in range(count):
                value, place = item(data, place)
                values.append(value)
            count, place, end = _next_block(data, place, end)
        return values, place

    return array


def _takes_bytes(avro_type: Any) -> bool:  # noqa: ANN401 -- Avro's JSON
    """Without bytes, an array of any number of items would take no more than its number."""
    match avro_type:
        case "null":
            return False
        case {"type": "fixed", "size": size}:
            return bool(size)
        case {"type": "record", "fields": fields}:
            return any(_takes_bytes(field["type"]) for field in fields)
        case {"type": wrapped}:
            return _takes_bytes(wrapped)
    return True


def _map(avro_type: Json, depth: int) -> Read:
    value = reader_of(avro_type.get("values"), depth)

    def mapping(data: bytes, place: int) -> tuple[Mapping[str, Any], int]:
        values: dict[str, Any] = {}
        count, place, end = _block(data, place)
        while count:
            for _ in range(count):
                key, place = string(data, place)
                if key in values:
                    raise ValueError("a map with a key twice")
                values[key], place = value(data, place)
            count, place, end = _next_block(data, place, end)
        return values, place

    return mapping


def _block(data: bytes, place: int) -> tuple[int, int, int | None]:
    """How many items follow, from where on, and where they have to end if that was written."""
    count, place = long(data, place)
    end = None
    if count < 0:
        count = -count
        size, place = length(data, place)
        end = place + size
    if count > len(data) - place:
        raise IndexError  # each takes a byte at least
    return count, place, end


def _next_block(data: bytes, place: int, end: int | None) -> tuple[int, int, int | None]:
    if end not in (None, place):
        raise ValueError("a block of another size than it says")
    return _block(data, place)


_COMPLEX: Mapping[str, Callable[[Json, int], Read]] = {
    "array": _array,
    "enum": _enum,
    "fixed": _fixed,
    "map": _map,
    "record": _record,
}
