"""Strict readers of Avro bodies: bytes that contradict their schema are refused, never guessed.

avro.apache.org/docs/1.12.0/specification/#binary-encoding. fastavro and Apache's own library accept such bytes: they
read a union's branch -2 as its first branch, a boolean 2 as true, a 70-bit number as another number, and truncated text
as shorter text. That is not acceptable for money. These readers are as fast as fastavro's (benchmarks/consumers.py),
because each is built for its type once.

Numbers must have the shortest encoding. The specification does not require it, but every Avro library writes it, and it
gives each event exactly one body.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from account_events.avro.logical import logical_for
from account_events.avro.primitives import PRIMITIVES, Read, length, long, string

Json = Mapping[str, Any]
DEPTH_MAX = 32
"""The maximum nesting of types; the readers call each other to the same depth."""


def reader_of(avro_type: Any, depth: int = 0) -> Read:  # noqa: ANN401 -- a type is a string, a list or a mapping in JSON
    """The reader of a type's values. Values of logical types become Python objects.

    Raises:
        ValueError: the type refers to another type by name (as a recursive type does), is nested too deeply, has a
            decimal with an invalid precision or scale, or is not an Avro type.
    """
    read = primitive_reader_of(avro_type, depth)
    convert = logical_for(avro_type)
    if convert is None:
        return read

    def converted(data: bytes, offset: int) -> tuple[Any, int]:
        value, offset = read(data, offset)
        return convert(value), offset

    return converted


def primitive_reader_of(avro_type: Any, depth: int = 0) -> Read:  # noqa: ANN401 -- as above
    """Like `reader_of`, but without the type's own logical type: its value stays primitive.

    Raises:
        ValueError: see `reader_of`.
    """
    if depth > DEPTH_MAX:
        raise ValueError(f"types nested more than {DEPTH_MAX} levels deep")
    match avro_type:
        case (str() as kind) | {"type": str(kind)} if kind in PRIMITIVES:
            return PRIMITIVES[kind]
        case ["null", "string"]:
            return _optional_string
        case [*branches]:
            return _union([reader_of(branch, depth + 1) for branch in branches])
        case {"type": str(kind)} if kind in _COMPLEX:
            return _COMPLEX[kind](avro_type, depth + 1)
    raise ValueError("an unknown or recursive type")


def _fixed(avro_type: Json, _: int) -> Read:
    size = avro_type.get("size")
    if type(size) is not int or size < 0:
        raise ValueError("a fixed type without a size")

    def fixed(data: bytes, offset: int) -> tuple[bytes, int]:
        end = offset + size
        return data[offset:end], end

    return fixed


def _optional_string(data: bytes, offset: int) -> tuple[str | None, int]:
    branch = data[offset]
    if branch == 2:  # noqa: PLR2004 -- 1, zigzag
        return string(data, offset + 1)
    if branch:
        raise ValueError(_NO_BRANCH)
    return None, offset + 1


_NO_BRANCH = "a branch that is not in its union"


def _union(branches: Sequence[Read]) -> Read:
    def union(data: bytes, offset: int) -> tuple[Any, int]:
        branch, offset = long(data, offset)
        if not 0 <= branch < len(branches):
            raise ValueError(_NO_BRANCH)
        return branches[branch](data, offset)

    return union


def _enum(avro_type: Json, _: int) -> Read:
    symbols = avro_type.get("symbols")
    if not isinstance(symbols, list):
        raise ValueError("an enum without symbols")  # noqa: TRY004 -- every invalid type is a ValueError

    def enum(data: bytes, offset: int) -> tuple[Any, int]:
        symbol, offset = long(data, offset)
        if not 0 <= symbol < len(symbols):
            raise ValueError("a symbol that is not in its enum")
        return symbols[symbol], offset

    return enum


def _record(avro_type: Json, depth: int) -> Read:
    declared = avro_type.get("fields")
    if not isinstance(declared, list):
        raise ValueError("a record without fields")  # noqa: TRY004 -- as above
    fields = [_field(field, depth) for field in declared]
    if len(dict(fields)) < len(fields):
        raise ValueError("a record with two fields of one name")

    def record(data: bytes, offset: int) -> tuple[dict[str, Any], int]:
        values = {}
        for name, read in fields:
            values[name], offset = read(data, offset)
        return values, offset

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
        raise ValueError("an array whose items take no bytes, so its length has no limit")

    def array(data: bytes, offset: int) -> tuple[list[Any], int]:
        values = []
        count, offset, end = _block(data, offset)
        while count:
            for _ in range(count):
                value, offset = item(data, offset)
                values.append(value)
            count, offset, end = _next_block(data, offset, end)
        return values, offset

    return array


def _takes_bytes(avro_type: Any) -> bool:  # noqa: ANN401 -- Avro's JSON
    """Whether a value takes at least one byte. Otherwise a tiny body could contain an array of any length."""
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

    def mapping(data: bytes, offset: int) -> tuple[Mapping[str, Any], int]:
        values: dict[str, Any] = {}
        count, offset, end = _block(data, offset)
        while count:
            for _ in range(count):
                key, offset = string(data, offset)
                if key in values:
                    raise ValueError("a map with a repeated key")
                values[key], offset = value(data, offset)
            count, offset, end = _next_block(data, offset, end)
        return values, offset

    return mapping


def _block(data: bytes, offset: int) -> tuple[int, int, int | None]:
    """The number of items, where they begin, and where they must end if the block has a size."""
    count, offset = long(data, offset)
    end = None
    if count < 0:
        count = -count
        size, offset = length(data, offset)
        end = offset + size
    if count > len(data) - offset:
        raise IndexError  # each item takes at least one byte
    return count, offset, end


def _next_block(data: bytes, offset: int, end: int | None) -> tuple[int, int, int | None]:
    if end not in (None, offset):
        raise ValueError("a block whose size differs from its content")
    return _block(data, offset)


_COMPLEX: Mapping[str, Callable[[Json, int], Read]] = {
    "array": _array,
    "enum": _enum,
    "fixed": _fixed,
    "map": _map,
    "record": _record,
}
