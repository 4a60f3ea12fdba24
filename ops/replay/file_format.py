"""Replayed events in a file, and back.

`jsonl`: a line of JSON for each event, `{"name", "schema", "event": {...}, "data"}`: the event in words, and under
`data` its bytes in Base64, just as they are on the stream. Money is a string, times are ISO 8601 in UTC.

`framed`: for each event four bytes, big-endian, with the length of what follows: the event's bytes.

Not an Avro object container: it would hold the three records as branches of one union, without their single-object
headers, so that what a consumer of the stream decodes is not in it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import BinaryIO, Literal

from account_events.avro.codec import Codec

LENGTH_BYTES = 4
FileFormat = Literal["jsonl", "framed"]


def to_line(data: bytes, codec: Codec) -> bytes:
    """An event as a line of `jsonl`."""
    event = codec.decode(data)
    line = {
        "name": event.name,
        "schema": event.fingerprint,
        "event": {name: _plain(value) for name, value in event.fields.items()},
        "data": b64encode(data).decode(),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def to_frame(data: bytes) -> bytes:
    """An event as `framed`."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def writer(file_format: FileFormat, codec: Codec) -> Callable[[bytes], bytes]:
    """What writes an event's bytes in a format.

    Args:
        file_format: which.
        codec: reads the events, for their words.
    """
    return partial(to_line, codec=codec) if file_format == "jsonl" else to_frame


def events_in(file: BinaryIO, file_format: FileFormat) -> Iterator[bytes]:
    """The events' bytes in a replayed file, in its order.

    Raises:
        ValueError: it is another format, or breaks off.
    """
    return _lines(file) if file_format == "jsonl" else _frames(file)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            raise ValueError(f"line {number} breaks off")
        try:
            yield b64decode(json.loads(line)["data"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is no replayed event") from error


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while length := file.read(LENGTH_BYTES):
        size = int.from_bytes(length, "big")
        data = file.read(size)
        if len(length) < LENGTH_BYTES or len(data) < size:
            raise ValueError("the last event breaks off")
        yield data


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
