"""Writes replayed events to files, and reads them back.

`jsonl`: a line of JSON for each event, `{"name", "schema", "event": {...}, "data"}`. `event` is readable: money is a
string, times are ISO 8601 in UTC. `data` is the event's bytes as on the stream, in Base64.

`framed`: for each event its length in four bytes, big-endian, then the event's bytes as on the stream.

Avro object containers are not supported: they would hold the event types as branches of one union, without the
single-object headers that a consumer of the stream needs to decode an event.
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
    """Encodes an event as a line of `jsonl`."""
    event = codec.decode(data)
    line = {
        "name": event.name,
        "schema": event.fingerprint,
        "event": {name: _plain(value) for name, value in event.fields.items()},
        "data": b64encode(data).decode(),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def to_frame(data: bytes) -> bytes:
    """Encodes an event as `framed`."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def writer(file_format: FileFormat, codec: Codec) -> Callable[[bytes], bytes]:
    """The function that encodes an event's bytes in a format.

    Args:
        file_format: the format.
        codec: decodes the events, for the readable part of `jsonl`.
    """
    return partial(to_line, codec=codec) if file_format == "jsonl" else to_frame


def events_in(file: BinaryIO, file_format: FileFormat) -> Iterator[bytes]:
    """The events' bytes in a replayed file, in order.

    Raises:
        ValueError: the file has another format, or is truncated.
    """
    return _lines(file) if file_format == "jsonl" else _frames(file)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            raise ValueError(f"line {number} is truncated")
        try:
            yield b64decode(json.loads(line)["data"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is not a replayed event") from error


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while length := file.read(LENGTH_BYTES):
        size = int.from_bytes(length, "big")
        data = file.read(size)
        if len(length) < LENGTH_BYTES or len(data) < size:
            raise ValueError("the last event is truncated")
        yield data


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
