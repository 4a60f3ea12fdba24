"""Strict readers of Avro's primitive types; see `body`."""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

Read = Callable[[bytes, int], tuple[Any, int]]
"""Takes the bytes and the offset of a value; returns the value and the offset after it.

It raises ValueError or OverflowError if the bytes contradict the type. If the bytes are truncated, it raises IndexError
or struct.error, or returns an offset beyond the end. The caller must compare the last offset with the length.
"""

_LONG_BYTES_MAX, _LONG_BITS = 10, 64
_INT_BELOW = 2**31
_SEVEN_MORE = 0x00808080_80808080


def long(data: bytes, offset: int) -> tuple[int, int]:
    """Read a zigzag varint. One of eight bytes, such as microseconds since 1970, is read without a loop."""
    first = data[offset]
    if first < 0x80:  # noqa: PLR2004 -- the continuation bit: more bytes follow
        return (first >> 1) ^ -(first & 1), offset + 1
    word = int.from_bytes(data[offset : offset + 8], "little")
    if word & 0x80808080_80808080 == _SEVEN_MORE and word >> 56:
        word &= 0x7F7F7F7F_7F7F7F7F
        word = word & 0x007F007F_007F007F | (word & 0x7F007F00_7F007F00) >> 1
        word = word & 0x00003FFF_00003FFF | (word & 0x3FFF0000_3FFF0000) >> 2
        word = word & 0x00000000_0FFFFFFF | (word & 0x0FFFFFFF_00000000) >> 4
        return (word >> 1) ^ -(word & 1), offset + 8
    return _any_long(data, offset)


def _any_long(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONG_BYTES_MAX):
        byte = data[offset + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:  # noqa: PLR2004 -- as above
            if not byte and count:
                raise ValueError("a number with more bytes than it needs")
            if value >> _LONG_BITS:
                break
            return (value >> 1) ^ -(value & 1), offset + count + 1
    raise ValueError(f"a number with more than {_LONG_BITS} bits")


def _int(data: bytes, offset: int) -> tuple[int, int]:
    value, offset = long(data, offset)
    if not -_INT_BELOW <= value < _INT_BELOW:
        raise ValueError("an int with more than 32 bits")
    return value, offset


def length(data: bytes, offset: int) -> tuple[int, int]:
    """Read the length of the following value, in bytes."""
    size, offset = long(data, offset)
    if size < 0:
        raise ValueError("a length below zero")
    return size, offset


def string(data: bytes, offset: int) -> tuple[str, int]:
    size = data[offset]
    if size & 0x81:  # the length has several bytes, or is negative
        size, offset = length(data, offset)
        end = offset + size
    else:
        offset += 1
        end = offset + (size >> 1)
    return data[offset:end].decode(), end


def _bytes(data: bytes, offset: int) -> tuple[bytes, int]:
    size = data[offset]
    if size & 0x81:  # as above
        size, offset = length(data, offset)
        end = offset + size
    else:
        offset += 1
        end = offset + (size >> 1)
    return data[offset:end], end


def _null(_: bytes, offset: int) -> tuple[None, int]:
    return None, offset


def _boolean(data: bytes, offset: int) -> tuple[bool, int]:
    byte = data[offset]
    if byte > 1:
        raise ValueError("a boolean that is neither 0 nor 1")
    return byte == 1, offset + 1


def _number(form: Struct) -> Read:
    def number(data: bytes, offset: int) -> tuple[float, int]:
        [value] = form.unpack_from(data, offset)
        return value, offset + form.size

    return number


PRIMITIVES: Mapping[str, Read] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": long,
    "float": _number(Struct("<f")),
    "double": _number(Struct("<d")),
    "bytes": _bytes,
    "string": string,
}
