"""What Firehose keeps of what it could not deliver: an object of lines, a document of JSON each. Pure.

Source: Amazon Data Firehose Developer Guide, "Handle failure in data transformation" (`rawData` is the record as it
came) and "Handling errors for data format conversion" (`rawData` is what the function made of it).
`local_stack.firehose.failures` writes the same.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import CorruptAggregate
from consumers.lake.delivery.conversion import json_objects
from consumers.lake.envelope import milliseconds

BEFORE_THE_ROWS = "Lambda."
"""Error codes of what the function made nothing of begin so."""


@dataclass(frozen=True, slots=True)
class Document:
    """One failed record.

    Attributes:
        line: it as it stands, without its line feed.
        parts: what can be put back by itself: an aggregate's events, the JSON objects of a transformed record.
        is_transformed: whether the parts are JSON that the function made.
        arrived_ms: when Firehose got it, milliseconds since 1970.
    """

    line: bytes
    parts: tuple[bytes, ...]
    is_transformed: bool
    arrived_ms: int

    def with_parts(self, parts: Sequence[bytes]) -> list[bytes]:
        """Lines that hold these of its parts and no others."""
        if tuple(parts) == self.parts:
            return [self.line]
        document = json.loads(self.line)
        return [json.dumps(document | {"rawData": base64.b64encode(part).decode()}).encode() for part in parts]


@dataclass(frozen=True, slots=True)
class NoDocument:
    """A line that cannot be understood; it stays as it is."""

    line: bytes
    problem: str


def documents(body: bytes) -> list[Document | NoDocument]:
    """An object's, in its order; empty lines are none."""
    return [_document(line) for line in body.split(b"\n") if line.strip()]


def object_of(lines: Sequence[bytes]) -> bytes:
    """The object with these lines."""
    return b"".join(line + b"\n" for line in lines)


def _document(line: bytes) -> Document | NoDocument:
    try:
        document: dict[str, Any] = _shallow(json.loads(line))
        data = base64.b64decode(document["rawData"], validate=True)
        arrived_ms = milliseconds(document["arrivalTimestamp"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return NoDocument(line, f"it is no document of Firehose's: {type(error).__name__}: {error}")
    # No framing of an event begins so, nor does an aggregate; but what somebody else wrote to the stream may.
    is_as_it_came = str(document.get("errorCode", "")).startswith(BEFORE_THE_ROWS)
    if is_as_it_came or not data.lstrip().startswith(b"{"):
        return Document(line, _events(data), is_transformed=False, arrived_ms=arrived_ms)
    try:
        parts = tuple(json.dumps(_shallow(each)).encode() for each in json_objects(data))
    except (ValueError, TypeError, RecursionError) as error:
        return NoDocument(line, f"its rawData begins like JSON and holds no rows: {error}")
    return Document(line, parts, is_transformed=True, arrived_ms=arrived_ms)


def _shallow(document: Any) -> dict[str, Any]:  # noqa: ANN401 -- out of JSON
    """An object as Firehose's and the function's are. One of a thousand levels may be read here, and not further in."""
    if not isinstance(document, dict):
        raise TypeError("an object is due")
    inner = [value for value in document.values() if isinstance(value, dict | list)]  # dataCatalogTable
    if any(isinstance(each, dict | list) for value in inner for each in _values(value)):
        raise ValueError("an object of several levels")
    return document


def _values(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _events(data: bytes) -> tuple[bytes, ...]:
    """A damaged or an empty aggregate stays whole: the function says what is wrong with it."""
    try:
        return tuple(unpack(data)) or (data,)
    except CorruptAggregate:
        return (data,)
