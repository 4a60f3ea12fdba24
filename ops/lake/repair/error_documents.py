"""Parses the objects in which Firehose keeps records that it could not deliver: a JSON document on each line. Pure.

Source: Amazon Data Firehose Developer Guide, "Handle failure in data transformation" (`rawData` is the original record)
and "Handling errors for data format conversion" (`rawData` is the function's output).
`local_stack.firehose.failures` writes the same format.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import CorruptAggregate
from consumers.lake.delivery.contract import json_objects
from consumers.lake.envelope import milliseconds

NOT_TRANSFORMED = "Lambda."
"""The prefix of the error codes for records that the function did not transform."""


@dataclass(frozen=True, slots=True)
class Document:
    """One failed record.

    Attributes:
        line: the document's line, without the line feed.
        parts: the parts that can be put back separately: an aggregate's events, or the JSON objects of a transformed
            record.
        is_transformed: whether the parts are JSON rows that the function returned.
        arrived_ms: when Firehose received the record, milliseconds since 1970.
    """

    line: bytes
    parts: tuple[bytes, ...]
    is_transformed: bool
    arrived_ms: int

    def with_parts(self, parts: Sequence[bytes]) -> list[bytes]:
        """The document's lines if it had only these of its parts."""
        if tuple(parts) == self.parts:
            return [self.line]
        document = json.loads(self.line)
        return [json.dumps(document | {"rawData": base64.b64encode(part).decode()}).encode() for part in parts]


@dataclass(frozen=True, slots=True)
class UnparsedLine:
    """A line that cannot be parsed; a redrive leaves it in place."""

    line: bytes
    problem: str


def documents(body: bytes) -> list[Document | UnparsedLine]:
    """The documents of an object, in order, without empty lines."""
    return [_document(line) for line in body.split(b"\n") if line.strip()]


def object_of(lines: Sequence[bytes]) -> bytes:
    """The body of an object with these lines."""
    return b"".join(line + b"\n" for line in lines)


def _document(line: bytes) -> Document | UnparsedLine:
    try:
        document: dict[str, Any] = _shallow(json.loads(line))
        data = base64.b64decode(document["rawData"], validate=True)
        arrived_ms = milliseconds(document["arrivalTimestamp"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return UnparsedLine(line, f"not a document that Firehose writes: {type(error).__name__}: {error}")
    # An event or an aggregate never begins with a brace, but a record that another producer put on the stream may.
    is_original = str(document.get("errorCode", "")).startswith(NOT_TRANSFORMED)
    if is_original or not data.lstrip().startswith(b"{"):
        return Document(line, _events(data), is_transformed=False, arrived_ms=arrived_ms)
    try:
        parts = tuple(json.dumps(_shallow(each)).encode() for each in json_objects(data))
    except (ValueError, TypeError, RecursionError) as error:
        return UnparsedLine(line, f"its rawData looks like JSON but holds no rows: {error}")
    return Document(line, parts, is_transformed=True, arrived_ms=arrived_ms)


def _shallow(document: Any) -> dict[str, Any]:  # noqa: ANN401 -- out of JSON
    """Refuses deeply nested JSON, which later steps could not process. Firehose and the function never write it."""
    if not isinstance(document, dict):
        raise TypeError("not a JSON object")
    inner = [value for value in document.values() if isinstance(value, dict | list)]  # such as dataCatalogTable
    if any(isinstance(each, dict | list) for value in inner for each in _values(value)):
        raise ValueError("an object nested too deeply")
    return document


def _values(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _events(data: bytes) -> tuple[bytes, ...]:
    """The events of an aggregate. A damaged or empty aggregate is one part: the function reports what is wrong."""
    try:
        return tuple(unpack(data)) or (data,)
    except CorruptAggregate:
        return (data,)
