"""Values of Avro's primitive types out of a body, strictly; see `body`."""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

Read = Callable[[bytes, int], tuple[Any, int]]
"""From the bytes and the place in them at which a value begins, to the value and the place behind it.

Bytes that contradict the type raise ValueError or OverflowError. Those that end too early raise IndexError or
struct.error, or nothing: then the place is behind the last byte, which the next reader notices, or who compares it with
the length.
"""

_LONG_BYTES_MAX, _LONG_BITS = 10, 64
_INT_BELOW = 2**31
_SEVEN_MORE = 0x00808080_80808080


def long(data: bytes, place: int) -> tuple[int, int]:
    """Zigzag, seven bits a byte; as the encoder's, and like there microseconds since 1970 without a loop."""
    first = data[place]
    if first < 0x80:  # noqa: PLR2004 -- the bit that says that more bytes follow
        return (first >> 1) ^ -(first & 1), place + 1
    word = int.from_bytes(data[place : place + 8], "little")
    if word & 0x80808080_80808080 == _SEVEN_MORE and word >> 56:
        word &= 0x7F7F7F7F_7F7F7F7F
        word = word & 0x007F007F_007F007F | (word & 0x7F007F00_7F007F00) >> 1
        word = word & 0x00003FFF_00003FFF | (word & 0x3FFF0000_3FFF0000) >> 2
        word = word & 0x00000000_0FFFFFFF | (word & 0x0FFFFFFF_00000000) >> 4
        return (word >> 1) ^ -(word & 1), place + 8
    return _any_long(data, place)


def _any_long(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONG_BYTES_MAX):
        byte = data[place + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:  # noqa: PLR2004 -- as above
            if not byte and count:
                raise ValueError("a number of more bytes than it needs")
            if value >> _LONG_BITS:
                break
            return (value >> 1) ^ -(value & 1), place + count + 1
    raise ValueError(f"a number of more than {_LONG_BITS} bits")


def _int(data: bytes, place: int) -> tuple[int, int]:
    value, place = long(data, place)
    if not -_INT_BELOW <= value < _INT_BELOW:
        raise ValueError("an int of more than 32 bits")
    return value, place


def length(data: bytes, place: int) -> tuple[int, int]:
    """Of what follows, in bytes."""
    size, place = long(data, place)
    if size < 0:
        raise ValueError("a length below zero")
    return size, place


def string(data: bytes, place: int) -> tuple[str, int]:
    size = data[place]
    if size & 0x81:  # of several bytes, or below zero
        size, place = length(data, place)
        end = place + size
    else:
        place += 1
        end = place + (size >> 1)
    return data[place:end].decode(), end


def _bytes(data: bytes, place: int) -> tuple[bytes, int]:
    size = data[place]
    if size & 0x81:  # as above
        size, place = length(data, place)
        end = place + size
    else:
        place += 1
        end = place + (size >> 1)
    return data[place:end], end


def _null(_: bytes, place: int) -> tuple[None, int]:
    return None, place


def _boolean(data: bytes, place: int) -> tuple[bool, int]:
    byte = data[place]
    if byte > 1:
        raise ValueError("a boolean that is neither 0 nor 1")
    return byte == 1, place + 1


def _number(form: Struct) -> Read:
    def number(data: bytes, place: int) -> tuple[float, int]:
        [value] = form.unpack_from(data, place)
        return value, place + form.size

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
